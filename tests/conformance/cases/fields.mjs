// Header fields in both directions.
const respond = (lines, parameters = {}) => ({ h: lines, body: 'x', ...parameters });
const get = async (h, lines, name) => {
  const response = await h.fetch('/respond', respond(lines));
  await response.text();
  return response.headers.get(name);
};

export const fields = {
  'own request fields arrive': async (h) => {
    const echo = await h.echo({ headers: { 'X-One': '1', 'x-two': 'zwei', 'X-THREE': '3 3' } });
    return h.equal(['x-one', 'x-two', 'x-three'].map((name) => h.field(echo, name)), [['1'], ['zwei'], ['3 3']]);
  },
  'a request field given twice is one list': async (h) => {
    const headers = new Headers({ 'X-List': 'a' });
    headers.append('X-List', 'b');
    return h.equal(h.field(await h.echo({ headers }), 'x-list').join(', '), 'a, b');
  },
  'an empty request field arrives': async (h) => h.equal(h.field(await h.echo({ headers: { 'X-Empty': '' } }), 'x-empty'), ['']),
  'a request field of 16 KiB': async (h) => {
    const [value] = h.field(await h.echo({ headers: { 'X-Long': 'l'.repeat(16384) } }), 'x-long');
    return h.equal(value.length, 16384);
  },
  '120 request fields': async (h) => {
    const headers = Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`x-many-${i}`, String(i)]));
    return h.equal((await h.echo({ headers })).fields.filter(([name]) => name.startsWith('x-many-')).length, 120);
  },
  'a request field with Latin-1 letters': async (h) => h.equal(h.field(await h.echo({ headers: { 'X-Latin': 'Gr\u00fc\u00dfe' } }), 'x-latin'), ['Gr\u00fc\u00dfe']),
  'Authorization arrives': async (h) => h.equal(h.field(await h.echo({ headers: { Authorization: 'Bearer secret' } }), 'authorization'), ['Bearer secret']),
  'Content-Type arrives as given': async (h) => h.equal(h.field(await h.echo({ body: 'x', headers: { 'Content-Type': 'Application/X-Thing; Q="a b"' } }), 'content-type'), ['Application/X-Thing; Q="a b"']),
  'the content type of a string, a form, a blob, a search': async (h) => {
    const form = new FormData();
    form.set('a', 'b');
    const bodies = ['text', new URLSearchParams({ a: 'b c' }), new Blob(['x'], { type: 'image/x-thing' }), new Blob(['x']), new Uint8Array(3), form];
    const types = [];
    for (const body of bodies) types.push((h.field(await h.echo({ body }), 'content-type')[0] ?? 'none').replace(/boundary=.*/, 'boundary'));
    return h.equal(types, ['text/plain;charset=UTF-8', 'application/x-www-form-urlencoded;charset=UTF-8', 'image/x-thing', 'none', 'none', 'multipart/form-data; boundary']);
  },
  'Accept of fetch, and one that is asked for': async (h) => {
    const [plain, asked] = [await h.echo({}), await h.echo({ headers: { Accept: 'application/json;q=0.9, */*;q=0.1' } })];
    return h.equal([h.field(plain, 'accept'), h.field(asked, 'accept')], [['*/*'], ['application/json;q=0.9, */*;q=0.1']]);
  },
  'Accept-Language and User-Agent are the browser’s': async (h) => {
    const echo = await h.echo({});
    h.equal(h.field(echo, 'user-agent'), [navigator.userAgent]);
    h.ok(h.field(echo, 'accept-language')[0]?.startsWith(navigator.language), 'the language is there');
    return 'the same';
  },
  'Referer names the page of the upstream': async (h) => {
    const [referer] = h.field(await h.echo({ method: 'GET' }), 'referer');
    return h.equal(new URL(referer).pathname, '/');
  },
  'Referer is left out where the page asks so': async (h) => h.equal(h.field(await h.echo({ referrerPolicy: 'no-referrer' }), 'referer'), []),
  'Origin of a POST is the origin that Host names': async (h) => {
    const echo = await h.echo({ body: 'x' });
    return h.equal(h.field(echo, 'origin'), [`http://${h.field(echo, 'host')[0]}`]);
  },
  'a GET of the own origin has no Origin': async (h) => h.equal(h.field(await h.echo({ method: 'GET' }), 'origin'), []),
  'Sec-Fetch fields say what the browser does': async (h) => {
    const echo = await h.echo({ method: 'GET' });
    return h.equal(['site', 'mode', 'dest'].map((name) => h.field(echo, `sec-fetch-${name}`)[0]), ['same-origin', 'cors', 'empty']);
  },
  'nothing of the way itself reaches the upstream': async (h) => {
    const echo = await h.echo({ headers: { 'owndir-app': 'other', 'owndir-origin': 'http://evil.example' } });
    const ours = echo.fields.map(([name]) => name).filter((name) => name.startsWith('owndir-') || name === 'proxy-connection');
    return location.hostname === '127.0.0.1' && ours.length === 2 ? [] : ours; // directly there is nobody to take them away
  },
  'own response fields arrive': async (h) => h.equal(await get(h, ['X-One: eins'], 'x-one'), 'eins'),
  'a response field given three times is one list': async (h) => h.equal(await get(h, ['X-List: a', 'X-List: b, c', 'X-List: d'], 'x-list'), 'a, b, c, d'),
  'an empty response field': async (h) => h.equal(await get(h, ['X-Empty:'], 'x-empty'), ''),
  'a response field with Latin-1 letters': async (h) => h.equal(await get(h, ['X-Latin: Grüße'], 'x-latin'), 'Gr\u00fc\u00dfe'),
  'a response field with UTF-8 in it, read as bytes': async (h) => {
    const value = await get(h, [`X-Bytes: ${String.fromCharCode(...new TextEncoder().encode('世界'))}`], 'x-bytes');
    return h.equal(new TextDecoder().decode(Uint8Array.from(value, (c) => c.charCodeAt(0))), '世界');
  },
  'spaces within a value stay': async (h) => h.equal(await get(h, ['X-Spaces: a  b\tc'], 'x-spaces'), 'a  b\tc'),
  'Set-Cookie is not shown to scripts': async (h) => h.equal(await get(h, ['Set-Cookie: hidden=1; Max-Age=0', 'X-Shown: yes'], 'set-cookie'), null),
  '200 response fields': async (h) => {
    const response = await h.fetch('/many-fields', { count: 200, size: 30 });
    return h.equal([...response.headers].filter(([name]) => name.startsWith('x-field-')).length, 200);
  },
  'a response field of 40 KiB': async (h) => h.equal((await h.fetch('/many-fields', { count: 1, size: 40000 })).headers.get('x-field-0').length, 40000),
  'a response head of 60 KiB': async (h) => h.equal([...(await h.fetch('/many-fields', { count: 60, size: 1000 })).headers].filter(([, value]) => value.length === 1000).length, 60),
  'all fields of an ordinary answer': async (h) => {
    const lines = ['ETag: "x"', 'Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT', 'Content-Language: de', 'Link: </a>; rel=next', 'Server: upstream/1', 'Vary: Accept', 'X-Powered-By: tests', 'Content-Disposition: inline', 'Allow: GET', 'Retry-After: 3', 'Age: 5', 'Warning: 199 - "w"', 'WWW-Authenticate: X', 'Server-Timing: a;dur=1', 'Permissions-Policy: camera=()', 'Referrer-Policy: same-origin', 'X-Content-Type-Options: nosniff'];
    const response = await h.fetch('/respond', respond(lines));
    h.ok(lines.every((line) => response.headers.has(line.split(':')[0])), 'all are there');
    return h.fields(response);
  },
  'nothing is added to an answer': async (h) => h.equal((h.fields(await h.fetch('/respond', { body: 'x' }))).map(([name]) => name), ['cache-control', 'content-length', 'content-type']),
  'the reason of a status': async (h) => {
    const response = await h.fetch('/respond', { status: 200, reason: 'Quite All Right' });
    return h.equal([response.status, response.statusText], [200, 'Quite All Right']);
  },
  'a Location without a redirect is only a field': async (h) => {
    const response = await h.fetch('/respond', { status: 201, h: ['Location: /made/5'] });
    return h.equal([response.status, response.headers.get('location'), response.redirected], [201, '/made/5', false]);
  },
  'early hints are passed over': async (h) => {
    const response = await h.fetch('/early-hints');
    return h.equal([response.status, response.headers.get('x-final'), await response.text()], [200, 'yes', 'after early hints\n']);
  },
};
