import { createServer, connect as connectSocket, type Socket } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  createDirectory,
  fromBrowserWebSocket,
  fromNodeStream,
  fromTunnelSocket,
  RemoteBacking,
  type Message,
} from './index.ts';
import { frame, FrameReader, type TunnelSocketLike, type WebSocketLike } from './transport.ts';
import { MemoryBacking } from './testing/memory.ts';
import { ReferenceServer } from './testing/reference_server.ts';
import { until } from './testing/check.ts';

const greeting = '{"hello":1,"name":"x","root":"","writable":true}';

describe('frames on a stream of bytes', () => {
  const messages: Message[] = ['', 'grüße', new Uint8Array([0, 0, 0, 1, 255]), 'x'.repeat(70_000), new Uint8Array(0)];
  const bytes = Buffer.concat(messages.map(frame));

  it('are a length, a kind and the payload', () => {
    expect([...frame('ab')]).toEqual([2, 0, 0, 0, 0, 97, 98]);
    expect([...frame(new Uint8Array([7]))]).toEqual([1, 0, 0, 0, 1, 7]);
  });

  it.each([1, 3, 5, 4096, bytes.length])('are found however they are cut (%i bytes)', size => {
    const reader = new FrameReader();
    const found: Message[] = [];
    for (let at = 0; at < bytes.length; at += size)
      found.push(...(reader.push(bytes.subarray(at, at + size)) ?? [['broken']].flat()));
    expect(found).toEqual(messages);
  });

  it.each([
    ['too long', [1, 0, 16, 0, 0]],
    ['of an unknown kind', [0, 0, 0, 0, 2]],
    ['of text that is no UTF-8', [1, 0, 0, 0, 0, 255]],
  ])('that are %s are refused', (_, wrong) => {
    expect(new FrameReader().push(new Uint8Array(wrong))).toBeNull();
  });
});

describe('a Unix socket', () => {
  async function pair(): Promise<{ client: Socket; server: Socket; end: () => void }> {
    const directory = mkdtempSync(join(tmpdir(), 'owndir-fsnode-'));
    const path = join(directory, 'socket');
    const listener = createServer();
    await new Promise<void>(resolve => listener.listen(path, resolve));
    const accepted = new Promise<Socket>(resolve => listener.once('connection', resolve));
    const client = connectSocket(path);
    const server = await accepted;
    const end = () => {
      client.destroy();
      server.destroy();
      listener.close();
      rmSync(directory, { recursive: true });
    };
    return { client, server, end };
  }

  it('carries the folder, large files included', async () => {
    const { client, server, end } = await pair();
    const memory = new MemoryBacking();
    const reference = new ReferenceServer(fromNodeStream(server), memory, { root: '/srv/x' });
    const backing = new RemoteBacking(fromNodeStream(client));
    await backing.ready;
    const root = createDirectory(backing);
    const large = Uint8Array.from({ length: 4_000_000 }, (_, i) => (i * 7) % 256);
    await root.write('large', large);
    const back = await root.readAll('large');
    expect(Buffer.isBuffer(back)).toBe(true);
    expect(Buffer.compare(back, large)).toBe(0);
    expect(reference.faults).toEqual([]);
    server.destroy();
    await backing.closed;
    end();
  });

  it('ends the connection on bytes that are no frames', async () => {
    const { client, server, end } = await pair();
    const backing = new RemoteBacking(fromNodeStream(client));
    server.write('HTTP/1.1 400 Bad Request\r\n\r\n');
    await expect(backing.ready).rejects.toMatchObject({ status: 503 });
    end();
  });
});

class FakeWebSocket implements WebSocketLike {
  binaryType = 'blob';
  readyState = 0;
  bufferedAmount = 0;
  readonly sent: unknown[] = [];
  closed = false;
  readonly #listeners = new Map<string, (event: unknown) => void>();

  send(data: unknown): void {
    if (this.readyState !== 1) throw new Error('not open');
    this.sent.push(data);
  }

  close(): void {
    this.closed = true;
  }

  addEventListener(type: string, listener: (event: never) => void): void {
    this.#listeners.set(type, listener as (event: unknown) => void);
  }

  emit(type: string, event: unknown = {}): void {
    this.#listeners.get(type)?.(event);
  }
}

describe('a WebSocket of the browser', () => {
  it('keeps what is sent before it opens, and what comes before someone listens', () => {
    const socket = new FakeWebSocket();
    const transport = fromBrowserWebSocket(socket);
    void transport.send('early');
    socket.readyState = 1;
    socket.emit('open');
    void transport.send(new Uint8Array([1]));
    expect(socket.sent).toEqual(['early', new Uint8Array([1])]);
    expect(socket.binaryType).toBe('arraybuffer');
    socket.emit('message', { data: greeting });
    socket.emit('message', { data: new Uint8Array([1, 2]).buffer });
    const got: Message[] = [];
    transport.onmessage = message => got.push(message);
    socket.emit('message', { data: 'later' });
    expect(got).toEqual([greeting, new Uint8Array([1, 2]), 'later']);
  });

  it('makes a sender wait while the browser has not sent', async () => {
    const socket = new FakeWebSocket();
    socket.readyState = 1;
    const transport = fromBrowserWebSocket(socket);
    socket.bufferedAmount = 5_000_000;
    let room = false;
    const waiting = Promise.resolve(transport.send('x')).then(() => (room = true));
    await new Promise(resolve => setTimeout(resolve, 30));
    expect(room).toBe(false);
    socket.bufferedAmount = 0;
    await waiting;
  });

  it('tells its end, also one that came before', () => {
    const socket = new FakeWebSocket();
    const transport = fromBrowserWebSocket(socket);
    socket.emit('close', { code: 1008, reason: 'not signed in' });
    const reasons: string[] = [];
    transport.onclose = reason => reasons.push(reason);
    expect(reasons).toEqual(['not signed in (1008)']);
    socket.readyState = 3;
    const late = fromBrowserWebSocket(socket);
    late.onclose = reason => reasons.push(reason);
    expect(reasons).toHaveLength(2);
  });

  it('stops at a server that talks without being listened to', () => {
    const socket = new FakeWebSocket();
    fromBrowserWebSocket(socket);
    for (let i = 0; i < 100; i++) socket.emit('message', { data: 'x' });
    expect(socket.closed).toBe(true);
  });
});

describe('a WebSocket through the tunnel', () => {
  it('carries calls, and ends with it', async () => {
    const sent: Message[] = [];
    const socket: TunnelSocketLike = {
      onmessage: null,
      onclose: null,
      send: message => {
        sent.push(message);
        return Promise.resolve();
      },
      close: () => undefined,
    };
    const backing = new RemoteBacking(fromTunnelSocket(socket));
    socket.onmessage?.(greeting);
    const info = backing.info('a');
    await until(
      () => sent.length === 1,
      () => 'nothing was sent',
    );
    socket.onmessage?.('{"id":1,"ok":null}');
    expect(await info).toBeNull();
    const lost = backing.info('b');
    socket.onclose?.(1006, '');
    await expect(lost).rejects.toMatchObject({ status: 503 });
  });

  it('ends when the tunnel cannot send', async () => {
    const socket: TunnelSocketLike = {
      onmessage: null,
      onclose: null,
      send: () => Promise.reject(new Error('the tunnel is down')),
      close: () => undefined,
    };
    const backing = new RemoteBacking(fromTunnelSocket(socket));
    socket.onmessage?.(greeting);
    await expect(backing.info('a')).rejects.toMatchObject({
      status: 503,
      error: expect.stringContaining('the tunnel is down') as string,
    });
  });
});
