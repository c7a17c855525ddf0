// WebSockets.
const closes = (code, reason, expected = { code, reason, clean: true, failed: false }) => async (h) => {
  const socket = h.socket('/ws/close', { code, reason });
  return h.equal(await socket.closed(), expected);
};
const weClose = (code, reason) => async (h) => {
  const socket = h.socket('/ws/silent');
  await socket.opened();
  if (code === undefined) socket.socket.close();
  else socket.socket.close(code, reason);
  const closed = await socket.closed();
  const [entry] = await h.untilSeen('/ws/silent', ([each]) => each.code !== 0);
  return h.equal([closed, entry.code, entry.reason], [{ code: code ?? 1005, reason: reason ?? '', clean: true, failed: false }, code ?? 1005, reason ?? '']);
};
const echoed = (messages, path = '/ws/echo') => async (h) => {
  const socket = h.socket(path);
  await socket.opened();
  for (const message of messages(h)) socket.socket.send(message);
  const got = [];
  for (const message of messages(h)) {
    const back = await socket.next();
    if (typeof message === 'string') {
      h.equal(typeof back, 'string');
      h.ok(back === message, 'the same text');
      got.push(['text', back.length]);
    } else {
      const bytes = new Uint8Array(back);
      h.equal([bytes.length, h.digest(bytes)], [message.length, h.digest(message)]);
      got.push(['bytes', bytes.length]);
    }
  }
  return got;
};

