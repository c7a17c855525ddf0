import { beforeEach, describe, expect, it } from 'vitest';
import { Code } from '../generated/protocol.ts';
import { TunnelClient } from './client.ts';
import type { TunnelError } from './error.ts';
import type { Frame } from './frames.ts';
import { FakeServer, FakeTimers, settle } from './testing/fakes.ts';
import type { TunnelClientOptions, TunnelRequest } from './types.ts';

let server: FakeServer;
let timers: FakeTimers;
let client: TunnelClient;

function start(options: TunnelClientOptions = {}): void {
  server = new FakeServer();
  timers = new FakeTimers();
  client = new TunnelClient(server.channels, { timers, ...options });
}

function connect(options: TunnelClientOptions = {}): void {
  start(options);
  server.open();
  server.hello();
}

const get = (target: string): TunnelRequest => ({ method: 'GET', target });
const post = (body: TunnelRequest['body']): TunnelRequest =>
  body === undefined ? { method: 'POST', target: '/' } : { method: 'POST', target: '/', body };

/** The error that a promise rejects with. */
async function failure(promise: Promise<unknown>): Promise<TunnelError> {
  return promise.then(
    () => expect.unreachable('should have failed'),
    (error: unknown) => error as TunnelError,
  );
}

function codeSent(exchange: number): number | undefined {
  return server.of('reset').find(frame => frame.exchange === exchange)?.code;
}

