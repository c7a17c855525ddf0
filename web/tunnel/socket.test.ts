import { describe, expect, test } from 'vitest';
import { Code, tunnelLimits } from '../generated/protocol.ts';
import { concat, fromLatin1, utf8, type Bytes } from '../base/bytes.ts';
import { TunnelClient } from './client.ts';
import type { TunnelError } from './error.ts';
import type { Frame } from './frames.ts';
import type { TunnelSocket } from './socket.ts';
import { FakeServer, FakeTimers, settle } from './testing/fakes.ts';
import type { SocketOptions, TunnelClientOptions } from './types.ts';

function connect(options: TunnelClientOptions = {}, settings = {}) {
  const server = new FakeServer();
  const timers = new FakeTimers();
  const client = new TunnelClient(server.channels, { timers, ...options });
  server.open();
  server.hello(settings);
  return { server, timers, client };
}

interface Open extends ReturnType<typeof connect> {
  socket: TunnelSocket;
  messages: (string | Bytes)[];
  closes: [number, string][];
  say: (frame: Partial<Extract<Frame, { type: 'socketMessage' }>>) => void;
  close: (code: number | null, reason?: string) => void;
}

async function open(options: SocketOptions = {}, protocol = '', settings = {}): Promise<Open> {
  const world = connect({}, settings);
  const { client, server } = world;
  const opening = client.openSocket('/@/fs', options);
  const fields: [string, string][] = protocol === '' ? [] : [['Sec-WebSocket-Protocol', protocol]];
  server.send(server.channelOf(1), { type: 'socketAccept', exchange: 1, head: { status: 101, reason: '', fields } });
  const socket = await opening;
  const messages: (string | Bytes)[] = [];
  const closes: [number, string][] = [];
  socket.onmessage = data => void messages.push(data);
  socket.onclose = (code, reason) => void closes.push([code, reason]);
  const say: Open['say'] = frame =>
    server.send(server.channelOf(1), {
      type: 'socketMessage',
      exchange: 1,
      end: true,
      text: false,
      payload: new Uint8Array(),
      ...frame,
    });
  const close: Open['close'] = (code, reason = '') =>
    server.send(server.channelOf(1), { type: 'socketClose', exchange: 1, code, reason: fromLatin1(utf8(reason)) });
  return { ...world, socket, messages, closes, say, close };
}

const sentMessages = (server: FakeServer) =>
  server.of('socketMessage').map(({ text, end, payload }) => [text, end, payload.length]);
const rejection = async (promise: Promise<unknown>) => (await promise.catch((error: unknown) => error)) as TunnelError;

describe('opening', () => {
  test('asks with the protocols and the headers, without what belongs to one hop', async () => {
    const { server, socket } = await open(
      {
        protocols: ['a', 'owndir.fs.1'],
        headers: [
          ['x', 'y'],
          ['connection', 'upgrade'],
        ],
      },
      'owndir.fs.1',
    );
    expect(server.of('socketOpen')[0]?.head).toEqual({
      method: 'GET',
      target: '/@/fs',
      fields: [
        ['x', 'y'],
        ['sec-websocket-protocol', 'a, owndir.fs.1'],
      ],
    });
    expect(socket.protocol).toBe('owndir.fs.1');
  });

  test('fails with the status of a response that comes instead', async () => {
    for (const end of [true, false]) {
      const { client, server } = connect();
      const opening = client.openSocket('/none');
      server.respond(1, 404, { end });
      const error = await rejection(opening);
      expect([error.code, error.status]).toEqual(['refused', 404]);
      expect(server.of('reset').length).toBe(end ? 0 : 1);
      expect(client.stats.exchangesActive).toBe(0);
    }
  });

  test('fails when the exchange is reset, or the connection ends', async () => {
    const { client, server } = connect();
    const opening = client.openSocket('/');
    server.reset(1, Code.refused);
    expect(await rejection(opening)).toMatchObject({ code: 'refused', repeatable: true });
    const second = client.openSocket('/');
    client.close();
    expect((await rejection(second)).code).toBe('closed');
    expect((await rejection(client.openSocket('/'))).code).toBe('closed');
  });

  test('refuses a protocol that was not offered', async () => {
    const { client, server } = connect();
    const opening = client.openSocket('/', { protocols: ['a'] });
    const fields: [string, string][] = [['sec-websocket-protocol', 'b']];
    server.send(server.channelOf(1), { type: 'socketAccept', exchange: 1, head: { status: 101, reason: '', fields } });
    expect((await rejection(opening)).code).toBe('protocol');
    expect(server.of('reset')[0]?.code).toBe(Code.protocol);
  });

  test('can be aborted before, while and after', async () => {
    const { client, server } = connect();
    const early = await rejection(client.openSocket('/', { signal: AbortSignal.abort('why') }));
    expect([early.code, early.cause]).toEqual(['cancelled', 'why']);
    const controller = new AbortController();
    const opening = client.openSocket('/', { signal: controller.signal });
    controller.abort();
    expect((await rejection(opening)).code).toBe('cancelled');
    expect(server.of('reset')[0]?.code).toBe(Code.cancelled);
    const later = new AbortController();
    const { server: other, closes } = await open({ signal: later.signal });
    later.abort();
    expect(other.of('reset')[0]?.code).toBe(Code.cancelled);
    expect(closes[0]?.[0]).toBe(1006);
  });
});

