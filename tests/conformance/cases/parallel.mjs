// Many at once.
export const parallel = {
  '200 requests, each its own answer': { seconds: 30, run: async (h) => {
    const got = await Promise.all(Array.from({ length: 200 }, (_, i) => h.text('/respond', { body: `answer ${i}` })));
    h.equal(got, Array.from({ length: 200 }, (_, i) => `answer ${i}`));
    return h.equal((await h.seen('/respond')).length, 200);
  } },
  '100 uploads, each its own sum': { seconds: 30, run: async (h) => {
    const got = await Promise.all(Array.from({ length: 100 }, (_, i) => h.json('/upload', {}, { method: 'POST', body: h.pattern(1000 + i, i) })));
    return h.equal(got.every(({ digest }, i) => digest === h.patternDigest(1000 + i, i)), true);
  } },
  '60 bodies of different sizes': { seconds: 30, run: async (h) => {
    const sizes = Array.from({ length: 60 }, (_, i) => (i * 7919) % 300_000);
    const got = await Promise.all(sizes.map(async (n) => h.drain(await h.fetch('/bytes', { n }))));
    return h.equal(got.every(({ length, digest }, i) => length === sizes[i] && digest === h.patternDigest(sizes[i])), true);
  } },
  '150 requests one after another': { seconds: 30, run: async (h) => {
    for (let i = 0; i < 150; i++) h.equal(await h.text('/respond', { body: `n${i}` }), `n${i}`);
    return h.equal((await h.seen('/respond')).length, 150);
  } },
  'everything together': { seconds: 30, run: async (h) => {
    const socket = h.socket('/ws/echo');
    await socket.opened();
    const { atLeast } = h.events('/sse', { script: 'plain' });
    const [texts, down, up] = await Promise.all([
      Promise.all(Array.from({ length: 30 }, (_, i) => h.text('/respond', { body: String(i) }))),
      h.fetch('/bytes', { n: 4_000_000 }).then((response) => h.drain(response)),
      h.json('/upload', {}, { method: 'POST', body: new Blob([h.pattern(2_000_000)]) }),
      atLeast(3),
    ]);
    socket.socket.send('still there');
    return h.equal([texts.length, down.length, up.length, await socket.next()], [30, 4_000_000, 2_000_000, 'still there']);
  } },
  'every tenth of 100 is cancelled': { seconds: 30, run: async (h) => {
    const got = await Promise.all(Array.from({ length: 100 }, async (_, i) => {
      const controller = new AbortController();
      const asked = h.text('/bytes', { n: 50_000 }, { signal: controller.signal }).then(() => 'whole', (error) => error.name);
      if (i % 10 === 0) controller.abort();
      return asked;
    }));
    return h.equal(got.filter((each) => each === 'whole').length, 90);
  } },
};
