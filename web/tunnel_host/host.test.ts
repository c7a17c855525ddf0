import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Code } from '../generated/protocol.ts';
import type { Bytes } from '../base/bytes.ts';
import { BrokerPort } from '../intercept/client.ts';
import type { Cookie } from '../intercept/jar.ts';
import type { FetchHead } from '../intercept/port.ts';
import type { AskLogin, Challenge } from '../intercept/sign_in.ts';
import { TunnelError, type MessageChannel as TunnelChannel, type Tunnel, type TunnelRequest } from '../tunnel/index.ts';
import { FakeServer } from '../tunnel/testing/fakes.ts';
import { TunnelHost } from './host.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { Outbox } from './outbox.ts';
import { WorkerSide } from './worker_side.ts';

const adopt = (channel: RTCDataChannel) => channel as unknown as TunnelChannel;

/** The worker's side in this thread: only the ports of sessions are real. */
class FakeWorker {
  onmessage: ((event: { data: FromWorker[] }) => void) | null = null;
  onerror: ((event: { message: string; preventDefault(): void }) => void) | null = null;
  onmessageerror: (() => void) | null = null;
  terminated = false;
  refuses = false;
  readonly #outbox = new Outbox<FromWorker>(data => queueMicrotask(() => this.onmessage?.({ data })));
  readonly side = new WorkerSide(message => this.tell(message), adopt);

  constructor(able: boolean | null = true) {
    if (able !== null) this.tell({ type: 'up', able });
  }
  postMessage(message: ToWorker): void {
    if (this.refuses) throw new DOMException('no such thing', 'DataCloneError');
    queueMicrotask(() => this.side.handle(message));
  }
  tell(message: FromWorker): void {
    this.#outbox.add(message);
  }
  terminate(): void {
    this.terminated = true;
  }
}

let server: FakeServer;
let worker: FakeWorker;
let host: TunnelHost;
let tunnel: Tunnel;

const hostWith = (started: FakeWorker | null) =>
  new TunnelHost({ startWorker: () => started as unknown as Worker | null, adopt });

async function start(inWorker: boolean): Promise<void> {
  server = new FakeServer();
  worker = new FakeWorker();
  host = hostWith(inWorker ? worker : null);
  await host.ready;
  expect(host.inWorker).toBe(inWorker);
  tunnel = host.openTunnel(server.channels as unknown as RTCDataChannel[]);
  await expect.poll(() => server.channel(0).onmessage).not.toBeNull();
}

async function connect(): Promise<void> {
  server.open();
  server.hello();
  await tunnel.ready;
}

const get = (target = '/'): TunnelRequest => ({ method: 'GET', target });
const asked = (count: number) =>
  expect.poll(() => server.of('request').length + server.of('socketOpen').length).toBe(count);

