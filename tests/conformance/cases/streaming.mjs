// Bodies while they come: what is there is given at once, and a slow reader slows its own stream only.
export const streaming = {
  'the head comes before the body': async (h) => {
    const response = await h.within(h.fetch('/stream', { pieces: 1, holdfirst: 1 }), 'the head');
    // nothing of the body can have come: its gate is closed
    h.equal(response.status, 200);
    await h.open('0');
    return h.equal(await response.text(), 'piece 0\n');
  },
  'each piece comes when it is sent': async (h) => {
    const response = await h.fetch('/stream', { pieces: 4 });
    const reader = h.reader(response);
    const got = [await reader.next(8)];
    for (let i = 1; i < 4; i++) {
      await h.open(String(i));
      got.push(await reader.next(8));
    }
    h.equal(await reader.next(1), '', 'the end');
    return h.equal(got, ['piece 0\n', 'piece 1\n', 'piece 2\n', 'piece 3\n']);
  },
  'four open streams move independently': async (h) => {
    const ids = Array.from({ length: 4 }, (_, i) => `${h.id}-${i}`);
    const readers = [];
    for (const id of ids) readers.push(h.reader(await h.fetch('/stream', { id, pieces: 2 })));
    const first = await Promise.all(readers.map((reader) => reader.next(8)));
    const second = [];
    for (const i of [2, 0, 3, 1]) {
      await h.open('1', ids[i]);
      second.push(await readers[i].next(8));
    }
    h.equal(first, Array(4).fill('piece 0\n'));
    return h.equal(second, Array(4).fill('piece 1\n'));
  },
  'a reader who stops stops the sender': async (h) => {
    const response = await h.fetch('/endless');
    const reader = response.body.getReader();
    await reader.read();
    // until the sender has stood still for a while
    let sent = -1;
    const stood = await h.until(async () => {
      const before = sent;
      sent = (await h.seen('/endless'))[0].sent;
      await h.pause(250);
      return before === sent && sent > 0;
    }, 'the sender stands still', 12);
    h.ok(stood && sent < 100_000_000, `at most 100 MB were sent to a reader who does not read (${sent})`);
    await reader.cancel();
    await h.untilSeen('/endless', ([entry]) => entry.ended === 'aborted');
    return 'bounded';
  },
  'a stopped reader does not stop others': async (h) => {
    const response = await h.fetch('/endless');
    const reader = response.body.getReader();
    await reader.read();
    const got = [];
    for (let i = 0; i < 10; i++) got.push((await h.drain(await h.fetch('/bytes', { n: 100_000 }))).length);
    await reader.cancel();
    return h.equal(got, Array(10).fill(100_000));
  },
  'a slow reader gets everything': async (h) => {
    const response = await h.fetch('/bytes', { n: 6_000_000 });
    const reader = response.body.getReader();
    const all = [];
    for (let i = 0; ; i++) {
      const { done, value } = await reader.read();
      if (done) break;
      all.push(value);
      if (i % 8 === 0) await h.pause(5);
    }
    const bytes = new Uint8Array(await new Blob(all).arrayBuffer());
    return h.equal([bytes.length, h.digest(bytes)], [6_000_000, h.patternDigest(6_000_000)]);
  },
  'a stream through a TextDecoderStream': async (h) => {
    const response = await h.fetch('/coded', { enc: 'identity', chunked: 1 });
    let text = '';
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      text += value;
    }
    return h.equal(text, 'coded text: Grüße\n'.repeat(50));
  },
  'two readers of one tee': async (h) => {
    const response = await h.fetch('/bytes', { n: 500_000, chunked: 5000 });
    const [a, b] = response.body.tee();
    const both = await Promise.all([h.drain({ body: a }), h.drain({ body: b })]);
    return h.equal(both, Array(2).fill({ length: 500_000, digest: h.patternDigest(500_000) }));
  },
  'small answers overtake a large one': async (h) => {
    const large = h.fetch('/bytes', { n: 30_000_000 }).then((response) => h.drain(response));
    const small = [];
    for (let i = 0; i < 20; i++) small.push(await h.text('/respond', { body: `small ${i}` }));
    h.equal(small.length, 20);
    return h.equal((await large).length, 30_000_000);
  },
  'a response that is never read does no harm': async (h) => {
    for (let i = 0; i < 3; i++) void (await h.fetch('/respond', { body: 'never read', id: `${h.id}-${i}` }));
    return h.equal(await h.text('/respond', { body: 'still here' }), 'still here');
  },
};
