import { describe, expect, it, vi } from 'vitest';
import type { FsError } from './index.ts';
import { ConnectionLost, createDirectory, openDirectory, RemoteBacking } from './index.ts';
import { until } from './testing/check.ts';
import { MemoryBacking } from './testing/memory.ts';
import { MemoryTransport } from './testing/pair.ts';
import { ReferenceServer } from './testing/reference_server.ts';
import type { ConnectionOptions } from './connection.ts';

function connect(options: ConnectionOptions = {}) {
  const [here, there] = MemoryTransport.pair();
  const memory = new MemoryBacking();
  const server = new ReferenceServer(there, memory);
  const backing = new RemoteBacking(here, options);
  return { here, there, memory, server, backing, root: createDirectory(backing) };
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => error as FsError,
  );
const settle = () => new Promise(resolve => setTimeout(resolve, 0));
const sentOps = (transport: MemoryTransport) =>
  transport.sent
    .filter(message => typeof message === 'string')
    .map(text => JSON.parse(text) as { op?: string; credit?: number; cancel?: true });

/** Timers that the test moves. */
function manualTimers() {
  const due: { at: number; run: () => void }[] = [];
  let now = 0;
  return {
    now: () => now,
    wallNow: () => now,
    setTimeout: (run: () => void, ms: number) => {
      const timer = { at: now + ms, run };
      due.push(timer);
      return timer;
    },
    clearTimeout: (timer: unknown) => {
      const at = due.findIndex(other => other === timer);
      if (at >= 0) due.splice(at, 1);
    },
    async pass(ms: number) {
      now += ms;
      for (const timer of due.filter(one => one.at <= now)) {
        due.splice(due.indexOf(timer), 1);
        timer.run();
      }
      await settle();
    },
  };
}