export const webSocket = {
  'text comes back': echoed(() => ['hello']),
  'empty messages': echoed(() => ['', new Uint8Array(0), 'after']),
  'letters of all lengths': echoed(() => ['aäß世🌍\u0000\ufeff', '\u{10ffff}'.repeat(1000)]),
  'bytes come back': echoed((h) => [h.pattern(1000)]),
  'text and bytes keep their order and kind': echoed((h) => ['a', h.pattern(3), 'b', h.pattern(70_000), 'c']),
  'messages of 125, 126, 65535 and 65536 bytes': echoed((h) => [125, 126, 127, 65535, 65536].map((n) => h.pattern(n))),
  'a message of 1 MiB': echoed((h) => [h.pattern(1_048_576)]),
  'a message of 8 MB': echoed((h) => [h.pattern(8_000_000)]),
  'a text of 1 MB': echoed(() => ['ü'.repeat(500_000)]),
  'a thousand messages': echoed(() => Array.from({ length: 1000 }, (_, i) => `message ${i}`)),
  'compressed by the upstream, where it is asked for': echoed((h) => ['compress me '.repeat(2000), h.pattern(100_000), ''], '/ws/deflate'),
  'as a blob': async (h) => {
    const { socket, opened, next } = h.socket('/ws/echo');
    socket.binaryType = 'blob';
    await opened();
    socket.send(new Blob([h.pattern(5000)]));
    const back = await next();
    return h.equal([back instanceof Blob, back.size, h.digest(new Uint8Array(await back.arrayBuffer()))], [true, 5000, h.patternDigest(5000)]);
  },
  'fragments make one message': async (h) => {
    const socket = h.socket('/ws/fragments');
    const [text, bytes, face] = [await socket.next(), await socket.next(), await socket.next()];
    return h.equal([text, bytes.byteLength, h.digest(new Uint8Array(bytes)), face], ['Grüße, 世界', 100_000, h.patternDigest(100_000), '🌍']);
  },
  'pings are answered, also between fragments': async (h) => {
    const socket = h.socket('/ws/ping');
    return h.equal([await socket.next(), JSON.parse(await socket.next())], ['fragment and rest', ['one', 'two', 'three']]);
  },
  'the first of the offered subprotocols that is good': async (h) => {
    const socket = h.socket('/ws/protocol', {}, ['bad.v1', 'good.v2', 'good.v3']);
    return h.equal([await socket.next(), socket.socket.protocol], ['good.v2', 'good.v2']);
  },
  'one subprotocol': async (h) => {
    const socket = h.socket('/ws/protocol', {}, 'good');
    await socket.opened();
    return h.equal(socket.socket.protocol, 'good');
  },
  'a subprotocol that the upstream does not know': async (h) => {
    const socket = h.socket('/ws/echo', {}, ['bad.v1']);
    const closed = await socket.closed();
    return h.equal([closed.code, closed.failed, socket.socket.protocol], [1006, true, '']);
  },
  'no subprotocol': async (h) => {
    const socket = h.socket('/ws/protocol');
    return h.equal([await socket.next(), socket.socket.protocol], ['', '']);
  },
  'the upstream closes with 1000': closes(1000, ''),
  'the upstream closes with 1000 and a reason': closes(1000, 'done: Grüße'),
  'the upstream closes with 1001': closes(1001, 'going away'),
  'the upstream closes with 1008': closes(1008, 'policy'),
  'the upstream closes with 1011': closes(1011, 'internal'),
  'the upstream closes with 1013': closes(1013, 'try later'),
  'the upstream closes with 3000': closes(3000, 'registered'),
  'the upstream closes with 4999 and the longest reason': closes(4999, 'r'.repeat(123)),
  'the upstream closes without a code': async (h) => h.equal(await h.socket('/ws/close', { none: 1 }).closed(), { code: 1005, reason: '', clean: true, failed: false }),
  'the page closes': weClose(),
  'the page closes with 1000': weClose(1000, 'bye'),
  'the page closes with 3001 and a reason': weClose(3001, 'Grüße 🌍'),
  'the page closes with 4000': weClose(4000, ''),
  'messages before a close all come': async (h) => {
    const socket = h.socket('/ws/close', { after: 200, code: 4001, reason: 'after' });
    const closed = await socket.closed();
    return h.equal([socket.messages.length, socket.messages.at(-1), closed.code], [200, 'message 199', 4001]);
  },
  'a broken connection is 1006': async (h) => {
    const socket = h.socket('/ws/abort');
    const closed = await socket.closed();
    return h.equal([socket.messages, closed.code, closed.clean], [['before the break'], 1006, false]);
  },
  'a reset connection is 1006': async (h) => h.equal(await h.socket('/ws/reset').closed().then(({ code, clean }) => [code, clean]), [1006, false]),
  'bytes that are no text end it': async (h) => h.equal(await h.socket('/ws/bad-text').closed().then(({ code, clean }) => [code, clean]), [1006, false]),
  'frames that are none end it': async (h) => h.equal(await h.socket('/ws/bad-frame').closed().then(({ code, clean }) => [code, clean]), [1006, false]),
  'refused with 403': async (h) => h.equal(await h.socket('/ws/refuse').closed(), { code: 1006, reason: '', clean: false, failed: true }),
  'refused with 401': async (h) => h.equal(await h.socket('/ws/refuse', { status: 401 }).closed(), { code: 1006, reason: '', clean: false, failed: true }),
  'refused with 500': async (h) => h.equal(await h.socket('/ws/refuse', { status: 500 }).closed(), { code: 1006, reason: '', clean: false, failed: true }),
  'an ordinary 200 instead of the handshake': async (h) => h.equal(await h.socket('/ws/refuse', { status: 200 }).closed(), { code: 1006, reason: '', clean: false, failed: true }),
  'a redirect is not followed': async (h) => h.equal(await h.socket('/ws/redirect').closed(), { code: 1006, reason: '', clean: false, failed: true }),
  'a path without any': async (h) => h.equal(await h.socket('/ws/nowhere').closed(), { code: 1006, reason: '', clean: false, failed: true }),
  'given up while it connects': async (h) => {
    const { socket, closed } = h.socket('/ws/never');
    await h.untilSeen('/ws/never', (list) => list.length === 1);
    socket.close();
    return h.equal((await closed()).code, 1006);
  },
  'states on the way': async (h) => {
    const { socket, opened, closed } = h.socket('/ws/echo');
    const states = [socket.readyState];
    await opened();
    states.push(socket.readyState);
    socket.close();
    states.push(socket.readyState);
    await closed();
    return h.equal([...states, socket.readyState], [0, 1, 2, 3]);
  },
  'sending before it is open is an error': async (h) => {
    const { socket } = h.socket('/ws/echo');
    let name = '';
    try {
      socket.send('x');
    } catch (error) {
      name = error.name;
    }
    return h.equal(name, 'InvalidStateError');
  },
  'codes and reasons that a page may not use': async (h) => {
    const { socket, opened } = h.socket('/ws/echo');
    await opened();
    const tried = [[1001], [999], [5000], [4000, 'r'.repeat(124)]].map((words) => {
      try {
        socket.close(...words);
        return 'taken';
      } catch (error) {
        return error.name;
      }
    });
    return h.equal(tried, ['InvalidAccessError', 'InvalidAccessError', 'InvalidAccessError', 'SyntaxError']);
  },
  'the handshake: target and origin': async (h) => {
    const socket = h.socket('/ws/handshake', { x: 'y z', u: 'ü' }, ['good', 'other']);
    const told = JSON.parse(await socket.next());
    h.equal(told.origin, `http://${told.host}`, 'the origin');
    return { target: told.target.replace(h.id, 'ID'), protocol: told.protocol.replace(/, */g, ', '), agent: told.agent };
  },
  'a query and url': async (h) => {
    const { socket } = h.socket('/ws/echo', { a: 'b' });
    return h.equal(socket.url === h.wsUrl('/ws/echo', { a: 'b' }), true);
  },
  'bufferedAmount returns to 0': async (h) => {
    const { socket, opened, next } = h.socket('/ws/sink');
    await opened();
    const bytes = h.pattern(3_000_000);
    socket.send(bytes);
    const before = socket.bufferedAmount;
    socket.send('sum');
    const told = JSON.parse(await next());
    await h.until(() => socket.bufferedAmount === 0, 'bufferedAmount to be 0');
    return h.equal([before > 0, told], [true, { messages: 1, length: 3_000_000, digest: h.digest(bytes) }]);
  },
  'bufferedAmount stays up while nobody reads': { seconds: 30, run: async (h) => {
    const { socket, opened, next } = h.socket('/ws/sink', { paused: 1 });
    await opened();
    const bytes = h.pattern(1_000_000);
    for (let i = 0; i < 60; i++) socket.send(bytes);
    let before = -1;
    await h.until(async () => {
      const same = before === socket.bufferedAmount;
      before = socket.bufferedAmount;
      await h.pause(400);
      return same;
    }, 'it stands still', 12);
    h.ok(socket.bufferedAmount > 0, 'not all went to one who does not read');
    socket.send('sum');
    await h.open('read');
    const told = JSON.parse(await next(15));
    return h.equal([told.messages, told.length], [60, 60_000_000]);
  } },
  '20 MB as fast as they go': async (h) => {
    const socket = h.socket('/ws/flood', { count: 400, size: 50_000 });
    let bytes = 0;
    let count = 0;
    for (;;) {
      const message = await socket.next();
      if (typeof message === 'string') break;
      bytes += message.byteLength;
      if (h.digest(new Uint8Array(message)) === h.patternDigest(50_000, count)) count += 1;
    }
    return h.equal([count, bytes], [400, 20_000_000]);
  },
  'ten thousand small ones in order': async (h) => {
    const socket = h.socket('/ws/count', { n: 10_000 });
    await h.until(() => socket.messages.length >= 10_000, () => `all; there are ${socket.messages.length}`, 12);
    return h.equal(socket.messages.every((message, i) => message === String(i)), true);
  },
  'twenty at once': async (h) => {
    const sockets = Array.from({ length: 20 }, () => h.socket('/ws/echo'));
    await Promise.all(sockets.map((socket) => socket.opened()));
    sockets.forEach(({ socket }, i) => socket.send(`to ${i}`));
    return h.equal(await Promise.all(sockets.map((socket) => socket.next())), sockets.map((_, i) => `to ${i}`));
  },
  'its frame goes, it closes': async (h) => {
    const { frame } = await h.frame('/nav/page', { more: `<script>globalThis.kept = new WebSocket('${h.wsUrl('/ws/silent')}');</script>` });
    await h.untilSeen('/ws/silent', ([entry]) => entry?.opened);
    frame.remove();
    const [entry] = await h.untilSeen('/ws/silent', ([each]) => each.code !== 0);
    return h.ok([1001, 1005, 1006].includes(entry.code), `it closed (${entry.code})`) && 'closed';
  },
};