describe('messages', () => {
  test('go out as text and as bytes', async () => {
    const { server, socket } = await open();
    await socket.send('grüß');
    await socket.send(Uint8Array.of(1, 2));
    await socket.send('');
    expect(sentMessages(server)).toEqual([
      [true, true, 6],
      [false, true, 2],
      [true, true, 0],
    ]);
    expect(server.of('socketMessage').every(frame => frame.exchange === 1)).toBe(true);
  });

  test('come in whole and in order', async () => {
    const { messages, say } = await open();
    const euro = utf8('€');
    say({ text: true, payload: euro });
    say({ text: true, end: false, payload: euro.subarray(0, 2) });
    say({ payload: euro.subarray(2) });
    say({ payload: Uint8Array.of(0xff) });
    say({});
    expect(messages).toEqual(['€', '€', Uint8Array.of(0xff), new Uint8Array()]);
  });

  test('wait until somebody listens', async () => {
    const { client, server } = connect();
    const opening = client.openSocket('/');
    const channel = server.channelOf(1);
    server.send(channel, { type: 'socketAccept', exchange: 1, head: { status: 101, reason: '', fields: [] } });
    server.send(channel, { type: 'socketMessage', exchange: 1, end: true, text: true, payload: utf8('early') });
    const socket = await opening;
    const messages: unknown[] = [];
    socket.onmessage = data => void messages.push(data);
    expect(messages).toEqual(['early']);
  });

  test('keep within credit, in pieces, each of which costs', async () => {
    const { server, socket } = await open({}, '', { initialCredit: 1000 });
    let sent = false;
    void socket.send(new Uint8Array(2000)).then(() => (sent = true));
    await settle();
    expect(sentMessages(server)).toEqual([[false, false, 1000 - tunnelLimits.socketPiece]]);
    expect(sent).toBe(false);
    server.send(server.channelOf(1), { type: 'credit', exchange: 1, bytes: tunnelLimits.socketPiece });
    expect(server.of('socketMessage').length).toBe(1);
    server.send(server.channelOf(1), { type: 'credit', exchange: 1, bytes: 5000 });
    await settle();
    expect(server.of('socketMessage').reduce((sum, { payload }) => sum + payload.length, 0)).toBe(2000);
    expect(sent).toBe(true);
  });

  test('that nobody takes for too long end the socket', async () => {
    const { server, timers, socket, closes } = await open({}, '', { initialCredit: 1000 });
    const sending = rejection(socket.send(new Uint8Array(2000)));
    for (let passed = 0; passed < tunnelLimits.stallMs; passed += 5000) {
      timers.advance(5000);
      server.send(0, { type: 'pong', exchange: 0, opaque: new Uint8Array(8) });
    }
    expect((await sending).code).toBe('timeout');
    expect(server.of('reset')[0]?.code).toBe(Code.timeout);
    expect(closes[0]?.[0]).toBe(1006);
  });

  test('beyond the limit are not sent, and leave the socket open', async () => {
    const { server, socket } = await open();
    const error = await rejection(socket.send(new Uint8Array(tunnelLimits.socketMessage + 1)));
    expect(error.code).toBe('tooLarge');
    await socket.send('still here');
    expect(sentMessages(server)).toEqual([[true, true, 10]]);
  });

  test('that nobody waits for are bounded', async () => {
    const { socket } = await open({}, '', { initialCredit: 100 });
    const sent = Array.from({ length: 20 }, () => rejection(socket.send(new Uint8Array(tunnelLimits.socketMessage))));
    expect((await Promise.race(sent)).message).toContain('Too many');
  });

  test('give credit back as they are taken, not before', async () => {
    const { server, socket, say } = await open();
    let release = (): void => undefined;
    const taken: number[] = [];
    socket.onmessage = data => {
      taken.push(data.length);
      return new Promise<void>(resolve => (release = resolve));
    };
    for (let i = 0; i < 3; i++) say({ payload: new Uint8Array(60_000 + i) });
    expect(taken).toEqual([60_000]);
    const given = () => server.of('credit').reduce((sum, { bytes }) => sum + bytes, 0);
    const before = given();
    release();
    await settle();
    expect(taken).toEqual([60_000, 60_001]);
    release();
    await settle();
    expect(taken).toEqual([60_000, 60_001, 60_002]);
    expect(given()).toBeGreaterThan(before);
  });

  test('of a megabyte come in although the credit is a quarter of it', async () => {
    const { server, messages, say } = await open();
    let credit: number = tunnelLimits.initialCredit;
    let seen = 0;
    for (let at = 0; at < tunnelLimits.socketMessage; at += 65536) {
      for (const { bytes } of server.of('credit').slice(seen)) {
        credit += bytes;
        seen++;
      }
      credit -= 65536 + tunnelLimits.socketPiece;
      expect(credit).toBeGreaterThanOrEqual(0);
      say({ payload: new Uint8Array(65536), end: at + 65536 === tunnelLimits.socketMessage });
    }
    expect(messages.map(message => message.length)).toEqual([tunnelLimits.socketMessage]);
  });

  test('a listener that throws does not keep the next ones away', async () => {
    const { socket, say } = await open();
    let count = 0;
    const report = console.error;
    console.error = () => undefined;
    socket.onmessage = () => {
      count++;
      throw new Error('a bug');
    };
    say({});
    say({});
    console.error = report;
    expect(count).toBe(2);
  });

  test('pings are answered', async () => {
    const { server } = await open();
    server.send(server.channelOf(1), { type: 'socketControl', exchange: 1, pong: false, payload: utf8('there?') });
    server.send(server.channelOf(1), { type: 'socketControl', exchange: 1, pong: true, payload: utf8('unasked') });
    expect(server.of('socketControl').map(({ pong, payload }) => [pong, fromLatin1(payload)])).toEqual([
      [true, 'there?'],
    ]);
  });
});

