// Server-sent events.
const script = (name, count, expected, options = {}) => async (h) => {
  const { got, atLeast } = h.events('/sse', { script: name, ...(options.split ? { split: 1 } : {}) }, options);
  await atLeast(count);
  return h.equal(got, expected);
};
const message = (data, id = '') => ['message', data, id];

export const sse = {
  'events in order': script('plain', 3, ['one', 'two', 'three'].map((data) => message(data))),
  'events byte by byte': script('plain', 3, ['one', 'two', 'three'].map((data) => message(data)), { split: true }),
  'names of events': script('named', 3, [['news', 'a', ''], ['weather', 'b', ''], message('c')], { types: ['message', 'news', 'weather'] }),
  'several lines of data': script('lines', 1, [message('first\nsecond\n\nfourth')]),
  'comments and unknown fields': script('comments', 2, [message('after a comment'), message('after an unknown field')]),
  'all line endings': script('endings', 4, ['lf', 'crlf', 'cr', 'last'].map((data) => message(data))),
  'ids last': script('ids', 3, [message('seven', '7'), message('still seven', '7'), message('none', '')]),
  'letters cut in the middle': script('json', 1, [message('{"text":"Grüße, 世界 🌍"}')], { split: true }),
  'a mark at the beginning': script('bom', 1, [message('after a mark')]),
  'each without delay': async (h) => {
    const { source, got, atLeast } = h.events('/sse', { gated: 3 });
    await h.until(() => source.readyState === 1, 'open before any event');
    for (let i = 1; i <= 3; i++) {
      await h.open(String(i));
      await atLeast(i);
    }
    return h.equal(got, [1, 2, 3].map((i) => message(`gated ${i}`, String(i))));
  },
  'it comes again, with the last id, until 204': async (h) => {
    const { source, got } = h.events('/sse/again');
    await h.until(() => source.readyState === 2, 'the end', 12);
    const list = await h.seen('/sse/again');
    h.equal(got, [message('connection 1 after nothing', 'event-1'), message('connection 2 after event-1', 'event-2')]);
    return h.equal(list.map(({ lastEventId }) => lastEventId), ['', 'event-1', 'event-2']);
  },
  'close reaches the upstream': async (h) => {
    const { source, atLeast } = h.events('/sse', { script: 'plain' });
    await atLeast(3);
    source.close();
    await h.untilSeen('/sse', ([entry]) => entry.ended === 'aborted');
    return h.equal(source.readyState, 2);
  },
  'another content type is an error for good': async (h) => {
    const { source } = h.events('/respond', { type: 'text/plain', body: 'data: x\n\n' });
    await h.until(() => source.readyState === 2, 'closed');
    return h.equal((await h.seen('/respond')).length, 1);
  },
  'status 500 is an error for good': async (h) => {
    const { source } = h.events('/respond', { status: 500, type: 'text/event-stream', body: 'data: x\n\n' });
    await h.until(() => source.readyState === 2, 'closed');
    return h.equal((await h.seen('/respond')).length, 1);
  },
  'what it says of itself': async (h) => {
    const { source, atLeast } = h.events('/sse', { script: 'plain' }, { init: { withCredentials: true } });
    await atLeast(1);
    const [{ accept }] = await h.seen('/sse');
    return h.equal([source.withCredentials, source.readyState, source.url === location.origin + h.url('/sse', { script: 'plain' }), accept], [true, 1, true, 'text/event-stream']);
  },
  'through a redirect': async (h) => {
    const { got, atLeast } = h.events('/redirect', { to: '/sse?script=plain' });
    await atLeast(3);
    return h.equal(got.length, 3);
  },
  'five thousand events': async (h) => {
    const { source, got } = h.events('/sse/many', { n: 5000 });
    await h.until(() => got.length >= 5000, () => `all; there are ${got.length}`, 12);
    source.close();
    return h.equal(got.every(([, data], i) => data === String(i)), true);
  },
  'read by fetch': async (h) => {
    const response = await h.fetch('/sse', { gated: 1 });
    const reader = h.reader(response);
    await h.open('1');
    return h.equal([response.headers.get('content-type'), await reader.next(21)], ['text/event-stream', 'id: 1\ndata: gated 1\n\n']);
  },
};