describe('the connection', () => {
  beforeEach(() => start());

  it('says hello as soon as channel 0 is open, and is ready with the hello of the other end', async () => {
    server.channel(0).becomeOpen();
    expect(server.received).toMatchObject([
      { channel: 0, frame: { type: 'hello', versionMin: 1, versionMax: 1, settings: { dataPiece: 65536 } } },
    ]);
    server.hello();
    await client.ready;
  });

  it('takes channels that are open already', async () => {
    const other = new FakeServer();
    for (const channel of other.channels) channel.open = true;
    const late = new TunnelClient(other.channels, { timers });
    other.hello();
    await late.ready;
    expect(other.of('hello')).toHaveLength(1);
    late.close();
  });

  it('sends no request before the hello, and then all that wait', async () => {
    server.open();
    const response = client.fetch(get('/'));
    await settle();
    expect(server.of('request')).toHaveLength(0);
    server.hello();
    expect(server.of('request')).toHaveLength(1);
    server.respond(1, 200, { end: true });
    expect((await response).status).toBe(200);
  });

  it('sends a request when its channel opens late', () => {
    server.channel(0).becomeOpen();
    server.hello();
    client.fetch(get('/')).catch(() => undefined);
    expect(server.of('request')).toHaveLength(0);
    server.channel(1).becomeOpen();
    expect(server.of('request')).toHaveLength(1);
  });

  it('fails when the other end says no hello in time', async () => {
    server.open();
    timers.advance(15_000);
    expect((await client.closed).code).toBe('timeout');
    expect((await failure(client.ready)).code).toBe('timeout');
    expect((await failure(client.fetch(get('/')))).repeatable).toBe(true);
    expect(timers.pending).toBe(0);
  });

  it.each([
    [2, 9],
    [0, 0],
  ])('refuses a hello of versions %i to %i and says so', async (least, most) => {
    server.open();
    server.hello({}, [least, most]);
    expect((await client.closed).code).toBe('unsupported');
    expect(server.of('goaway')).toMatchObject([{ code: Code.unsupported }]);
    expect(server.channels.every(channel => channel.closed)).toBe(true);
  });

  it('refuses another protocol', async () => {
    server.open();
    const hello = Uint8Array.from(Buffer.from('0100000000006f776e646952000100010000', 'hex'));
    server.sendBytes(0, hello);
    expect((await client.closed).code).toBe('unsupported');
  });

  it('knows later versions of a range that holds its own', async () => {
    server.open();
    server.hello({}, [1, 7]);
    await client.ready;
  });

  it.each<[string, number, Frame]>([
    ['a second hello', 0, { type: 'hello', exchange: 0, versionMin: 1, versionMax: 1, settings: {} }],
    ['a request', 1, { type: 'request', exchange: 1, end: true, head: { method: 'GET', target: '/', fields: [] } }],
    [
      'an answer to nothing',
      1,
      { type: 'response', exchange: 7, end: true, head: { status: 200, reason: '', fields: [] } },
    ],
    ['data of nothing', 2, { type: 'data', exchange: 1, end: true, payload: new Uint8Array() }],
    [
      'an unknown frame of nothing',
      3,
      { type: 'unknown', exchange: 9, typeValue: 99, flags: 0, payload: new Uint8Array() },
    ],
    ['a ping on an exchange channel', 1, { type: 'ping', exchange: 0, opaque: new Uint8Array(8) }],
    ['credit on channel 0', 0, { type: 'credit', exchange: 1, bytes: 1 }],
  ])('breaks at %s', async (_, channel, frame) => {
    server.open();
    server.hello();
    server.send(channel, frame);
    expect((await client.closed).code).toBe('protocol');
    expect(server.of('goaway')).toMatchObject([{ code: Code.protocol }]);
  });

  it.each(['', '12', '0200000000', 'ffffffffff'])('breaks at the bytes "%s"', async hex => {
    server.open();
    server.hello();
    server.sendBytes(0, Uint8Array.from(Buffer.from(hex, 'hex')));
    expect((await client.closed).code).toBe('protocol');
  });

  it('breaks at a frame beyond the limit', async () => {
    server.open();
    server.hello();
    server.sendBytes(1, new Uint8Array(262145).fill(18, 0, 1));
    expect((await client.closed).code).toBe('tooLarge');
  });

  it('breaks at a frame before the hello', async () => {
    server.open();
    server.send(0, { type: 'ping', exchange: 0, opaque: new Uint8Array(8) });
    expect((await client.closed).code).toBe('protocol');
  });

  it('ignores unknown frames on channel 0', async () => {
    server.open();
    server.hello();
    server.send(0, { type: 'unknown', exchange: 0, typeValue: 200, flags: 7, payload: new Uint8Array(3) });
    await client.ready;
    expect(client.stats.exchangesActive).toBe(0);
    expect(server.of('goaway')).toHaveLength(0);
  });

  it('answers pings, but not for an end that does not read', () => {
    server.open();
    server.hello();
    const opaque = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    server.send(0, { type: 'ping', exchange: 0, opaque });
    expect(server.of('pong')).toMatchObject([{ opaque }]);
    server.channel(0).holding = true;
    for (let i = 0; i < 20_000; i++) server.send(0, { type: 'ping', exchange: 0, opaque });
    expect(server.channel(0).bufferedAmount).toBeLessThan(100_000);
  });

  it('is over when a channel closes', async () => {
    server.open();
    server.hello();
    const response = failure(client.fetch(get('/')));
    server.channel(3).onclose?.();
    expect((await client.closed).code).toBe('closed');
    expect(await response).toMatchObject({ code: 'closed', repeatable: false });
    expect(timers.pending).toBe(0);
  });

  it('is over when a channel takes no more messages', async () => {
    server.open();
    server.hello();
    server.channel(1).throws = true;
    expect((await failure(client.fetch(get('/')))).code).toBe('closed');
    expect((await client.closed).code).toBe('closed');
  });

  it('ignores what comes after the end', async () => {
    server.open();
    const { onmessage, onclose } = server.channel(0);
    client.close();
    onmessage?.(new Uint8Array());
    onclose?.();
    client.close();
    expect((await client.closed).message).toContain('closed');
  });
});

