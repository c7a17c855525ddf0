// Methods and targets.
const arrives = (method, init = {}) => async (h) => {
  const echo = await h.echo({ method, ...init });
  h.equal(echo.method, method);
  return { method: echo.method, text: echo.text, length: h.field(echo, 'content-length') };
};

const target = (path, expected) => async (h) => {
  const response = await fetch(path);
  const echo = await response.json();
  h.equal(echo.target, expected);
  return { target: echo.target, url: response.url.replace(location.origin, '') };
};

export const methods = {
  'GET arrives as GET without a body': arrives('GET'),
  'POST with text': arrives('POST', { body: 'some text' }),
  'POST without a body says length 0': arrives('POST'),
  'PUT with text': arrives('PUT', { body: 'put this' }),
  'PUT of nothing': arrives('PUT', { body: '' }),
  'PATCH with text': arrives('PATCH', { body: 'patch' }),
  'DELETE without a body': arrives('DELETE'),
  'DELETE with a body': arrives('DELETE', { body: 'what to delete' }),
  'OPTIONS is answered by the upstream': arrives('OPTIONS'),
  'PROPFIND with a body, as WebDAV asks': arrives('PROPFIND', { body: '<propfind/>', headers: { Depth: '1', 'Content-Type': 'application/xml' } }),
  'MKCOL': arrives('MKCOL'),
  'REPORT': arrives('REPORT', { body: '<report/>' }),
  'HEAD has the fields and no body': async (h) => {
    const response = await h.fetch('/bytes', { n: 12345 }, { method: 'HEAD' });
    const text = await response.text();
    h.equal([response.status, response.headers.get('content-length'), text], [200, '12345', '']);
    return h.fields(response);
  },
  'a method in lower case is put right': async (h) => (await h.echo({ method: 'post', body: 'x' })).method,
  'escapes in the path stay as they are': target('/echo/a%2Fb%20c%25d%3Bx;y=1,2', '/echo/a%2Fb%20c%25d%3Bx;y=1,2'),
  'a double slash in the path stays': target('/echo//double///x', '/echo//double///x'),
  'dots in the path are resolved by the browser': target('/echo/a/../b/./c', '/echo/b/c'),
  'other letters in the path are escaped': target('/echo/Grüße/世界', '/echo/Gr%C3%BC%C3%9Fe/%E4%B8%96%E7%95%8C'),
  'a query with everything in it': target('/echo?a=1&a=2&b=&c&d=%26%3D%23&e=x+y&f=/?:@!$\'()*,;', "/echo?a=1&a=2&b=&c&d=%26%3D%23&e=x+y&f=/?:@!$%27()*,;"),
  'an empty query keeps its question mark': target('/echo?', '/echo?'),
  'a fragment stays in the browser': target('/echo/x?y#fragment', '/echo/x?y'),
  'a target of 6000 characters': target(`/echo/${'long/'.repeat(1200)}end`, `/echo/${'long/'.repeat(1200)}end`),
  'paths that look like ours belong to the app': async (h) => {
    const response = await h.fetch('/echo/@/info');
    return { status: response.status, target: (await response.json()).target.split('?')[0] };
  },
  'the way home, /@/, is the app’s own': async (h) => {
    const response = await h.fetch('/@/info');
    h.equal(response.status, 404);
    return (await response.text()).trim();
  },
};