async function failure(promise: Promise<unknown>): Promise<TunnelError> {
  const error = await promise.then(
    () => expect.unreachable('should have failed'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TunnelError);
  return error as TunnelError;
}

const resets = () => server.of('reset').map(({ code }) => code);

describe.each([
  ['in the worker', true],
  ['on the page', false],
])('a tunnel %s', (_, inWorker) => {
  beforeEach(() => start(inWorker));
  afterEach(() => tunnel.close());

  it('is ready with the hello of the other end, and says why it ended', async () => {
    await connect();
    server.channel(2).onclose?.();
    expect(await tunnel.closed).toMatchObject({ code: 'closed', message: 'The connection was lost.' });
    const late = await failure(tunnel.fetch(get()));
    expect(late).toMatchObject({ code: 'closed', repeatable: true });
  });

  it('rejects `ready` when the connection ends before', async () => {
    server.open();
    server.hello({}, [7, 9]);
    expect(await failure(tunnel.ready)).toMatchObject({ code: 'unsupported' });
  });

  it('carries a request with its body, and the response with its own', async () => {
    await connect();
    const fields: [string, string][] = [['x-own', '\xe4']];
    const whole = tunnel.fetch({ method: 'POST', target: '/a?b', fields, body: 'grüße' });
    await asked(1);
    expect(server.of('request')[0]?.head).toMatchObject({
      ...{ method: 'POST', target: '/a?b' },
      fields: [
        ['x-own', '\xe4'],
        ['content-length', '7'],
      ],
    });
    await expect.poll(() => server.of('data').at(-1)?.end).toBe(true);
    server.respond(1, 201, { fields: [['x-b', 'c']], reason: 'Made' });
    const response = await whole;
    expect(response).toMatchObject({ status: 201, reason: 'Made' });
    expect(response.header('X-B')).toBe('c');
    server.data(1, 'one ');
    server.data(1, 'two', true);
    expect(await response.text()).toBe('one two');
  });

  it('has no body where the response has none', async () => {
    await connect();
    const response = tunnel.fetch(get());
    await asked(1);
    server.respond(1, 204, { end: true });
    expect((await response).body).toBeNull();
  });

  it('sends a streamed body as credit allows', async () => {
    await connect();
    const size = 700_000;
    const body = new Blob([new Uint8Array(size)]).stream();
    const response = tunnel.fetch({ method: 'POST', target: '/', body });
    await asked(1);
    const sent = () => server.of('data').reduce((sum, { payload }) => sum + payload.length, 0);
    let granted = 256 * 1024;
    while (granted < size) {
      await expect.poll(sent).toBe(granted);
      granted += 200_000;
      server.send(server.channelOf(1), { type: 'credit', exchange: 1, bytes: 200_000 });
    }
    await expect.poll(sent).toBe(size);
    server.respond(1, 200, { end: true });
    expect((await response).status).toBe(200);
  });

  it('holds the other end back while nobody reads, and gives everything to whoever does', async () => {
    await connect();
    const response = tunnel.fetch(get());
    await asked(1);
    server.respond(1, 200);
    const { body } = await response;
    const piece = new Uint8Array(64 * 1024);
    let credit = 256 * 1024;
    let seen = 0;
    let sent = 0;
    const pour = () => {
      const credits = server.of('credit').slice(seen);
      seen += credits.length;
      for (const { bytes } of credits) credit += bytes;
      for (; credit >= piece.length; credit -= piece.length, sent += piece.length) server.data(1, piece.slice());
      return credits.length;
    };
    pour();
    let quiet = 0;
    while (quiet < 20) {
      await new Promise(resolve => setTimeout(resolve, 5));
      quiet = pour() > 0 ? 0 : quiet + 1;
    }
    expect(sent).toBeLessThan(8 * 1024 * 1024);
    const held = sent;
    let got = 0;
    const reader = body?.getReader() ?? expect.unreachable();
    while (got < held + 2 * 1024 * 1024) {
      got += (await reader.read()).value?.length ?? expect.unreachable();
      pour();
    }
    server.data(1, '', true);
    for (let result = await reader.read(); !result.done; result = await reader.read()) got += result.value.length;
    expect(got).toBe(sent);
  });

  it('is aborted before, while waiting, and in the body', async () => {
    await connect();
    const early = AbortSignal.abort(new Error('enough'));
    expect(await failure(tunnel.fetch(get(), { signal: early }))).toMatchObject({ code: 'cancelled' });
    const abort = new AbortController();
    const waiting = tunnel.fetch(get(), { signal: abort.signal });
    await asked(1);
    abort.abort(new Error('too slow'));
    expect(await failure(waiting)).toMatchObject({ code: 'cancelled', cause: new Error('too slow') });
    await expect.poll(resets).toEqual([Code.cancelled]);
    const inBody = new AbortController();
    const response = tunnel.fetch(get(), { signal: inBody.signal });
    await asked(2);
    server.respond(2, 200);
    server.data(2, 'unread');
    const reader = (await response).body?.getReader() ?? expect.unreachable();
    inBody.abort();
    expect(await failure(reader.read())).toMatchObject({ code: 'cancelled' });
    await expect.poll(resets).toEqual([Code.cancelled, Code.cancelled]);
  });

  it('resets what its reader cancels', async () => {
    await connect();
    const response = tunnel.fetch(get());
    await asked(1);
    server.respond(1, 200);
    await (await response).body?.cancel();
    await expect.poll(resets).toEqual([Code.cancelled]);
  });

  it('says what the other end said of a request that failed', async () => {
    await connect();
    const refused = tunnel.fetch(get());
    await asked(1);
    server.reset(1, Code.refused, 'full');
    expect(await failure(refused)).toMatchObject({ code: 'refused', repeatable: true });
    const broken = tunnel.fetch(get());
    await asked(2);
    server.respond(2, 200);
    const reader = (await broken).body?.getReader() ?? expect.unreachable();
    server.reset(2, Code.upstream, 'disk');
    expect(await failure(reader.read())).toMatchObject({ code: 'upstream', repeatable: false });
  });

  it('gives what came whole before the connection was lost', async () => {
    await connect();
    const response = tunnel.fetch(get());
    await asked(1);
    server.respond(1, 200);
    server.data(1, 'whole', true);
    const whole = await response;
    server.channel(3).onclose?.();
    await tunnel.closed;
    expect(await whole.text()).toBe('whole');
  });

  it('fails what is open when it is closed, and closes its channels', async () => {
    await connect();
    const open = tunnel.fetch(get());
    await asked(1);
    tunnel.close();
    expect(await failure(open)).toMatchObject({ code: 'closed' });
    expect((await tunnel.closed).code).toBe('closed');
    await expect.poll(() => server.channels.every(({ closed }) => closed)).toBe(true);
  });

  it('opens a WebSocket that carries messages in order and its close', async () => {
    await connect();
    const opening = tunnel.openSocket('/ws', { protocols: ['p'], headers: [['x-a', 'b']] });
    await asked(1);
    expect(server.of('socketOpen')[0]?.head.fields).toEqual([
      ['x-a', 'b'],
      ['sec-websocket-protocol', 'p'],
    ]);
    const at = server.channelOf(1);
    const head = { status: 101, reason: '', fields: [['sec-websocket-protocol', 'p']] as [string, string][] };
    server.send(at, { type: 'socketAccept', exchange: 1, head });
    const socket = await opening;
    expect(socket.protocol).toBe('p');
    const message = (payload: Uint8Array, text: boolean) =>
      server.send(at, { type: 'socketMessage', exchange: 1, end: true, text, payload });
    message(new TextEncoder().encode('eins'), true);
    message(Uint8Array.of(2), false);
    const seen: unknown[] = [];
    let release: () => void = () => undefined;
    socket.onmessage = data => {
      seen.push(data);
      return seen.length === 1 ? new Promise<void>(resolve => (release = resolve)) : undefined;
    };
    socket.onclose = (code, reason) => seen.push([code, reason]);
    await expect.poll(() => seen).toEqual(['eins']);
    release();
    await expect.poll(() => seen).toEqual(['eins', Uint8Array.of(2)]);
    await Promise.all([socket.send('a'), socket.send(Uint8Array.of(1, 2))]);
    const sent = server.of('socketMessage').map(({ payload, text }) => [new Uint8Array(payload), text]);
    expect(sent).toEqual([
      [Uint8Array.of(97), true],
      [Uint8Array.of(1, 2), false],
    ]);
    void socket.send('last');
    socket.close(4000, 'done');
    expect(await failure(socket.send('more'))).toMatchObject({ code: 'closed' });
    await expect.poll(() => server.of('socketClose')).toMatchObject([{ code: 4000, reason: 'done' }]);
    expect(server.of('socketMessage')).toHaveLength(3);
    server.send(at, { type: 'socketClose', exchange: 1, code: 4000, reason: '' });
    await expect.poll(() => seen.at(-1)).toEqual([4000, expect.anything()]);
  });

  it('says with which status a WebSocket was refused', async () => {
    await connect();
    const opening = tunnel.openSocket('/ws');
    await asked(1);
    server.respond(1, 403, { end: true });
    expect(await failure(opening)).toMatchObject({ code: 'refused', status: 403 });
  });

  it('ends a WebSocket whose other end vanishes, or whose signal is aborted', async () => {
    await connect();
    const abort = new AbortController();
    const open = async (id: number, signal?: AbortSignal) => {
      const opening = tunnel.openSocket('/ws', signal ? { signal } : {});
      await asked(id);
      server.send(server.channelOf(id), {
        ...{ type: 'socketAccept', exchange: id, head: { status: 101, reason: '', fields: [] } },
      });
      return opening;
    };
    const socket = await open(1);
    const ended = new Promise(resolve => (socket.onclose = (code, reason) => resolve([code, reason])));
    server.reset(1, Code.upstream, 'gone');
    expect(await ended).toEqual([1006, 'The other end ended the WebSocket (upstream): gone']);
    const other = await open(2, abort.signal);
    const cut = new Promise(resolve => (other.onclose = resolve));
    abort.abort();
    expect(await cut).toBe(1006);
    await expect.poll(resets).toEqual([Code.cancelled]);
  });

  it('lets only so much wait for a WebSocket that takes nothing', async () => {
    await connect();
    const opening = tunnel.openSocket('/ws');
    await asked(1);
    server.send(server.channelOf(1), {
      ...{ type: 'socketAccept', exchange: 1, head: { status: 101, reason: '', fields: [] } },
    });
    const socket = await opening;
    const piece = new Uint8Array(1024 * 1024);
    const outcomes: Promise<string>[] = [];
    for (let i = 0; i < 20; i++)
      outcomes.push(
        socket.send(piece).then(
          () => 'sent',
          (error: TunnelError) => error.code,
        ),
      );
    await expect.poll(() => server.of('socketMessage').length).toBeGreaterThan(0);
    socket.onclose = () => undefined;
    tunnel.close();
    const codes = await Promise.all(outcomes);
    expect(codes.slice(-3)).toEqual(['tooLarge', 'tooLarge', 'tooLarge']);
    expect(codes.filter(code => code === 'closed').length).toBeGreaterThan(10);
  });

  it('serves a broker, which asks over the next tunnel when there is one', async () => {
    const kept: Cookie[][] = [];
    const { port1, port2 } = new MessageChannel();
    const broker = host.openBroker({
      ...{ app: 'notes', origin: 'https://notes.owndir.invalid/x', connected: () => tunnel.ready.then(() => tunnel) },
      keep: { load: () => null, save: cookies => kept.push(cookies) },
    });
    expect(broker.identity).toEqual({ app: 'notes', origin: 'https://notes.owndir.invalid' });
    broker.attach(port2);
    const client = new BrokerPort(port1);
    await client.ready;
    const head: FetchHead = {
      ...{ method: 'GET', target: '/x', fields: [], redirect: 'follow', credentials: true, cache: 'default' },
      ...{ site: 'same', navigation: false, cookies: true },
    };
    const answer = client.fetch(head);
    await connect();
    await asked(1);
    expect(server.of('request')[0]?.head.fields).toContainEqual(['owndir-app', 'notes']);
    server.respond(1, 200, { fields: [['set-cookie', 'a=1']] });
    server.data(1, 'hello', true);
    const { head: got, body } = await answer;
    expect(got.cookies).toMatchObject([{ name: 'a', value: '1' }]);
    expect(await new Response(body as ReadableStream<Bytes>).text()).toBe('hello');
    await expect.poll(() => kept).toMatchObject([[{ name: 'a', value: '1' }]]);
    const lost = new Promise<void>(resolve => (client.onlost = resolve));
    broker.close();
    await lost;
    client.close();
  });

  it('asks the page for the name and the password that an app wants, as long as somebody waits', async () => {
    const questions: { challenge: Challenge; signal: AbortSignal }[] = [];
    const askLogin: AskLogin = (challenge, signal) => {
      questions.push({ challenge, signal });
      if (challenge.realm === 'at once') return Promise.resolve({ name: 'anna', password: 'pass' });
      return new Promise(resolve => signal.addEventListener('abort', () => resolve(null), { once: true }));
    };
    const { port1, port2 } = new MessageChannel();
    const broker = host.openBroker({
      ...{ app: 'notes', origin: 'https://notes.owndir.invalid', connected: () => tunnel.ready.then(() => tunnel) },
      askLogin,
    });
    broker.attach(port2);
    const client = new BrokerPort(port1);
    const head = (target: string): FetchHead => ({
      ...{ method: 'GET', target, fields: [], redirect: 'follow', credentials: true, cache: 'default' },
      ...{ site: 'same', navigation: false, cookies: false },
    });
    const refuse = async (count: number, realm: string) => {
      await asked(count);
      const { exchange } = server.of('request')[count - 1] ?? expect.unreachable();
      server.respond(exchange, 401, { fields: [['www-authenticate', `Basic realm="${realm}"`]], end: true });
    };
    const answer = client.fetch(head('/a/x'));
    await connect();
    await refuse(1, 'at once');
    await asked(2);
    const [, second] = server.of('request');
    expect(second?.head.fields).toContainEqual(['authorization', `Basic ${btoa('anna:pass')}`]);
    server.respond(second?.exchange ?? 0, 200, { end: true });
    expect((await answer).head.status).toBe(200);

    const stop = new AbortController();
    const dropped = client.fetch(head('/b/x'), { signal: stop.signal }).catch(() => 'dropped');
    await refuse(3, 'later');
    await expect.poll(() => questions.length).toBe(2);
    stop.abort();
    await expect.poll(() => questions[1]?.signal.aborted).toBe(true);
    expect(await dropped).toBe('dropped');

    const closed = client.fetch(head('/c/x')).catch(() => 'closed');
    await refuse(4, 'later');
    await expect.poll(() => questions.length).toBe(3);
    broker.close();
    await expect.poll(() => questions[2]?.signal.aborted).toBe(true);
    await closed;
    client.close();
  });
});

describe('where tunnels run', () => {
  it('is the page when the worker cannot hold data channels, fails to start, or says nothing', async () => {
    const unable = new FakeWorker(false);
    const first = hostWith(unable);
    await first.ready;
    expect(first.inWorker).toBe(false);
    expect(unable.terminated).toBe(true);

    const failing = new FakeWorker(null);
    const second = hostWith(failing);
    const report = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    failing.onerror?.({ message: 'refused', preventDefault: () => undefined });
    await second.ready;
    expect(second.inWorker).toBe(false);
    expect(report).toHaveBeenCalled();
    report.mockRestore();

    vi.useFakeTimers();
    try {
      const third = hostWith(new FakeWorker(null));
      await vi.runAllTimersAsync();
      await third.ready;
      expect(third.inWorker).toBe(false);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is the page from the moment that channels turn out not to go', async () => {
    server = new FakeServer();
    worker = new FakeWorker();
    host = hostWith(worker);
    await host.ready;
    worker.refuses = true;
    tunnel = host.openTunnel(server.channels as unknown as RTCDataChannel[]);
    expect(host.inWorker).toBe(false);
    await connect();
    tunnel.close();
  });
});

describe('a fault in the worker', () => {
  beforeEach(() => start(true));
  afterEach(() => vi.restoreAllMocks());

  it('is shown, and ends nothing that still works', async () => {
    const report = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    await connect();
    worker.tell({ type: 'fault', message: 'a listener threw', broken: false });
    await expect.poll(() => report.mock.calls.length).toBe(1);
    const response = tunnel.fetch(get());
    await asked(1);
    server.respond(1, 204, { end: true });
    expect((await response).status).toBe(204);
    tunnel.close();
  });

  it('that leaves something begun ends the tunnels, so that nobody waits', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    await connect();
    const open = tunnel.fetch(get());
    await asked(1);
    worker.side.handle({ type: 'tunnel', id: 99, channels: [] });
    expect((await tunnel.closed).code).toBe('internal');
    expect((await failure(open)).code).toBe('closed');
    await expect.poll(() => server.channels.every(({ closed }) => closed)).toBe(true);
  });
});
