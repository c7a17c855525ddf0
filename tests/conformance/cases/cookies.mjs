// Cookies: the browser's own jar directly; on other ways whoever keeps them must do the same. Each case's cookies begin
// with its id, so that no case sees another's.
const set = (h, list, { path = '/cookies/set', ...more } = {}) => h.text(path, { c: list.map((cookie) => `${h.id}${cookie}`), ...more });
const show = (h, path = '/cookies/show', init = {}) => h.json(path, { prefix: h.id }, init);
const visible = (h) => document.cookie.split('; ').filter((pair) => pair.startsWith(h.id)).map((pair) => pair.slice(h.id.length)).sort();
const clear = (h, ...names) => names.forEach((name) => (document.cookie = `${h.id}${name}=; Path=/; Max-Age=0`));

const kept = (list, expected, { scripts = expected } = {}) => async (h) => {
  await set(h, list);
  const sent = await show(h);
  h.equal(sent, expected, 'sent');
  return { sent, scripts: h.equal(visible(h), scripts, 'document.cookie') };
};

export const cookies = {
  'one is set and sent': kept(['a=1; Path=/'], ['a=1']),
  'three are set by one answer': kept(['a=1; Path=/', 'b=2; Path=/', 'c=3; Path=/'], ['a=1', 'b=2', 'c=3']),
  'HttpOnly is sent and hidden from scripts': kept(['a=1; Path=/; HttpOnly'], ['a=1'], { scripts: [] }),
  'SameSite=Strict is sent': kept(['a=1; Path=/; SameSite=Strict'], ['a=1']),
  'SameSite=Lax is sent': kept(['a=1; Path=/; SameSite=Lax'], ['a=1']),
  'SameSite=None without Secure is refused': kept(['a=1; Path=/; SameSite=None', 'b=2; Path=/'], ['b=2']),
  'Secure, on an origin that counts as secure': kept(['a=1; Path=/; Secure'], ['a=1']),
  'the prefix __Host- with what it asks for': async (h) => {
    await h.text('/cookies/set', { c: [`__Host-${h.id}=1; Path=/; Secure`, `__Host-${h.id}bad=1; Path=/sub; Secure`, `__Secure-${h.id}bad=1; Path=/`] });
    const sent = (await h.json('/cookies/show', {})).filter((pair) => pair.includes(h.id)).map((pair) => pair.replace(h.id, ''));
    document.cookie = `__Host-${h.id}=; Path=/; Secure; Max-Age=0`;
    return h.equal(sent, ['__Host-=1']);
  },
  'Max-Age keeps': kept(['a=1; Path=/; Max-Age=60'], ['a=1']),
  'Max-Age=0 is gone at once': kept(['a=1; Path=/; Max-Age=0', 'b=2; Path=/'], ['b=2']),
  'Expires in the past is gone at once': kept(['a=1; Path=/; Expires=Wed, 01 Jan 2020 00:00:00 GMT', 'b=2; Path=/'], ['b=2']),
  'Expires in the future keeps': kept(['a=1; Path=/; Expires=Fri, 01 Jan 2038 00:00:00 GMT'], ['a=1']),
  'Max-Age is stronger than Expires': kept(['a=1; Path=/; Max-Age=60; Expires=Wed, 01 Jan 2020 00:00:00 GMT'], ['a=1']),
  'it ends when its time is over': async (h) => {
    await set(h, ['a=1; Path=/; Max-Age=1', 'b=2; Path=/']);
    h.equal(await show(h), ['a=1', 'b=2']);
    await h.until(async () => (await show(h)).length === 1, 'the first to be gone');
    return h.equal([await show(h), visible(h)], [['b=2'], ['b=2']]);
  },
  'a later one of the same name replaces': async (h) => {
    await set(h, ['a=1; Path=/']);
    await set(h, ['a=2; Path=/']);
    return h.equal(await show(h), ['a=2']);
  },
  'Max-Age=0 later takes it away': async (h) => {
    await set(h, ['a=1; Path=/', 'b=2; Path=/']);
    await set(h, ['a=; Path=/; Max-Age=0']);
    return h.equal([await show(h), visible(h)], [['b=2'], ['b=2']]);
  },
  'values with equals signs, quotes and nothing': kept(['a=x=y==; Path=/', 'b="quoted value"; Path=/', 'c=; Path=/'], ['a=x=y==', 'b="quoted value"', 'c=']),
  'Path keeps it to that path': async (h) => {
    await set(h, ['a=1; Path=/cookies/show/deep', 'b=2; Path=/cookies', 'c=3; Path=/other']);
    return h.equal([await show(h), await show(h, '/cookies/show/deep/er'), await show(h, '/cookies/show/deeper')], [['b=2'], ['a=1', 'b=2'], ['b=2']]);
  },
  'without Path it is the directory of what set it': async (h) => {
    await set(h, ['a=1'], { path: '/cookies/set/below' });
    const [here, there] = [await show(h), await (await fetch(`/cookies/set/x?id=${h.id}-x`)).text()];
    h.equal(there, 'cookies set\n');
    await set(h, ['b=1']); // from /cookies/set: the directory is /cookies
    return h.equal([here, await show(h)], [[], ['b=1']]);
  },
  'same name on two paths: both are sent': async (h) => {
    await set(h, ['a=outer; Path=/', 'a=inner; Path=/cookies/show']);
    return h.equal(await show(h), ['a=inner', 'a=outer']);
  },
  'Domain that is the host’s own is accepted': kept(['a=1; Path=/; Domain=HOST'], ['a=1']),
  'Domain of somebody else is refused': kept(['a=1; Path=/; Domain=example.com', 'b=2; Path=/'], ['b=2']),
  'document.cookie sets one that is sent': async (h) => {
    document.cookie = `${h.id}s=script; Path=/`;
    return h.equal([visible(h), await show(h)], [['s=script'], ['s=script']]);
  },
  'document.cookie cannot set HttpOnly': async (h) => {
    document.cookie = `${h.id}s=script; Path=/; HttpOnly`;
    return h.equal([visible(h), await show(h)], [[], []]);
  },
  'document.cookie cannot replace one that is HttpOnly': async (h) => {
    await set(h, ['a=server; Path=/; HttpOnly']);
    document.cookie = `${h.id}a=script; Path=/`;
    return h.equal([visible(h), await show(h)], [[], ['a=server']]);
  },
  'document.cookie takes one away': async (h) => {
    await set(h, ['a=1; Path=/', 'b=2; Path=/']);
    clear(h, 'a');
    return h.equal([visible(h), await show(h)], [['b=2'], ['b=2']]);
  },
  'document.cookie replaces what the server set': async (h) => {
    await set(h, ['a=server; Path=/']);
    document.cookie = `${h.id}a=script; Path=/`;
    return h.equal([visible(h), await show(h)], [['a=script'], ['a=script']]);
  },
  'document.cookie shows what the server set as soon as the answer is there': async (h) => {
    const response = await h.fetch('/cookies/set', { c: [`${h.id}a=1; Path=/`] });
    const now = visible(h);
    await response.text();
    return h.equal(now, ['a=1']);
  },
  'thirty at once': async (h) => {
    await set(h, Array.from({ length: 30 }, (_, i) => `n${i}=${i}; Path=/`));
    return h.equal((await show(h)).length, 30);
  },
  'one of 4000 bytes': async (h) => {
    await set(h, [`long=${'v'.repeat(3950)}; Path=/`]);
    const [value] = await show(h);
    clear(h, 'long');
    return h.equal(value.length, 3955);
  },
  'credentials: omit neither sends nor sets': async (h) => {
    await set(h, ['a=1; Path=/']);
    const omitted = await show(h, '/cookies/show', { credentials: 'omit' });
    await h.fetch('/cookies/set', { c: [`${h.id}b=2; Path=/`] }, { credentials: 'omit' });
    return h.equal([omitted, await show(h)], [[], ['a=1']]);
  },
  'set by a redirect, sent to where it leads': async (h) => {
    const list = await h.json('/cookies/set', { c: [`${h.id}a=1; Path=/`], status: 302, to: `/cookies/show?prefix=${h.id}` });
    return h.equal(list, ['a=1']);
  },
  'set by an error': async (h) => {
    await set(h, ['a=1; Path=/'], { status: 404 });
    return h.equal(await show(h), ['a=1']);
  },
  'set by a picture, sent with a picture': async (h) => {
    await set(h, ['a=1; Path=/']);
    const image = h.element('img', { src: h.url('/picture') });
    await h.event(image, 'load');
    const [entry] = await h.seen('/picture');
    return h.equal([image.naturalWidth, entry.cookie.includes(`${h.id}a=1`)], [40, true]);
  },
  'sent with a framed page': async (h) => {
    await set(h, ['a=1; Path=/; HttpOnly; SameSite=Lax']);
    await h.frame('/nav/page');
    const [entry] = await h.seen('/nav/page');
    return h.equal(entry.cookie.includes(`${h.id}a=1`), true);
  },
  'sent with the handshake of a WebSocket': async (h) => {
    await set(h, ['a=1; Path=/; HttpOnly']);
    const { cookie } = JSON.parse(await h.socket('/ws/handshake').next());
    return h.equal(cookie.includes(`${h.id}a=1`), true);
  },
  'set by the handshake of a WebSocket': async (h) => {
    const socket = h.socket('/ws/protocol', { c: [`${h.id}a=1; Path=/`] });
    await socket.opened();
    return h.equal(await show(h), ['a=1']);
  },
  'sent with server-sent events': async (h) => {
    await set(h, ['a=1; Path=/']);
    await h.events('/sse', { script: 'plain' }).atLeast(1);
    const [entry] = await h.seen('/sse');
    return h.equal(entry.cookie.includes(`${h.id}a=1`), true);
  },
};