describe('an exchange', () => {
  beforeEach(() => connect());

  it('sends its head and gives the response with exact fields', async () => {
    const response = client.fetch({
      method: 'GET',
      target: '/a?b',
      fields: [
        ['X-A', 'é'],
        ['connection', 'close'],
      ],
    });
    expect(server.of('request')).toMatchObject([
      { exchange: 1, end: true, head: { method: 'GET', target: '/a?b', fields: [['X-A', 'é']] } },
    ]);
    server.respond(1, 200, {
      reason: 'Fine',
      fields: [
        ['Set-Cookie', 'a'],
        ['set-cookie', 'b'],
      ],
    });
    const { status, reason, fields, header } = await response;
    expect({ status, reason, fields }).toEqual({
      status: 200,
      reason: 'Fine',
      fields: [
        ['Set-Cookie', 'a'],
        ['set-cookie', 'b'],
      ],
    });
    expect(header.call(await response, 'SET-COOKIE')).toBe('a, b');
    expect((await response).header('x')).toBeNull();
    server.data(1, 'hel');
    server.data(1, 'lo', true);
    expect(await (await response).text()).toBe('hello');
    expect(client.stats).toMatchObject({ exchangesOpened: 1, exchangesActive: 0, bodyBytesReceived: 5 });
  });

  it('skips interim responses', async () => {
    const response = client.fetch(get('/'));
    server.respond(1, 103, { fields: [['Link', '</a>']] });
    server.respond(1, 100);
    server.respond(1, 204, { end: true });
    expect((await response).status).toBe(204);
    expect((await response).body).toBeNull();
    expect(await (await response).text()).toBe('');
  });

  it('spreads over the channels, the quietest first', () => {
    for (let i = 0; i < 6; i++) client.fetch(get('/')).catch(() => undefined);
    expect([1, 2, 3, 4, 5, 6].map(id => server.channelOf(id))).toEqual([1, 2, 3, 4, 1, 2]);
    server.respond(3, 200, { end: true });
    client.fetch(get('/')).catch(() => undefined);
    expect(server.channelOf(7)).toBe(3);
  });

  it('waits while the other end takes no more', async () => {
    start();
    server.open();
    server.hello({ maxExchanges: 2 });
    const responses = [1, 2, 3].map(() => client.fetch(get('/')));
    expect(server.of('request')).toHaveLength(2);
    server.respond(2, 200, { end: true });
    expect(server.of('request')).toHaveLength(3);
    server.respond(1, 200, { end: true });
    server.respond(3, 200, { end: true });
    expect((await Promise.all(responses)).map(response => response.status)).toEqual([200, 200, 200]);
  });

  it('gives its body in order when several run at once', async () => {
    const [a, b] = await (async () => {
      const both = [client.fetch(get('/a')), client.fetch(get('/b'))];
      server.respond(2, 200);
      server.data(2, 'b1');
      server.respond(1, 200);
      server.data(1, 'a1');
      server.data(2, 'b2', true);
      server.data(1, 'a2', true);
      return Promise.all(both);
    })();
    expect(await a?.text()).toBe('a1a2');
    expect(await b?.text()).toBe('b1b2');
  });

  it('can be read after the connection is gone when it was complete', async () => {
    const response = client.fetch(get('/'));
    server.respond(1, 200);
    server.data(1, 'whole', true);
    client.close();
    expect(await (await response).text()).toBe('whole');
  });

  it.each<[string, () => void]>([
    ['a body shorter than content-length', () => server.data(1, 'four', true)],
    ['a body longer than content-length', () => server.data(1, 'sixsix')],
  ])('never gives %s', async (_, send) => {
    const response = client.fetch(get('/'));
    server.respond(1, 200, { fields: [['Content-Length', '5']] });
    send();
    expect((await failure((await response).bytes())).code).toBe('protocol');
    expect(codeSent(1)).toBe(Code.protocol);
    expect(client.stats.exchangesActive).toBe(0);
  });

  it.each<[string, () => void]>([
    [
      'no body where content-length promises one',
      () => server.respond(1, 200, { end: true, fields: [['content-length', '5']] }),
    ],
    ['a body with 204', () => server.respond(1, 204)],
    ['an interim response that ends it', () => server.respond(1, 100, { end: true })],
    ['data before the response', () => server.data(1, 'x')],
    ['a WebSocket frame', () => server.send(1, { type: 'socketClose', exchange: 1, code: null, reason: '' })],
    ['a bad head', () => server.sendBytes(1, Uint8Array.from(Buffer.from('110000000001ffff00000000', 'hex')))],
    [
      'a connection-level field',
      () => server.sendBytes(1, Uint8Array.from(Buffer.from('11000000000100c8000000010002746500017', 'hex'))),
    ],
  ])('is reset at %s, and the connection goes on', async (_, send) => {
    const response = client.fetch(get('/'));
    send();
    expect((await failure(response)).code).toBe('protocol');
    expect(codeSent(1)).toBe(Code.protocol);
    const next = client.fetch(get('/'));
    server.respond(2, 200, { end: true });
    expect((await next).status).toBe(200);
  });

  it('is reset at a second final response', async () => {
    const response = await (() => {
      const promise = client.fetch(get('/'));
      server.respond(1, 200);
      server.respond(1, 200);
      return promise;
    })();
    expect((await failure(response.text())).code).toBe('protocol');
  });

  it('is reset when more comes than its credit', async () => {
    connect({ initialCredit: 1000 });
    const response = client.fetch(get('/'));
    server.respond(1, 200);
    server.data(1, new Uint8Array(1000));
    server.data(1, new Uint8Array(1));
    expect((await failure((await response).bytes())).code).toBe('flow');
    expect(codeSent(1)).toBe(Code.flow);
  });

  it('has no body with HEAD and 304, whatever content-length says', async () => {
    const responses = [client.fetch({ method: 'HEAD', target: '/' }), client.fetch(get('/'))];
    server.respond(1, 200, { end: true, fields: [['Content-Length', '5']] });
    server.respond(2, 304, { end: true, fields: [['Content-Length', '5']] });
    for (const response of await Promise.all(responses)) expect(response.body).toBeNull();
  });

  it('fails with the code and text of a reset', async () => {
    const response = client.fetch(get('/'));
    server.reset(1, Code.upstream, 'disk went away');
    expect(await failure(response)).toMatchObject({ code: 'upstream', repeatable: false });
    expect((await failure(response)).message).toContain('disk went away');
    const refused = client.fetch(get('/'));
    server.reset(2, Code.refused);
    expect(await failure(refused)).toMatchObject({ code: 'refused', repeatable: true });
    const unknown = client.fetch(get('/'));
    server.reset(3, 700);
    expect((await failure(unknown)).code).toBe('internal');
  });

  it('gives no part of a body as the whole when it is reset in between', async () => {
    const response = client.fetch(get('/'));
    server.respond(1, 200);
    server.data(1, 'half');
    const body = (await response).text();
    await settle();
    server.reset(1, Code.upstream);
    expect((await failure(body)).code).toBe('upstream');
  });

  it('ignores what crosses its end', async () => {
    const response = client.fetch(get('/'));
    server.respond(1, 200, { end: true });
    await response;
    server.data(1, 'late');
    server.reset(1, Code.internal);
    server.respond(1, 500);
    server.send(1, { type: 'credit', exchange: 1, bytes: 5 });
    expect(server.of('reset')).toHaveLength(0);
    expect(server.of('goaway')).toHaveLength(0);
  });

  it('ignores frames of unknown types', async () => {
    const response = client.fetch(get('/'));
    server.send(1, { type: 'unknown', exchange: 1, typeValue: 99, flags: 1, payload: new Uint8Array(2) });
    server.respond(1, 200, { end: true });
    expect((await response).status).toBe(200);
  });

  it('does not take frames of another channel for its own', async () => {
    const a = client.fetch(get('/a'));
    client.fetch(get('/b')).catch(() => undefined);
    server.send(2, { type: 'response', exchange: 1, end: true, head: { status: 500, reason: '', fields: [] } });
    server.respond(1, 200, { end: true });
    expect((await a).status).toBe(200);
  });

  it('reports progress with the total', async () => {
    const seen: [number, number | null][] = [];
    const response = client.fetch(get('/'), { onProgress: (received, total) => seen.push([received, total]) });
    server.respond(1, 200, { fields: [['content-length', '6']] });
    server.data(1, 'abc');
    server.data(1, 'def', true);
    await (await response).bytes();
    expect(seen).toEqual([
      [3, 6],
      [6, 6],
    ]);
  });

  it('holds a body to the limit of who reads it', async () => {
    for (const fields of [[], [['content-length', '8']]] as [string, string][][]) {
      const id = client.stats.exchangesOpened + 1;
      const response = client.fetch(get('/'));
      server.respond(id, 200, { fields });
      server.data(id, '12345678');
      expect((await failure((await response).bytes(7))).code).toBe('tooLarge');
      expect(codeSent(id)).toBe(Code.cancelled);
    }
    expect(client.stats.exchangesActive).toBe(0);
  });

  it('parses JSON', async () => {
    const response = client.fetch(get('/'));
    server.respond(1, 200);
    server.data(1, '{"a":[1]}', true);
    expect(await (await response).json()).toEqual({ a: [1] });
  });

  it.each<[string, TunnelRequest, string]>([
    ['a target that is no path', get('http://x/'), 'protocol'],
    ['a value with a line break', { method: 'GET', target: '/', fields: [['a', 'b\r\nc: d']] }, 'protocol'],
    ['characters that are no bytes', { method: 'GET', target: '/', fields: [['a', '🌱']] }, 'protocol'],
    [
      'a head that is too large',
      {
        method: 'GET',
        target: '/',
        fields: [
          ['a', 'x'.repeat(32_768)],
          ['b', 'x'.repeat(32_768)],
        ],
      },
      'tooLarge',
    ],
  ])('is not sent with %s', async (_, request, code) => {
    expect((await failure(client.fetch(request))).code).toBe(code);
    expect(server.of('request')).toHaveLength(0);
    client.fetch(get('/')).catch(() => undefined);
    expect(server.of('request')).toMatchObject([{ exchange: 1 }]);
  });

  it('heeds the other end’s limit of heads', async () => {
    start();
    server.open();
    server.hello({ maxHead: 1024 });
    expect((await failure(client.fetch(get('/' + 'x'.repeat(1100))))).code).toBe('tooLarge');
  });
});