describe('a connection to the folder', () => {
  it('knows the folder once the server has greeted', async () => {
    const [here, there] = MemoryTransport.pair();
    new ReferenceServer(there, new MemoryBacking('Photos'), { root: '/srv/photos/' });
    const root = await openDirectory(here);
    expect(root.absolutePath).toBe('/srv/photos');
    expect(root.name).toBe('photos');
    expect(root.walk('/srv/photos/a').path).toBe('a');
    expect(root.walk('/a').absolutePath).toBe('/srv/photos/a');
  });

  it('gives up a server that does not greet in time, and all calls with it', async () => {
    const timers = manualTimers();
    const [here] = MemoryTransport.pair();
    const backing = new RemoteBacking(here, { timers, helloWaitMs: 1000 });
    const call = failure(backing.info(''));
    await timers.pass(1000);
    expect(await call).toMatchObject({ status: 503, error: expect.stringContaining('did not greet') as string });
    await expect(backing.ready).rejects.toBeInstanceOf(ConnectionLost);
    await backing.closed;
  });

  it('refuses a server of another version, with a sentence', async () => {
    const [here, there] = MemoryTransport.pair();
    new ReferenceServer(there, new MemoryBacking(), { version: 2 });
    const backing = new RemoteBacking(here);
    expect(await failure(backing.info(''))).toMatchObject({
      status: 503,
      error: expect.stringContaining('version 2') as string,
    });
  });

  it.each(['no json', '[]', '{"hello":"1"}', '{"id":1,"ok":true}'])('refuses the greeting %s', async text => {
    const [here, there] = MemoryTransport.pair();
    const backing = new RemoteBacking(here);
    there.send(text);
    expect(await failure(backing.info(''))).toBeInstanceOf(ConnectionLost);
  });

  it('rejects every open and waiting call when it ends', async () => {
    const { there, memory, backing, root } = connect();
    memory.put('f', new Uint8Array(5_000_000));
    memory.before = op => (op === 'info' ? new Promise(() => undefined) : undefined);
    const reader = (await root.read('f')).getReader();
    await reader.read();
    const calls = Array.from({ length: 300 }, () => failure(root.info('f')));
    const endless = async function* () {
      yield 'x';
      await new Promise(() => undefined);
    };
    calls.push(failure(root.write('g', endless())));
    const told: unknown[] = [];
    root.sub(['all', 'error'], '.', (event, _, detail) => event === 'error' && told.push(detail));
    await settle();
    there.close('gone');
    for (const call of calls) expect(await call).toBeInstanceOf(ConnectionLost);
    const drained = async () => {
      while (!(await reader.read()).done);
    };
    expect(await failure(drained())).toBeInstanceOf(ConnectionLost);
    await backing.closed;
    expect(told).toEqual([expect.any(ConnectionLost)]);
    expect(await failure(root.info())).toBeInstanceOf(ConnectionLost);
    expect(memory.bytes('g')).toBeNull();
  });

  it('is silent to subs when it is closed here', async () => {
    const { backing, root } = connect();
    const listener = vi.fn();
    root.sub(['all', 'ready', 'error'], '.', listener);
    await settle();
    listener.mockClear();
    backing.close();
    await backing.closed;
    await settle();
    expect(listener).not.toHaveBeenCalled();
  });

  it('lets calls beyond the limits wait instead of failing', async () => {
    const { memory, server, root } = connect();
    let held = 0;
    let release: () => void = () => undefined;
    const gate = new Promise<void>(resolve => (release = resolve));
    memory.before = async op => {
      if (op !== 'info') return;
      held++;
      await gate;
    };
    const calls = Array.from({ length: 500 }, () => root.info());
    await until(
      () => held === 127,
      () => `${held} held`,
    );
    release();
    expect((await Promise.all(calls)).every(info => info?.isDirectory)).toBe(true);
    expect(server.most.calls).toBeLessThanOrEqual(128);
    expect(server.faults).toEqual([]);
  });

  it('answers short calls although nobody reads a hundred streams', async () => {
    const { memory, server, root } = connect();
    memory.put('f', new Uint8Array(3_000_000));
    const streams = Array.from({ length: 120 }, () => root.read('f'));
    const first = await Promise.all(streams.slice(0, 96));
    expect((await root.info('f'))?.size).toBe(3_000_000);
    expect(server.most.calls).toBeLessThanOrEqual(128);
    for (const stream of first) await stream.cancel();
    for (const stream of streams.slice(96)) await (await stream).cancel();
    await until(
      () => server.openCalls === 0,
      () => `${server.openCalls} open`,
    );
  });

  it('lets the seventeenth sub wait, and says so', async () => {
    const { memory, server, root } = connect();
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const ready: number[] = [];
    const offs = Array.from({ length: 17 }, (_, i) => root.sub('ready', `${i}`, () => ready.push(i)));
    await until(
      () => ready.length === 16,
      () => `${ready.length} are ready`,
    );
    expect(server.most.subs).toBe(16);
    expect(warn).toHaveBeenCalledOnce();
    warn.mockRestore();
    offs[3]?.();
    await until(
      () => ready.includes(16),
      () => ready.join(),
    );
    for (const off of offs) off();
    await until(
      () => server.openCalls === 0 && memory.watches === 0,
      () => `${server.openCalls} open, ${memory.watches} watches`,
    );
  });

  it('holds at most a window of what nobody reads', async () => {
    const { there, memory, root } = connect();
    memory.put('f', new Uint8Array(10_000_000).fill(3));
    const reader = (await root.read('f')).getReader();
    await settle();
    const arrived = () =>
      there.sent.reduce((sum, message) => sum + (typeof message === 'string' ? 0 : message.length - 4), 0);
    await until(
      () => arrived() === 1_048_576,
      () => String(arrived()),
    );
    await settle();
    expect(arrived()).toBe(1_048_576);
    let read = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      read += value.length;
      expect(arrived()).toBeLessThanOrEqual(read + 1_048_576);
    }
    expect(read).toBe(10_000_000);
  });

  it('sends no more than the server allows', async () => {
    const { here, memory, root } = connect();
    let release: () => void = () => undefined;
    const gate = new Promise<void>(resolve => (release = resolve));
    memory.before = op => (op === 'write' ? gate : undefined);
    const pulled = { pieces: 0 };
    const source = async function* () {
      for (; pulled.pieces < 100; pulled.pieces++) yield new Uint8Array(100_000);
    };
    const done = root.write('f', source());
    await settle();
    await settle();
    const sent = () =>
      here.sent.reduce((sum, message) => sum + (typeof message === 'string' ? 0 : message.length - 4), 0);
    expect(sent()).toBe(1_048_576);
    expect(pulled.pieces).toBeLessThanOrEqual(11);
    release();
    await done;
    expect(memory.bytes('f')?.length).toBe(10_000_000);
  });

  it('tells the server when a stream is cancelled', async () => {
    const { here, memory, server, root } = connect();
    memory.put('f', new Uint8Array(5_000_000));
    const stream = await root.read('f');
    await stream.cancel();
    await until(
      () => server.openCalls === 0,
      () => `${server.openCalls} open`,
    );
    expect(sentOps(here).filter(({ cancel }) => cancel)).toHaveLength(1);
  });

  it('cancels calls by their signal, before and after they were sent', async () => {
    const { memory, server, root, backing } = connect();
    memory.before = () => new Promise(() => undefined);
    const abort = new AbortController();
    const calls = Array.from({ length: 200 }, () => failure(backing.info('', { signal: abort.signal })));
    calls.push(failure(root.read('f', 0, 1, { signal: abort.signal })));
    await settle();
    abort.abort();
    for (const call of calls) expect(await call).toMatchObject({ status: 499 });
    expect(await failure(backing.info('', { signal: abort.signal }))).toMatchObject({ status: 499 });
    await until(
      () => server.openCalls === 0,
      () => `${server.openCalls} open`,
    );
  });

  it('gives each open call an id of its own', async () => {
    const { here, memory, root, server } = connect();
    memory.put('f', new Uint8Array(2_000_000));
    const stream = await root.read('f');
    for (let i = 0; i < 50; i++) await root.info();
    await stream.cancel();
    const ids = here.sent
      .filter(message => typeof message === 'string')
      .map(text => JSON.parse(text) as { id: number; op?: string });
    const opened = ids.filter(({ op }) => op).map(({ id }) => id);
    expect(new Set(opened).size).toBe(opened.length);
    expect(server.faults).toEqual([]);
  });

  it('asks a silent server for a sign of life, and gives it up when none comes', async () => {
    const timers = manualTimers();
    const { here, there, memory, backing, root } = connect({ timers, silenceMs: 1000 });
    await backing.ready;
    root.sub(['all', 'error'], '.', () => undefined);
    memory.before = op => (op === 'makeDir' ? new Promise(() => undefined) : undefined);
    const call = failure(root.makeDir('d'));
    await settle();
    const probes = () => sentOps(here).filter(({ op }) => op === 'info').length;
    // Heard a moment ago; then silent: asked; it answered.
    await timers.pass(1000);
    expect(probes()).toBe(0);
    await timers.pass(1000);
    expect(probes()).toBe(1);
    for (let i = 0; i < 10; i++) await timers.pass(1000);
    expect(probes()).toBeGreaterThan(2);
    // The answers stay out.
    here.pause(true);
    for (let i = 0; i < 3; i++) await timers.pass(1000);
    expect(await call).toMatchObject({ status: 503, error: expect.stringContaining('stopped answering') as string });
    there.close();
  });

  it('leaves an idle connection in peace', async () => {
    const timers = manualTimers();
    const { here, backing } = connect({ timers, silenceMs: 1000 });
    await backing.ready;
    for (let i = 0; i < 10; i++) await timers.pass(1000);
    expect(here.sent).toEqual([]);
  });
});

