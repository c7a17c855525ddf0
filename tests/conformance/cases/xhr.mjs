// XMLHttpRequest.
const typed = (type, path, parameters, check) => async (h) => {
  const { request, done } = h.xhr('GET', path, parameters, { type });
  h.equal(await done, 'load');
  return check(h, request.response, request);
};

export const xhr = {
  'text': typed('', '/respond', { body: 'Grüße' }, (h, text) => h.equal(text, 'Grüße')),
  'JSON': typed('json', '/respond', { body: '{"a":1}' }, (h, value) => h.equal(value, { a: 1 })),
  'JSON that is none is null': typed('json', '/respond', { body: '{"a":' }, (h, value) => h.equal(value, null)),
  'a buffer': typed('arraybuffer', '/bytes', { n: 70_000 }, (h, buffer) => h.equal(h.digest(new Uint8Array(buffer)), h.patternDigest(70_000))),
  'a blob': typed('blob', '/bytes', { n: 70_000, type: 'image/x-test' }, (h, blob) => h.equal([blob.size, blob.type], [70_000, 'image/x-test'])),
  'a document': typed('document', '/nav/page', { title: 'As a document' }, (h, document) => h.equal(document.title, 'As a document')),
  'XML': typed('', '/respond', { type: 'application/xml', body: '<a><b>c</b></a>' }, (h, _, request) => h.equal(request.responseXML.querySelector('b').textContent, 'c')),
  'text in another encoding': typed('', '/respond', { type: 'text/plain; charset=iso-8859-1', body: 'Grüße', latin1: 1 }, (h, text) => h.equal(text, 'Grüße')),
  'an answer that is an error is loaded': typed('', '/respond', { status: 503, body: 'busy', reason: 'Very Busy' }, (h, text, request) => h.equal([text, request.status], ['busy', 503])),
  'statusText': typed('', '/respond', { status: 200, reason: 'Very Well' }, (h, text, request) => h.equal(request.statusText, 'Very Well')),
  'all fields in lower case, sorted': typed('', '/respond', { h: ['X-B: 2', 'X-A: 1', 'X-A: 3'] }, (h, text, request) => {
    const lines = request.getAllResponseHeaders().split('\r\n').filter((line) => /^(x-|content-type)/.test(line));
    return h.equal(lines, ['content-type: text/plain', 'x-a: 1, 3', 'x-b: 2']);
  }),
  'one field, whatever its case; none is null': typed('', '/respond', { h: ['X-Some: thing'] }, (h, text, request) => h.equal([request.getResponseHeader('x-SOME'), request.getResponseHeader('x-none')], ['thing', null])),
  'responseURL after a redirect': typed('', '/redirect', { to: '/respond?body=there#x' }, (h, text, request) => h.equal([text, request.responseURL.replace(location.origin, '')], ['there', '/respond?body=there'])),
  'states in order': async (h) => {
    const states = [];
    const { done } = h.xhr('GET', '/bytes', { n: 10 }, { prepare: (request) => request.addEventListener('readystatechange', () => states.push(request.readyState)) });
    await done;
    return h.equal(states, [2, 3, 4]);
  },
  'progress with a length': async (h) => {
    let last;
    const { done } = h.xhr('GET', '/bytes', { n: 3_000_000 }, { type: 'arraybuffer', prepare: (request) => request.addEventListener('progress', (event) => (last = [event.loaded, event.total, event.lengthComputable])) });
    await done;
    return h.equal(last, [3_000_000, 3_000_000, true]);
  },
  'progress without a length': async (h) => {
    let last;
    const { done } = h.xhr('GET', '/bytes', { n: 100_000, chunked: 5000 }, { prepare: (request) => request.addEventListener('progress', (event) => (last = [event.loaded, event.total, event.lengthComputable])) });
    await done;
    return h.equal(last, [100_000, 0, false]);
  },
  'text while it comes': async (h) => {
    const { request, done } = h.xhr('GET', '/stream', { pieces: 2, type: 'application/json' }); // text/plain would wait to be sniffed
    await h.until(() => request.responseText === 'piece 0\n', 'the first piece');
    await h.open('1');
    await done;
    return h.equal(request.responseText, 'piece 0\npiece 1\n');
  },
  'own fields and a method': async (h) => {
    const { request, done } = h.xhr('PUT', '/echo', {}, { type: 'json', body: 'put', fields: { 'X-Own': 'one', 'Content-Type': 'text/x' } });
    await done;
    return h.equal([request.response.method, request.response.text, h.field(request.response, 'x-own'), h.field(request.response, 'content-type')[0].split(';')[0]], ['PUT', 'put', ['one'], 'text/x']);
  },
  'a document as body': async (h) => {
    const { request, done } = h.xhr('POST', '/echo', {}, { type: 'json', body: new DOMParser().parseFromString('<a>ü</a>', 'application/xml') });
    await done;
    return h.equal([request.response.text.length, h.field(request.response, 'content-type')[0].toLowerCase()], [9, 'application/xml;charset=utf-8']);
  },
  'overrideMimeType': async (h) => {
    const { request, done } = h.xhr('GET', '/respond', { body: '\u00e4', latin1: 1 }, { prepare: (each) => each.overrideMimeType('text/plain; charset=iso-8859-1') });
    await done;
    return h.equal(request.responseText, 'ä');
  },
  'a time limit': async (h) => {
    const { request, done } = h.xhr('GET', '/stall', { held: 1 }, { prepare: (each) => (each.timeout = 200) });
    h.equal(await done, 'timeout');
    await h.untilSeen('/stall', ([entry]) => entry.ended === 'aborted');
    return h.equal([request.status, request.readyState], [0, 4]);
  },
  'a broken body is an error': async (h) => {
    const { request, done } = h.xhr('GET', '/fault/short');
    return h.equal([await done, request.status, request.responseText], ['error', 0, '']);
  },
  'a loop of redirects is an error': async (h) => {
    const { request, done } = h.xhr('GET', '/loop');
    return h.equal([await done, request.status], ['error', 0]);
  },
  'withCredentials on the own origin': async (h) => {
    document.cookie = `${h.id}a=1; Path=/`;
    const { request, done } = h.xhr('GET', '/cookies/show', { prefix: h.id }, { type: 'json', prepare: (each) => (each.withCredentials = true) });
    await done;
    return h.equal(request.response, ['a=1']);
  },
  'synchronous': async (h) => {
    const request = new XMLHttpRequest();
    request.open('GET', h.url('/respond', { body: 'at once' }), false);
    request.send();
    return h.equal([request.status, request.responseText], [200, 'at once']);
  },
  'one object used twice': async (h) => {
    const request = new XMLHttpRequest();
    const got = [];
    for (const body of ['first', 'second']) {
      request.open('GET', h.url('/respond', { body }));
      const done = h.event(request, 'load');
      request.send();
      await done;
      got.push(request.responseText);
    }
    return h.equal(got, ['first', 'second']);
  },
};
