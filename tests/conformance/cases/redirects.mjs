// Redirects: followed by whoever asked, never by the way.
const follow = (status, method, expected, { form } = {}) => async (h) => {
  const response = await h.fetch('/redirect', { status, to: `/echo/there?x=1`, form }, method === 'GET' ? {} : { method, body: 'the body', headers: { 'X-Kept': 'yes' } });
  const echo = await response.json();
  h.equal([echo.method, echo.text], expected);
  h.equal(new URL(response.url).origin, location.origin, 'the origin');
  return { method: echo.method, text: echo.text, redirected: h.equal(response.redirected, true), url: response.url.replace(location.origin, ''), type: h.field(echo, 'content-type'), kept: h.field(echo, 'x-kept') };
};

export const redirects = {
  'GET 301': follow(301, 'GET', ['GET', '']),
  'GET 302': follow(302, 'GET', ['GET', '']),
  'GET 303': follow(303, 'GET', ['GET', '']),
  'GET 307': follow(307, 'GET', ['GET', '']),
  'GET 308': follow(308, 'GET', ['GET', '']),
  'POST 301 becomes GET': follow(301, 'POST', ['GET', '']),
  'POST 302 becomes GET': follow(302, 'POST', ['GET', '']),
  'POST 303 becomes GET': follow(303, 'POST', ['GET', '']),
  'POST 307 stays with its body': follow(307, 'POST', ['POST', 'the body']),
  'POST 308 stays with its body': follow(308, 'POST', ['POST', 'the body']),
  'PUT 302 stays PUT': follow(302, 'PUT', ['PUT', 'the body']),
  'PUT 303 becomes GET': follow(303, 'PUT', ['GET', '']),
  'DELETE 307 stays': follow(307, 'DELETE', ['DELETE', 'the body']),
  'to an absolute address of the upstream itself': follow(302, 'GET', ['GET', ''], { form: 'absolute' }),
  'to an address without a scheme': follow(302, 'GET', ['GET', ''], { form: 'scheme' }),
  'POST 307 to an absolute address': follow(307, 'POST', ['POST', 'the body'], { form: 'absolute' }),
  'to a relative address': async (h) => {
    const response = await h.fetch('/redirect/deep/er', { to: '../../echo/rel?y=2' });
    return h.equal((await response.json()).target, '/echo/rel?y=2');
  },
  'to a query only': async (h) => {
    const response = await h.fetch('/redirect/q', { to: '?status=200' });
    await response.text();
    return h.equal([response.status, new URL(response.url).pathname, new URL(response.url).search], [200, '/redirect/q', '?status=200']);
  },
  'to an address with letters beyond ASCII': async (h) => {
    const response = await h.fetch('/redirect', { to: '/echo/Grüße%20x?q=ü' });
    return { target: (await response.json()).target, url: response.url.replace(location.origin, '') };
  },
  'a fragment is kept': async (h) => {
    const hashes = [];
    for (const [to, mine] of [['/nav/page', '#mine'], ['/nav/page#theirs', '']]) {
      const frame = h.element('iframe');
      const told = h.told(frame);
      frame.src = h.url('/redirect', { to }) + mine;
      hashes.push((await told).hash);
    }
    return h.equal(hashes, ['#mine', '#theirs']);
  },
  'a chain of ten': async (h) => {
    const response = await h.fetch('/chain', { left: 10 });
    return h.equal([(await response.json()).arrived, (await h.seen('/chain')).length, response.redirected], [true, 11, true]);
  },
  'a chain of 25 is too long': async (h) => {
    const name = await h.rejects(h.fetch('/chain', { left: 25 }));
    return h.equal([name, (await h.seen('/chain')).length], ['TypeError', 21]);
  },
  'a loop ends as an error': async (h) => h.equal([await h.rejects(h.fetch('/loop')), (await h.seen('/loop')).length < 30], ['TypeError', true]),
  'redirect: error': async (h) => h.equal(await h.rejects(h.fetch('/redirect', { to: '/echo' }, { redirect: 'error' })), 'TypeError'),
  'redirect: manual shows nothing of it': async (h) => {
    const response = await h.fetch('/redirect', { to: `/echo?id=${h.id}` }, { redirect: 'manual' });
    h.equal((await h.seen('/echo')).length, 0, 'requests to where it leads');
    return h.equal([response.type, response.status, [...response.headers].length], ['opaqueredirect', 0, 0]);
  },
  'without a Location it is an answer': async (h) => {
    const response = await h.fetch('/redirect', { status: 302 });
    return h.equal([response.status, await response.text(), response.redirected], [302, 'moved\n', false]);
  },
  'to another scheme is an error': async (h) => h.equal(await h.rejects(h.fetch('/redirect', { to: 'data:text/plain,x' })), 'TypeError'),
  '1 MiB of body goes again after 307': async (h) => {
    const body = new Blob([h.pattern(1_048_576)]);
    const got = await h.json('/redirect', { status: 307, to: `/upload?id=${h.id}` }, { method: 'POST', body });
    return h.equal([got.length, got.digest], [1_048_576, h.patternDigest(1_048_576)]);
  },
  'HEAD stays HEAD after 303': async (h) => {
    const response = await h.fetch('/redirect', { status: 303, to: '/echo' }, { method: 'HEAD' });
    return h.equal([response.headers.get('x-echo-method'), response.redirected], ['HEAD', true]);
  },
  'a picture comes through one': async (h) => {
    const image = h.element('img', { src: h.url('/redirect', { to: '/picture' }) });
    await h.event(image, 'load');
    return h.equal([image.naturalWidth, image.naturalHeight], [40, 30]);
  },
  'a script comes through one': async (h) => {
    const script = h.element('script', { src: h.url('/redirect', { to: '/site/sets-a-value.js', form: 'absolute' }) });
    await h.event(script, 'load');
    return h.equal(globalThis.aValueThatAScriptSets, 'set');
  },
  'a framed page comes through one': async (h) => {
    const { path, title } = await h.frame('/redirect', { to: '/nav/sub/page?title=Arrived', form: 'absolute' });
    return h.equal([path, title], ['/nav/sub/page', 'Arrived']);
  },
};
