// The browser's HTTP cache, or whatever stands for it: fresh answers are not asked for again, stale ones are asked after.
const read = async (h, parameters, init) => {
  const response = await h.fetch('/counted', parameters, init);
  return `${response.status} ${await response.text()}`;
};
const twice = (lines, expected, { more = {}, init, second = init } = {}) => async (h) => {
  const parameters = { h: lines, ...more };
  const got = [await read(h, parameters, init), await read(h, parameters, second)];
  h.equal(got, expected);
  return { got, asked: (await h.seen('/counted')).map(({ ifNoneMatch, ifModifiedSince }) => [ifNoneMatch, ifModifiedSince]) };
};
const again = ['200 reading 1', '200 reading 1'];
const anew = ['200 reading 1', '200 reading 2'];
const old = 'Mon, 01 Jan 2024 00:00:00 GMT';

export const cache = {
  'max-age: the second is not asked for': twice(['Cache-Control: max-age=600'], again),
  'no-store: the second is': twice(['Cache-Control: no-store'], anew),
  'no-store with an ETag: nothing is kept': twice(['Cache-Control: no-store'], anew, { more: { etag: 'e' } }),
  'no-cache with an ETag: asked after, not sent again': twice(['Cache-Control: no-cache'], again, { more: { etag: 'e' } }),
  'max-age=0 with an ETag': twice(['Cache-Control: max-age=0'], again, { more: { etag: 'e' } }),
  'max-age=0 with Last-Modified': twice(['Cache-Control: max-age=0'], again, { more: { modified: old } }),
  'a weak validator': twice(['Cache-Control: no-cache', 'ETag: W/"weak"'], anew),
  'an ETag that changes': twice(['Cache-Control: no-cache'], anew, { more: { etag: 'e', turn: 2 } }),
  'Expires in the future': twice([`Date: ${new Date().toUTCString()}`, `Expires: ${new Date(Date.now() + 600_000).toUTCString()}`], again),
  'Expires: 0': twice(['Expires: 0'], anew),
  'a Last-Modified of long ago makes it fresh for a while': twice([], again, { more: { modified: old } }),
  'nothing said and no validator: asked anew': twice([], anew),
  'private is kept by a browser': twice(['Cache-Control: private, max-age=600'], again),
  'immutable': twice(['Cache-Control: max-age=600, immutable'], again),
  'cache: no-store': twice(['Cache-Control: max-age=600'], anew, { init: { cache: 'no-store' } }),
  'cache: reload asks, and keeps what comes': async (h) => {
    const parameters = { h: ['Cache-Control: max-age=600'] };
    const got = [await read(h, parameters), await read(h, parameters, { cache: 'reload' }), await read(h, parameters)];
    return h.equal(got, ['200 reading 1', '200 reading 2', '200 reading 2']);
  },
  'cache: no-cache asks after what is fresh': async (h) => {
    const parameters = { etag: 'e', h: ['Cache-Control: max-age=600'] };
    const got = [await read(h, parameters), await read(h, parameters, { cache: 'no-cache' })];
    h.equal(got, again);
    return h.equal((await h.seen('/counted')).map(({ ifNoneMatch }) => ifNoneMatch), ['', '"e"']);
  },
  'cache: force-cache takes what is stale': twice(['Cache-Control: max-age=0'], again, { more: { etag: 'e' }, second: { cache: 'force-cache' } }),
  'cache: only-if-cached of what is there': twice(['Cache-Control: max-age=600'], again, { second: { cache: 'only-if-cached', mode: 'same-origin' } }),
  'cache: only-if-cached of what is not': async (h) => {
    const name = await h.rejects(h.fetch('/counted', {}, { cache: 'only-if-cached', mode: 'same-origin' }).then((response) => (response.status === 504 ? Promise.reject(new TypeError('504')) : response)));
    return h.equal([name, (await h.seen('/counted')).length], ['TypeError', 0]);
  },
  'Vary: another value is another answer': async (h) => {
    const parameters = { by: 'x-by', h: ['Cache-Control: max-age=600', 'Vary: X-By'] };
    const ask = (by) => read(h, parameters, { headers: { 'X-By': by } });
    return h.equal([await ask('a'), await ask('a'), await ask('b')], ['200 reading 1 for a', '200 reading 1 for a', '200 reading 2 for b']);
  },
  'Vary: * is asked for anew': twice(['Cache-Control: max-age=600', 'Vary: *'], anew),
  'a POST makes the old answer stale': async (h) => {
    const parameters = { h: ['Cache-Control: max-age=600'] };
    const before = await read(h, parameters);
    const posted = await read(h, parameters, { method: 'POST', body: 'x' });
    return h.equal([before, posted, await read(h, parameters)], ['200 reading 1', '200 reading 2', '200 reading 3']);
  },
  'answers to POST are not kept': twice(['Cache-Control: max-age=600'], anew, { init: { method: 'POST', body: 'x' } }),
  'a 404 with max-age is kept': twice(['Cache-Control: max-age=600'], ['404 reading 1', '404 reading 1'], { more: { status: 404 } }),
  'a 500 without anything said is not': twice([], ['500 reading 1', '500 reading 2'], { more: { status: 500 } }),
  'a 301 with max-age is not asked for again': async (h) => {
    const parameters = { redirect: 301, h: ['Cache-Control: max-age=600'] };
    const got = [await read(h, parameters), await read(h, parameters)];
    h.equal(got, ['200 arrived', '200 arrived']);
    return h.equal((await h.seen('/counted')).length, 1);
  },
  'another query is another thing': async (h) => {
    const lines = ['Cache-Control: max-age=600'];
    return h.equal([await read(h, { h: lines, q: 1 }), await read(h, { h: lines, q: 2 }), await read(h, { h: lines, q: 1 })], ['200 reading 1', '200 reading 2', '200 reading 1']);
  },
  'a 304 brings newer fields': async (h) => {
    const parameters = { etag: 'e', h: ['Cache-Control: no-cache'] };
    const first = await h.fetch('/counted', parameters);
    await first.text();
    const second = await h.fetch('/counted', parameters);
    return h.equal([await second.text(), first.headers.get('x-reading'), second.headers.get('x-reading')], ['reading 1', '1', '2']);
  },
  'a condition of the page’s own is passed on': async (h) => {
    const parameters = { etag: 'e', h: ['Cache-Control: max-age=600'] };
    await read(h, parameters);
    const response = await h.fetch('/counted', parameters, { headers: { 'If-None-Match': '"e"' } });
    return h.equal([response.status, await response.text()], [304, '']);
  },
  'an answer that broke off is not kept': async (h) => {
    const got = await h.drain(await h.fetch('/fault/short'));
    const next = await h.drain(await h.fetch('/fault/short'));
    h.ok(got.error && next.error, 'both fail');
    return h.equal((await h.seen('/fault/short')).length >= 2, true);
  },
  'ranges of something that is kept whole': async (h) => {
    const whole = await h.bytes('/ranges', { n: 5000 });
    const part = await h.fetch('/ranges', { n: 5000 }, { headers: { Range: 'bytes=10-19' } });
    return h.equal([whole.length, part.status, (await part.arrayBuffer()).byteLength], [5000, 206, 10]);
  },
};
