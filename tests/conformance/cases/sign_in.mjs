// HTTP Basic: the person who is asked gives the right name and password at once, and cancels when that is not taken (ways.mjs).
const at = (h, path = 'in') => `/auth/${h.id}/${path}`;
/** What came to that path, request by request. */
const tries = async (h, path) => (await h.seen(at(h, path))).map(({ authorization }) => authorization);
const textOf = async (response) => [response.status, await response.text()];

export const signIn = {
  'a fetch is asked for and made again': async (h) => {
    h.equal(await textOf(await h.fetch(at(h))), [200, 'in: ']);
    return h.equal(await tries(h), ['none', 'right']);
  },
  'its body is sent again': async (h) => {
    h.equal(await textOf(await h.fetch(at(h), {}, { method: 'POST', body: 'a body' })), [200, 'in: a body']);
    return h.equal(await tries(h), ['none', 'right']);
  },
  'below the directory it goes along at once': async (h) => {
    await h.text(at(h));
    h.equal(await textOf(await h.fetch(at(h, 'deep/er'), { realm: 'unheard of' })), [200, 'in: ']);
    return h.equal(await tries(h, 'deep/er'), ['right']);
  },
  'elsewhere in the same realm nobody is asked again': async (h) => {
    await h.text(at(h, 'one/in'));
    h.equal(await textOf(await h.fetch(at(h, 'two/in'))), [200, 'in: ']);
    return h.equal([await tries(h, 'one/in'), await tries(h, 'two/in')], [['none', 'right'], ['none', 'right']]);
  },
  'many at once are asked for once': async (h) => {
    const all = await Promise.all([1, 2, 3, 4, 5].map((n) => h.text(at(h, `many/${n}`))));
    return h.equal(all, Array(5).fill('in: '));
  },
  'what is not taken is refused to the app': async (h) => {
    h.equal(await textOf(await h.fetch(at(h), { never: 1 })), [401, 'not in']);
    return h.equal(await tries(h), ['none', 'right']);
  },
  'without credentials nobody is asked': async (h) => {
    h.equal(await textOf(await h.fetch(at(h), {}, { credentials: 'omit' })), [401, 'not in']);
    await h.text(at(h, 'known/in'));
    h.equal(await textOf(await h.fetch(at(h, 'known/omit'), {}, { credentials: 'omit' })), [401, 'not in']);
    return h.equal([await tries(h), await tries(h, 'known/omit')], [['none'], ['none']]);
  },
  'another scheme is the app’s own affair': async (h) => {
    const response = await h.fetch(at(h), { bearer: 1 });
    h.equal([response.headers.get('www-authenticate'), ...(await textOf(response))], ['Bearer realm="tokens"', 401, 'not in']);
    return h.equal(await tries(h), ['none']);
  },
  'a field of the app’s own stays as it is': async (h) => {
    h.equal(await h.text(at(h, 'known')), 'in: ');
    return h.equal(await textOf(await h.fetch(at(h), {}, { headers: { Authorization: 'Basic eDp5' } })), [401, 'not in']);
  },
  'XMLHttpRequest': async (h) => {
    const { request, done } = h.xhr('GET', at(h));
    h.equal([await done, request.status, request.responseText], ['load', 200, 'in: ']);
    return h.equal(await tries(h), ['none', 'right']);
  },
  'XMLHttpRequest with a login of its own, which then is known': async (h) => {
    const request = new XMLHttpRequest();
    request.open('GET', h.url(at(h)), true, 'anna ü', 'a pass: wörd');
    request.send();
    await h.event(request, 'loadend');
    h.equal([request.status, request.responseText], [200, 'in: ']);
    h.equal(await textOf(await h.fetch(at(h, 'next'))), [200, 'in: ']);
    return h.equal([await tries(h), await tries(h, 'next')], [['none', 'right'], ['right']]);
  },
  'XMLHttpRequest with a wrong login of its own asks nobody': async (h) => {
    const request = new XMLHttpRequest();
    request.open('GET', h.url(at(h)), true, 'anna', 'guess');
    request.send();
    await h.event(request, 'loadend');
    h.equal([request.status, request.responseText], [401, 'not in']);
    return h.equal(await tries(h), ['none', 'wrong']);
  },
  'a picture': async (h) => {
    const picture = h.element('img', { src: h.url(at(h), { svg: 1 }) });
    await h.event(picture, 'load');
    h.equal([picture.naturalWidth, picture.naturalHeight], [7, 5]);
    return h.equal(await tries(h), ['none', 'right']);
  },
  'a document': async (h) => {
    const { told } = await h.frame(at(h), { page: 1 });
    h.equal(told, 'inside');
    return h.equal(await tries(h), ['none', 'right']);
  },
  'a document that stays shut shows the app’s own words': async (h) => {
    const { told } = await h.frame(at(h), { page: 1, never: 1 });
    h.equal(told, 'outside');
    return h.equal(await tries(h), ['none', 'right']);
  },
};