describe('cancelling', () => {
  beforeEach(() => connect());

  it('before it starts sends nothing', async () => {
    expect((await failure(client.fetch(get('/'), { signal: AbortSignal.abort() }))).code).toBe('cancelled');
    start();
    server.open();
    const abort = new AbortController();
    const response = client.fetch(get('/'), { signal: abort.signal });
    abort.abort('why');
    expect(await failure(response)).toMatchObject({ code: 'cancelled', cause: 'why' });
    server.hello();
    expect(server.of('request')).toHaveLength(0);
  });

  it('before the response resets', async () => {
    const abort = new AbortController();
    const response = client.fetch(get('/'), { signal: abort.signal });
    abort.abort();
    expect((await failure(response)).code).toBe('cancelled');
    expect(codeSent(1)).toBe(Code.cancelled);
    server.respond(1, 200);
    expect(client.stats.exchangesActive).toBe(0);
  });

  it('in the body errors the stream and resets', async () => {
    const abort = new AbortController();
    const response = client.fetch(get('/'), { signal: abort.signal });
    server.respond(1, 200);
    server.data(1, 'abc');
    const body = (await response).bytes();
    await settle();
    abort.abort();
    expect((await failure(body)).code).toBe('cancelled');
    expect(codeSent(1)).toBe(Code.cancelled);
  });

  it('takes away what has arrived and was not read', async () => {
    const abort = new AbortController();
    const response = client.fetch(get('/'), { signal: abort.signal });
    server.respond(1, 200);
    server.data(1, 'abc', true);
    const { body } = await response;
    abort.abort();
    expect((await failure(body?.getReader().read() ?? Promise.resolve())).code).toBe('cancelled');
    expect(server.of('reset')).toHaveLength(0);
  });

  it('the body resets, and stops the upload', async () => {
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull: () => new Promise(() => undefined),
      cancel: () => void (cancelled = true),
    });
    const response = client.fetch(post(body));
    server.respond(1, 200);
    await (await response).body?.cancel();
    await settle();
    expect(codeSent(1)).toBe(Code.cancelled);
    expect(cancelled).toBe(true);
  });

  it('after the end does nothing', async () => {
    const abort = new AbortController();
    const response = client.fetch(get('/'), { signal: abort.signal });
    server.respond(1, 200, { end: true });
    await response;
    abort.abort();
    expect(server.of('reset')).toHaveLength(0);
  });

  it('at a high rate is slowed down, so that the other end does not close the connection', async () => {
    for (let i = 0; i < 1500; i++) {
      const abort = new AbortController();
      client.fetch(get('/'), { signal: abort.signal }).catch(() => undefined);
      abort.abort();
    }
    expect(server.of('request')).toHaveLength(1000);
    const last = client.fetch(get('/'));
    expect(server.of('request')).toHaveLength(1000);
    timers.advance(1000);
    expect(server.of('request')).toHaveLength(1001);
    server.respond(1001, 200, { end: true });
    expect((await last).status).toBe(200);
  });
});

