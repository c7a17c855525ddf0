// Response bodies and statuses.
const sized = (n, more = {}) => async (h) => {
  const response = await h.fetch('/bytes', { n, ...more });
  const got = await h.drain(response);
  h.equal(got, { length: n, digest: h.patternDigest(n) });
  return { ...got, said: response.headers.get('content-length') };
};
const status = (code, body = `body of ${code}`) => async (h) => {
  const response = await h.fetch('/respond', { status: code, body });
  const text = await response.text();
  h.equal([response.status, text, response.ok], [code, body, code >= 200 && code < 300]);
  return { status: response.status, text, fields: h.fields(response) };
};

export const bodies = {
  'nothing, with length 0': sized(0),
  'one byte': sized(1),
  '65535 bytes': sized(65535),
  '65536 bytes': sized(65536),
  '1 MiB and 1 byte': sized(1048577),
  '16 MiB': sized(16777216),
  'chunked, nothing': sized(0, { chunked: 10 }),
  'chunked, 100 bytes in pieces of 1': sized(100, { chunked: 1 }),
  'chunked, 3 MB in pieces of 4097': sized(3000000, { chunked: 4097 }),
  'ended by the end of the connection': async (h) => h.equal(await h.drain(await h.fetch('/until-close', { n: 200000 })), { length: 200000, digest: h.patternDigest(200000) }),
  'trailers are dropped, the body is whole': async (h) => {
    const response = await h.fetch('/trailers');
    return h.equal([await response.text(), response.headers.get('x-after')], ['before', null]);
  },
  'status 200': status(200),
  'status 201': status(201),
  'status 202': status(202),
  'status 203': status(203),
  'status 206 without a range': status(206),
  'status 207': status(207),
  'status 299': status(299),
  'status 300': status(300),
  'status 400': status(400),
  'status 401 without a challenge': status(401),
  'status 403': status(403),
  'status 404': status(404),
  'status 405': status(405),
  'status 409': status(409),
  'status 418': status(418),
  'status 422': status(422),
  'status 429': status(429),
  'status 451': status(451),
  'status 500': status(500),
  'status 501': status(501),
  'status 502 of the upstream’s own': status(502),
  'status 503': status(503),
  'status 504 of the upstream’s own': status(504),
  'status 599': status(599),
  'status 204 has no body': async (h) => {
    const response = await h.fetch('/respond', { status: 204 });
    return h.equal([response.status, await response.text(), response.headers.has('content-length')], [204, '', false]);
  },
  'status 205': async (h) => {
    const response = await h.fetch('/respond', { status: 205 });
    return h.equal([response.status, await response.text()], [205, '']);
  },
  'status 304 that the page itself asked for': async (h) => {
    const response = await h.fetch('/counted', { etag: 'v', h: ['Cache-Control: no-store'] }, { headers: { 'If-None-Match': '"v"' } });
    return h.equal([response.status, await response.text(), response.headers.get('etag')], [304, '', '"v"']);
  },
  'text in UTF-8 with a mark at its beginning': async (h) => h.equal(await h.text('/respond', { body: '\ufeffGrüße 世界 🌍' }), 'Grüße 世界 🌍'),
  'JSON': async (h) => h.equal(await h.json('/respond', { type: 'application/json', body: '{"a":[1,2,{"b":null}]}' }), { a: [1, 2, { b: null }] }),
  'a blob has the type of the answer': async (h) => {
    const blob = await (await h.fetch('/bytes', { n: 5000, type: 'image/x-test' })).blob();
    return h.equal([blob.size, blob.type], [5000, 'image/x-test']);
  },
  'an answer without a content type': async (h) => {
    const response = await h.fetch('/respond', { type: '', body: 'x' });
    return { type: h.equal(response.headers.get('content-type') ?? '', ''), blob: (await response.blob()).type };
  },
  'form data of an answer': async (h) => {
    const data = await (await h.fetch('/respond', { type: 'application/x-www-form-urlencoded', body: 'a=1&b=x+y' })).formData();
    return h.equal([...data], [['a', '1'], ['b', 'x y']]);
  },
  'a clone reads the same': async (h) => {
    const response = await h.fetch('/bytes', { n: 300000 });
    const copy = response.clone();
    const [a, b] = await Promise.all([h.drain(response), h.drain(copy)]);
    h.equal(a.digest, h.patternDigest(300000));
    return h.equal(b, a);
  },
  'a body is read once': async (h) => {
    const response = await h.fetch('/respond', { body: 'x' });
    await response.text();
    return h.equal([response.bodyUsed, await h.rejects(response.text())], [true, 'TypeError']);
  },
  'the url of an answer is the one that was asked': async (h) => {
    const response = await h.fetch('/respond', { body: 'x', note: 'ü&' });
    h.equal(response.url, location.origin + h.url('/respond', { body: 'x', note: 'ü&' }));
    return [response.type, response.redirected];
  },
};