describe('closing', () => {
  test('by us goes after what was sent, and waits for the answer', async () => {
    const { server, socket, closes, close, client } = await open({}, '', { initialCredit: 500 });
    void socket.send(new Uint8Array(600));
    socket.close(4000, 'enough €');
    expect(server.of('socketClose')).toEqual([]);
    expect((await rejection(socket.send('more'))).code).toBe('closed');
    server.send(server.channelOf(1), { type: 'credit', exchange: 1, bytes: 500 });
    await settle();
    expect(server.of('socketMessage').length).toBe(2);
    const frame = server.of('socketClose')[0];
    expect([frame?.code, frame?.reason]).toEqual([4000, fromLatin1(utf8('enough €'))]);
    expect(closes).toEqual([]);
    close(4000);
    expect(closes).toEqual([[4000, '']]);
    expect(client.stats.exchangesActive).toBe(0);
  });

  test('by us does not wait for ever', async () => {
    const { server, timers, socket, closes } = await open();
    socket.close();
    timers.advance(tunnelLimits.socketCloseMs);
    expect(server.of('reset')[0]?.code).toBe(Code.timeout);
    expect(closes[0]?.[0]).toBe(1006);
    expect(timers.pending).toBeLessThanOrEqual(1);
  });

  test('by us drops what comes meanwhile', async () => {
    const { socket, messages, say, close, closes } = await open();
    say({ end: false, payload: utf8('half') });
    socket.close();
    say({ payload: utf8('crossing') });
    close(null);
    expect(messages).toEqual([]);
    expect(closes).toEqual([[1005, '']]);
  });

  test('never uses a code that may not be sent, nor a reason beyond its limit', async () => {
    const first = await open();
    first.socket.close(1006, 'x');
    expect(first.server.of('socketClose')[0]).toMatchObject({ code: null, reason: '' });
    const second = await open();
    second.socket.close(1000, '€'.repeat(100));
    expect(second.server.of('socketClose')[0]?.reason.length).toBe(123);
  });

  test('by the other end is answered and told after the last message', async () => {
    const { server, socket, close, say } = await open();
    const told: unknown[] = [];
    let release = (): void => undefined;
    socket.onmessage = data => {
      told.push(data);
      return new Promise<void>(resolve => (release = resolve));
    };
    socket.onclose = (code, reason) => void told.push([code, reason]);
    say({ text: true, payload: utf8('one') });
    say({ text: true, payload: utf8('two') });
    close(4001, 'done €');
    expect(server.of('socketClose')[0]?.code).toBe(4001);
    release();
    await settle();
    release();
    await settle();
    expect(told).toEqual(['one', 'two', [4001, 'done €']]);
    expect((await rejection(socket.send('x'))).code).toBe('closed');
    socket.close();
    expect(server.of('socketClose').length).toBe(1);
  });

  test('by the end of the connection tells why', async () => {
    const { client, closes } = await open();
    client.close();
    expect(closes).toEqual([[1006, 'The connection was closed.']]);
  });

  test('a shut-down closes with 1001', async () => {
    const { client, server, close, closes } = await open();
    const down = client.shutDown();
    expect(server.of('socketClose')[0]?.code).toBe(1001);
    close(1001);
    await down;
    expect(closes).toEqual([[1001, '']]);
  });
});