describe('a request body', () => {
  beforeEach(() => connect());

  it('of bytes or text is sent with its length', async () => {
    const response = client.fetch(post('größe'));
    expect(server.of('request')).toMatchObject([{ end: false, head: { fields: [['content-length', '7']] } }]);
    expect(server.of('data')).toMatchObject([{ end: true }]);
    expect(server.bodyOf(1)).toBe('größe');
    server.respond(1, 200, { end: true });
    expect((await response).status).toBe(200);
    expect(client.stats).toMatchObject({ exchangesActive: 0, bodyBytesSent: 7 });
  });

  it('that is empty ends with an empty frame', () => {
    client.fetch(post('')).catch(() => undefined);
    expect(server.of('data')).toMatchObject([{ end: true, payload: new Uint8Array() }]);
  });

  it('that is a stream is sent as it comes', async () => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const text of ['one ', '', 'two ', 'three']) controller.enqueue(new TextEncoder().encode(text));
        controller.close();
      },
    });
    client.fetch(post(body)).catch(() => undefined);
    await settle();
    expect(server.bodyOf(1)).toBe('one two three');
    expect(server.of('data').at(-1)?.end).toBe(true);
  });

  it('is cut into the pieces that the other end prefers', () => {
    start();
    server.open();
    server.hello({ dataPiece: 1000 });
    client.fetch(post(new Uint8Array(2500))).catch(() => undefined);
    expect(server.of('data').map(frame => frame.payload.length)).toEqual([1000, 1000, 500]);
  });

  it('never exceeds its credit', () => {
    start();
    server.open();
    server.hello({ initialCredit: 1500, dataPiece: 1000 });
    client.fetch(post(new Uint8Array(4000))).catch(() => undefined);
    const sent = () => server.of('data').map(frame => frame.payload.length);
    expect(sent()).toEqual([1000, 500]);
    server.send(1, { type: 'credit', exchange: 1, bytes: 1 });
    expect(sent()).toEqual([1000, 500, 1]);
    server.send(1, { type: 'credit', exchange: 1, bytes: 10_000 });
    expect(sent().reduce((sum, size) => sum + size, 0)).toBe(4000);
    expect(server.of('data').at(-1)?.end).toBe(true);
  });

  it('needs no credit for its end', () => {
    start();
    server.open();
    server.hello({ initialCredit: 0 });
    client.fetch(post('')).catch(() => undefined);
    expect(server.of('data')).toMatchObject([{ end: true }]);
  });

  it('is reset at credit beyond 2^31-1', async () => {
    const body = new ReadableStream<Uint8Array>();
    const response = failure(client.fetch(post(body)));
    server.send(1, { type: 'credit', exchange: 1, bytes: 0x7fffffff });
    expect((await response).code).toBe('protocol');
  });

  it('that nobody takes is given up after a time', async () => {
    start();
    server.open();
    server.hello({ initialCredit: 10 });
    const response = failure(client.fetch(post(new Uint8Array(20))));
    for (let s = 0; s < 119; s += 7) {
      timers.advance(7000);
      server.send(0, { type: 'pong', exchange: 0, opaque: new Uint8Array(8) });
    }
    timers.advance(7000);
    expect((await response).code).toBe('timeout');
    expect(codeSent(1)).toBe(Code.timeout);
  });

  it('may be left unread by a server that answers early', async () => {
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull: () => new Promise(() => undefined),
      cancel: () => void (cancelled = true),
    });
    const response = client.fetch(post(body));
    server.respond(1, 413);
    server.data(1, 'too much', true);
    expect(client.stats.exchangesActive).toBe(1);
    server.reset(1, Code.cancelled);
    expect(await (await response).text()).toBe('too much');
    expect(cancelled).toBe(true);
    expect(client.stats.exchangesActive).toBe(0);
  });

  it.each<[string, () => ReadableStream<Uint8Array>, string]>([
    ['whose source fails', () => new ReadableStream({ pull: c => c.error(new Error('torn')) }), 'upstream'],
    ['of text chunks', () => new ReadableStream({ pull: c => c.enqueue('text' as unknown as Uint8Array) }), 'upstream'],
    [
      'that differs from its content-length',
      () => new ReadableStream({ start: c => (c.enqueue(new Uint8Array(3)), c.close()) }),
      'upstream',
    ],
  ])('%s resets', async (_, body, code) => {
    const fields: [string, string][] = [['content-length', '5']];
    const response = failure(client.fetch({ method: 'PUT', target: '/', fields, body: body() }));
    expect((await response).code).toBe(code);
    expect(codeSent(1)).toBe(Code.upstream);
    expect(server.of('data').some(frame => frame.end)).toBe(false);
  });

  it('waits for the channel, takes turns with others, and lets heads go first', () => {
    const channel = server.channel(1);
    channel.bufferedAmount = 2 * 1024 * 1024;
    for (let i = 0; i < 9; i++) client.fetch(post(new Uint8Array(130_000))).catch(() => undefined);
    const onFirst = () => server.received.filter(({ channel: at }) => at === 1).map(({ frame }) => frame);
    expect(onFirst()).toEqual([]);
    channel.drain();
    expect(onFirst().map(frame => `${frame.type} ${frame.exchange}`)).toEqual([
      ...['request 1', 'request 5', 'request 9'],
      ...['data 1', 'data 5', 'data 9', 'data 1', 'data 5', 'data 9'],
    ]);
    expect(server.of('data').filter(frame => frame.end)).toHaveLength(9);
  });

  it('fills the channel’s buffer only so far, and goes on when it has drained', () => {
    const channel = server.channel(1);
    channel.holding = true;
    for (let i = 0; i < 40; i++) client.fetch(post(new Uint8Array(260_000))).catch(() => undefined);
    expect(channel.bufferedAmount).toBeLessThan(1024 * 1024 + 64 * 1024);
    for (let i = 0; i < 5; i++) channel.drain();
    expect(server.of('data').filter(frame => frame.end)).toHaveLength(40);
  });
});