describe('answers that make no sense', () => {
  type Answer = (id: number, op: string) => unknown[];

  async function answering(answer: Answer) {
    const [here, there] = MemoryTransport.pair();
    there.onmessage = message => {
      const { id, op } = JSON.parse(message as string) as { id: number; op?: string };
      if (op)
        for (const reply of answer(id, op))
          there.send(reply instanceof Uint8Array ? (reply as Uint8Array<ArrayBuffer>) : JSON.stringify(reply));
    };
    there.send('{"hello":1,"name":"x","root":"","writable":true}');
    return openDirectory(here);
  }

  const data = (id: number, size: number) => {
    const bytes = new Uint8Array(4 + size);
    new DataView(bytes.buffer).setUint32(0, id);
    return bytes;
  };
  const head = (size: number) => ({ size, mtime: 1, start: 0, end: size - 1 });

  it.each<[string, Answer, (root: Awaited<ReturnType<typeof answering>>) => Promise<unknown>]>([
    ['an info that is none', id => [{ id, ok: { isFile: 1 } }], root => root.info()],
    [
      'names that climb',
      id => [
        { id, part: [['..', null]] },
        { id, ok: 1 },
      ],
      root => root.children(),
    ],
    [
      'names with separators',
      id => [
        { id, part: [['a/b', null]] },
        { id, ok: 1 },
      ],
      root => root.children(),
    ],
    [
      'names that are no strings',
      id => [
        { id, part: [[7, null]] },
        { id, ok: 1 },
      ],
      root => root.children(),
    ],
    [
      'fewer names than told',
      id => [
        { id, part: [['a', null]] },
        { id, ok: 2 },
      ],
      root => root.children(),
    ],
    ['a move to nowhere', id => [{ id, ok: '../x' }], root => root.walk('a').move('b')],
    ['a read without its head', id => [data(id, 10), { id, ok: 10 }], root => root.readAll('f')],
    [
      'a read that is too short',
      id => [{ id, head: head(20) }, data(id, 10), { id, ok: 10 }],
      root => root.readAll('f'),
    ],
    ['a read that is too long', id => [{ id, head: head(5) }, data(id, 10), { id, ok: 10 }], root => root.readAll('f')],
    [
      'two heads',
      id => [
        { id, head: head(5) },
        { id, head: head(5) },
      ],
      root => root.readAll('f'),
    ],
    ['a head that is none', id => [{ id, head: { size: -1 } }], root => root.readAll('f')],
    ['a write that ends with nothing', id => [{ id, ok: true }], root => root.write('f', 'x')],
  ])('%s: the call fails', async (_, answer, operation) => {
    const root = await answering(answer);
    expect(await failure(operation(root))).toMatchObject({ success: false, status: 500 });
  });

  it('an error without status or sentence is 500', async () => {
    const root = await answering(id => [{ id, error: 7 }]);
    expect(await failure(root.info())).toMatchObject({ success: false, status: 500 });
  });

  it('a message for a call that is over is passed over', async () => {
    const root = await answering(id => [{ id, ok: null }, { id, ok: null }, { id: 77, part: [] }, data(id, 3)]);
    expect(await root.info()).toBeNull();
    expect(await root.info()).toBeNull();
  });

  it('more data than credit ends the read', async () => {
    const pieces = (id: number) => Array.from({ length: 20 }, () => data(id, 65_536));
    const root = await answering(id => [{ id, head: head(20 * 65_536) }, ...pieces(id)]);
    expect(await failure(root.readAll('f'))).toMatchObject({ status: 500 });
  });
});