describe('a hostile other end', () => {
  const on = (exchange: number, more: object): Frame => ({ exchange, ...more }) as Frame;
  const head = { status: 101, reason: '', fields: [] };
  const table: [string, Frame[], number][] = [
    ['data', [on(1, { type: 'data', end: false, payload: Uint8Array.of(1) })], Code.protocol],
    ['a response', [on(1, { type: 'response', end: true, head: { ...head, status: 200 } })], Code.protocol],
    ['a second acceptance', [on(1, { type: 'socketAccept', head })], Code.protocol],
    [
      'an empty piece',
      [on(1, { type: 'socketMessage', end: false, text: true, payload: new Uint8Array() })],
      Code.protocol,
    ],
    ['credit beyond 2^31-1', [on(1, { type: 'credit', bytes: 0x7fffffff })], Code.protocol],
  ];
  test.each(table)('%s resets the socket', async (_, frames, code) => {
    const { server, closes, client } = await open();
    for (const frame of frames) server.send(server.channelOf(1), frame);
    expect(server.of('reset').map(frame => frame.code)).toEqual([code]);
    expect(closes[0]?.[0]).toBe(1006);
    expect(client.stats.exchangesActive).toBe(0);
  });

  test('a malformed close or ping resets the socket, not the connection', async () => {
    for (const hex of [
      '2400000000010000',
      '240000000001' + '03ed',
      '24000000000103e8ff',
      '230000000001' + '70'.repeat(126),
    ]) {
      const { server, closes, client } = await open();
      server.sendBytes(server.channelOf(1), Uint8Array.from(Buffer.from(hex, 'hex')));
      expect(server.of('reset').length).toBe(1);
      expect(server.of('goaway')).toEqual([]);
      expect(closes[0]?.[0]).toBe(1006);
      expect(client.stats.exchangesActive).toBe(0);
    }
  });

  test('a message before the acceptance resets the exchange', async () => {
    for (const type of ['socketMessage', 'socketClose', 'data'] as const) {
      const { client, server } = connect();
      const opening = client.openSocket('/');
      const rest = { end: true, text: false, payload: Uint8Array.of(1), code: null, reason: '' };
      server.send(server.channelOf(1), on(1, { type, ...rest }));
      expect((await rejection(opening)).code).toBe('protocol');
    }
  });

  test('more than credit resets the socket, empty messages too', async () => {
    const { server, socket, say } = await open();
    socket.onmessage = null;
    for (let i = 0; i < tunnelLimits.initialCredit / tunnelLimits.socketPiece; i++) say({});
    expect(server.of('reset')).toEqual([]);
    say({});
    expect(server.of('reset')[0]?.code).toBe(Code.flow);
  });

  test('a message beyond the limit resets the socket', async () => {
    const { server, say, closes } = await open();
    for (let at = 0; at < tunnelLimits.socketMessage; at += 131072)
      say({ end: false, payload: new Uint8Array(131072) });
    say({ payload: new Uint8Array(1) });
    expect(server.of('reset')[0]?.code).toBe(Code.tooLarge);
    expect(closes[0]?.[0]).toBe(1006);
  });

  test('text that is not UTF-8 closes with 1007', async () => {
    const { server, say, messages } = await open();
    say({ text: true, payload: concat([utf8('ab'), Uint8Array.of(0xc3)]) });
    expect(server.of('socketClose')[0]?.code).toBe(1007);
    expect(messages).toEqual([]);
  });
});