describe('flow control of responses', () => {
  it('bounds what an unread body may send, and goes on when it is read', async () => {
    connect({ initialCredit: 1000 });
    const response = client.fetch(get('/'));
    server.respond(1, 200);
    server.data(1, new Uint8Array(1000));
    await settle();
    expect(server.of('credit')).toHaveLength(0);
    const reader = (await response).body?.getReader();
    await reader?.read();
    expect(server.of('credit').reduce((sum, frame) => sum + frame.bytes, 0)).toBe(2000);
  });

  it('sends no credit for a body that fits', async () => {
    connect();
    const response = client.fetch(get('/'));
    server.respond(1, 200, { fields: [['content-length', '200000']] });
    for (let i = 0; i < 20; i++) server.data(1, new Uint8Array(10_000), i === 19);
    expect((await (await response).bytes()).length).toBe(200_000);
    expect(server.of('credit')).toHaveLength(0);
  });

  it('lets the window of a reader that keeps up grow to its limit', async () => {
    connect();
    const response = client.fetch(get('/'));
    server.respond(1, 200);
    const whole = (await response).bytes(1 << 30);
    let credit = 262_144;
    let seen = 0;
    let widest = 0;
    for (let round = 0; round < 2000; round++) {
      const credits = server.of('credit');
      for (; seen < credits.length; seen++) credit += credits[seen]?.bytes ?? 0;
      widest = Math.max(widest, credit);
      const size = Math.min(credit, 16_384);
      credit -= size;
      if (size > 0) server.data(1, new Uint8Array(size));
      if (round % 8 === 0) await new Promise<void>(resolve => setImmediate(resolve));
    }
    server.data(1, '', true);
    expect((await whole).length).toBeGreaterThan(20_000_000);
    expect(widest).toBeGreaterThan(3_000_000);
    expect(widest).toBeLessThanOrEqual(4_194_304);
  });

  it('keeps a flood of tiny pieces as bytes, not as objects', async () => {
    connect();
    const response = client.fetch(get('/'));
    server.respond(1, 200);
    for (let i = 0; i < 100_000; i++) server.data(1, Uint8Array.of(i % 256));
    server.data(1, '', true);
    const reader = (await response).body?.getReader();
    let pieces = 0;
    const all: number[] = [];
    for (;;) {
      const next = await reader?.read();
      if (!next || next.done) break;
      pieces++;
      for (const byte of next.value) all.push(byte);
    }
    expect(pieces).toBeLessThan(10);
    expect(all.length).toBe(100_000);
    expect(all.every((byte, i) => byte === i % 256)).toBe(true);
  });
});

