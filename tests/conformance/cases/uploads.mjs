// What goes up.
const whole = (n, body) => async (h) => {
  const got = await h.json('/upload', {}, { method: 'POST', body: body(h, n) });
  h.equal([got.length, got.digest], [n, h.patternDigest(n)]);
  const list = await h.seen('/upload');
  return { ...got, times: h.equal(list.length, 1, 'requests') };
};
const file = (h, n, name = 'file.bin', type = 'application/x-test') => new File([h.pattern(n)], name, { type });

export const uploads = {
  'a few bytes of an array': whole(5, (h, n) => h.pattern(n)),
  'a buffer of 100,000': whole(100_000, (h, n) => h.pattern(n).buffer),
  'a blob of 5 MB': whole(5_000_000, (h, n) => new Blob([h.pattern(n)])),
  'a file of 20 MB': whole(20_000_000, (h, n) => file(h, n)),
  'a blob of nothing': whole(0, () => new Blob([])),
  'text in UTF-8': async (h) => h.equal((await h.echo({ body: 'Grüße 🌍' })).length, new TextEncoder().encode('Grüße 🌍').length),
  'a form with fields and files, in order': async (h) => {
    const form = new FormData();
    form.append('one', 'eins');
    form.append('file', file(h, 10_000, 'Grüße "quoted".bin'));
    form.append('one', 'again');
    form.append('näme', '世界\nline');
    form.append('empty', new File([], ''));
    const told = await h.json('/form', { json: 1 }, { method: 'POST', body: form });
    h.equal(told.parts.map(({ name }) => name), ['one', 'file', 'one', 'näme', 'empty']);
    return told;
  },
  'XMLHttpRequest tells its progress to the end': async (h) => {
    const steps = [];
    const { request, done } = h.xhr('POST', '/upload', {}, {
      body: new Blob([h.pattern(8_000_000)]), type: 'json',
      prepare: (each) => ['loadstart', 'progress', 'load', 'loadend'].forEach((name) => each.upload.addEventListener(name, (event) => steps.push([name, event.loaded, event.total, event.lengthComputable]))),
    });
    h.equal(await done, 'load');
    h.equal(request.response.length, 8_000_000);
    h.equal(steps[0], ['loadstart', 0, 8_000_000, true]);
    h.ok(steps.every(([, loaded], i) => i === 0 || loaded >= steps[i - 1][1]), 'it only grows');
    const progress = steps.filter(([name]) => name === 'progress');
    h.ok(progress.length >= 1 && progress.at(-1)[1] === 8_000_000, 'it reaches the end');
    return h.equal(steps.slice(-2).map(([name, loaded]) => [name, loaded]), [['load', 8_000_000], ['loadend', 8_000_000]]);
  },
  'progress waits for an upstream that does not read': { seconds: 30, run: async (h) => {
    let loaded = 0;
    const size = 40_000_000;
    const { request, done } = h.xhr('POST', '/upload/held', {}, { body: new Blob([h.pattern(size)]), type: 'json', prepare: (each) => each.upload.addEventListener('progress', (event) => (loaded = event.loaded)) });
    await h.untilSeen('/upload/held', (list) => list.length === 1);
    // until it stands still
    let before = -1;
    await h.until(async () => {
      const same = before === loaded;
      before = loaded;
      await h.pause(400);
      return same;
    }, 'the upload stands still', 12);
    h.ok(loaded < size, `not all ${size} went to one who does not read (${loaded})`);
    await h.open('read');
    h.equal(await done, 'load');
    return h.equal([request.response.length, request.response.digest, loaded], [size, h.patternDigest(size), size]);
  } },
  'an upload that waits does not stop others': async (h) => {
    const held = h.json('/upload/held', {}, { method: 'POST', body: new Blob([h.pattern(10_000_000)]) });
    await h.untilSeen('/upload/held', (list) => list.length === 1);
    const small = [];
    for (let i = 0; i < 5; i++) small.push((await h.json('/upload', { id: `${h.id}-x` }, { method: 'POST', body: h.pattern(100_000) })).length);
    await h.open('read');
    h.equal(small, Array(5).fill(100_000));
    return h.equal((await held).length, 10_000_000);
  },
  'an answer before the body is read': async (h) => {
    const response = await h.fetch('/upload/early', {}, { method: 'POST', body: h.pattern(50_000) });
    return h.equal([response.status, await response.text()], [413, 'answered early\n']);
  },
  'an answer before a large body is read': async (h) => {
    const response = await h.fetch('/upload/early', { status: 403 }, { method: 'PUT', body: new Blob([h.pattern(6_000_000)]) });
    return h.equal([response.status, await response.text()], [403, 'answered early\n']);
  },
  'four at once': async (h) => {
    const got = await Promise.all([1, 2, 3, 4].map((i) => h.json('/upload', {}, { method: 'POST', body: new Blob([h.pattern(1_000_000 + i, i)]) })));
    return h.equal(got.map(({ digest }) => digest), [1, 2, 3, 4].map((i) => h.patternDigest(1_000_000 + i, i)));
  },
  'both directions at once': async (h) => {
    const [up, down] = await Promise.all([h.json('/upload', {}, { method: 'POST', body: new Blob([h.pattern(5_000_000)]) }), h.fetch('/bytes', { n: 5_000_000 }).then((response) => h.drain(response))]);
    return h.equal([up.digest, down.digest], Array(2).fill(h.patternDigest(5_000_000)));
  },
  'sendBeacon with text': async (h) => {
    h.ok(navigator.sendBeacon(h.url('/upload'), 'beacon'), 'accepted');
    const [entry] = await h.untilSeen('/upload', (list) => list[0]?.whole);
    return h.equal([entry.method, entry.bytes], ['POST', 6]);
  },
  'sendBeacon with a blob and its type': async (h) => {
    h.ok(navigator.sendBeacon(h.url('/form'), new Blob(['{"a":1}'], { type: 'application/json' })), 'accepted');
    const [entry] = await h.untilSeen('/form', (list) => list[0]?.whole);
    return h.equal([entry.method, entry.bytes], ['POST', 7]);
  },
  'sendBeacon with form data': async (h) => {
    const form = new FormData();
    form.set('a', 'b');
    h.ok(navigator.sendBeacon(h.url('/upload'), form), 'accepted');
    const [entry] = await h.untilSeen('/upload', (list) => list[0]?.whole);
    return h.equal([entry.method, entry.bytes > 40], ['POST', true]);
  },
  'keepalive outlives its frame': async (h) => {
    const { frame } = await h.frame('/nav/page', { more: `<script>onmessage = () => { void fetch('/upload?id=${h.id}', { method: 'POST', body: 'last words', keepalive: true }); parent.postMessage({ told: 'asked' }, '*'); };</script>` });
    const asked = h.told(frame);
    frame.contentWindow.postMessage('now', '*');
    await asked;
    frame.remove();
    const [entry] = await h.untilSeen('/upload', (list) => list[0]?.whole);
    return h.equal(entry.bytes, 10);
  },
};