describe('liveness', () => {
  beforeEach(() => {
    connect();
    answerPings();
  });

  function answerPings(): void {
    for (const ping of server.of('ping').slice(server.of('pong').length))
      server.send(0, { type: 'pong', exchange: 0, opaque: ping.opaque });
  }

  it('measures the round trip', () => {
    timers.advance(10_000);
    expect(server.of('ping')).toHaveLength(2);
    timers.advance(40);
    server.send(0, { type: 'pong', exchange: 0, opaque: server.of('ping')[1]?.opaque ?? new Uint8Array(8) });
    expect(client.stats.roundTripMs).toBe(40);
  });

  it('does not ping while frames come', () => {
    client.fetch(get('/')).catch(() => undefined);
    for (let i = 0; i < 60; i++) {
      timers.advance(1000);
      server.respond(1, 100);
    }
    expect(server.of('ping')).toHaveLength(1);
  });

  it('calls the connection dead when a ping stays unanswered', async () => {
    timers.advance(10_000);
    expect(server.of('ping')).toHaveLength(2);
    timers.advance(19_999);
    expect(client.stats.exchangesActive).toBe(0);
    let over = false;
    void client.closed.then(() => (over = true));
    await settle();
    expect(over).toBe(false);
    timers.advance(2);
    expect((await client.closed).code).toBe('timeout');
  });

  it('asks again after the page slept, before it calls the connection dead', async () => {
    timers.advance(10_000);
    const pings = server.of('ping').length;
    timers.freeze(3_600_000);
    expect(server.of('ping')).toHaveLength(pings + 1);
    const opaque = server.of('ping').at(-1)?.opaque ?? new Uint8Array(8);
    server.send(0, { type: 'pong', exchange: 0, opaque });
    timers.advance(9000);
    expect(client.stats.roundTripMs).toBe(0);
    expect(server.of('ping')).toHaveLength(pings + 1);
  });

  it('notices death in a hidden tab whose timers come once a minute', async () => {
    for (let minute = 0; minute < 6; minute++) timers.freeze(60_000);
    expect((await client.closed).code).toBe('timeout');
  });
});

describe('the end', () => {
  beforeEach(() => connect());

  it('by shutDown lets open exchanges finish and takes no new ones', async () => {
    const response = client.fetch(get('/'));
    const done = client.shutDown();
    expect(await failure(client.fetch(get('/')))).toMatchObject({ code: 'closed', repeatable: true });
    server.respond(1, 200);
    server.data(1, 'all', true);
    await done;
    expect(await (await response).text()).toBe('all');
    expect(server.of('goaway')).toMatchObject([{ code: Code.noError }]);
    expect(server.channels.every(channel => channel.closed)).toBe(true);
    expect(timers.pending).toBe(0);
    await client.shutDown();
  });

  it('by close fails what is open', async () => {
    const response = failure(client.fetch(get('/')));
    client.close();
    expect((await response).code).toBe('closed');
    expect((await client.closed).code).toBe('closed');
  });

  it('by goaway lets started exchanges finish and fails the others as repeatable', async () => {
    const first = client.fetch(get('/'));
    const second = failure(client.fetch(get('/')));
    server.send(0, { type: 'goaway', exchange: 0, code: Code.noError, lastExchange: 1, text: '' });
    expect(await second).toMatchObject({ code: 'refused', repeatable: true });
    expect((await failure(client.fetch(get('/')))).repeatable).toBe(true);
    server.respond(1, 200, { end: true });
    expect((await first).status).toBe(200);
    expect((await client.closed).code).toBe('closed');
  });

  it('by goaway with an error is at once', async () => {
    const response = failure(client.fetch(get('/')));
    server.send(0, { type: 'goaway', exchange: 0, code: Code.tooFast, lastExchange: 1, text: 'slower' });
    expect((await response).code).toBe('tooFast');
    expect((await client.closed).message).toContain('slower');
  });

  it('leaves requests that waited repeatable', async () => {
    start();
    server.open();
    const waiting = failure(client.fetch(get('/')));
    server.channel(0).onclose?.();
    expect(await waiting).toMatchObject({ code: 'closed', repeatable: true });
  });
});
