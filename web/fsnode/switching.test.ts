import { describe, expect, it, vi } from 'vitest';
import {
  ConnectionLost,
  createDirectory,
  RemoteBacking,
  SwitchingBacking,
  type FsError,
  type SwitchingOptions,
} from './index.ts';
import { until } from './testing/check.ts';
import { MemoryBacking } from './testing/memory.ts';
import { MemoryTransport } from './testing/pair.ts';
import { ReferenceServer } from './testing/reference_server.ts';

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => error as FsError,
  );
const settle = () => new Promise(resolve => setTimeout(resolve, 0));

function setUp(options: SwitchingOptions = {}) {
  const switching = new SwitchingBacking(options);
  const [disk, home] = [new MemoryBacking('copy'), new MemoryBacking('home')];
  /** Returns what cuts the connection. */
  const goLive = async () => {
    const [here, there] = MemoryTransport.pair();
    new ReferenceServer(there, home);
    const live = new RemoteBacking(here);
    await live.ready;
    switching.setLive(live);
    return () => there.close('cut');
  };
  return { switching, disk, home, goLive, root: createDirectory(switching) };
}

describe('switching between disk and live', () => {
  it('reads from disk first, from the server once it is there, and from disk again', async () => {
    const { switching, disk, home, goLive, root } = setUp();
    const modes: string[] = [];
    switching.on('mode', mode => modes.push(mode));
    disk.put('f', 'old');
    home.put('f', 'new');
    expect(switching.mode).toBe('none');
    switching.setDisk(disk);
    expect(await root.walk('f').text()).toBe('old');
    const cut = await goLive();
    expect(await root.walk('f').text()).toBe('new');
    expect(switching.name).toBe('home');
    cut();
    await until(
      () => switching.mode === 'disk',
      () => switching.mode,
    );
    expect(await root.walk('f').text()).toBe('old');
    expect(modes).toEqual(['disk', 'live', 'disk']);
  });

  it('fails with a sentence while there is nothing', async () => {
    const { root } = setUp();
    const error = await failure(root.info());
    expect(error).toBeInstanceOf(ConnectionLost);
    expect(error?.error).toContain('Connect, or open the folder');
    expect(await failure(root.write('f', 'x'))).toMatchObject({ status: 503 });
  });

  it('waits for the first backing when told to', async () => {
    const { switching, disk, root } = setUp({ waitMs: 10_000 });
    disk.put('f', 'x');
    const text = root.walk('f').text();
    await settle();
    switching.setDisk(disk);
    expect(await text).toBe('x');
  });

  it('waits no longer than told', async () => {
    const { root } = setUp({ waitMs: 5 });
    expect(await failure(root.info())).toMatchObject({ status: 503 });
  });

  it('repeats on disk what the connection took with it, but for writes and what had begun', async () => {
    const { switching, disk, home, goLive, root } = setUp();
    disk.put('f', 'old');
    home.put('f', new Uint8Array(5_000_000));
    switching.setDisk(disk);
    const cut = await goLive();
    const begun = (await root.read('f')).getReader();
    await begun.read();
    home.before = () => new Promise(() => undefined);
    const text = root.walk('f').text();
    const names = root.children();
    const info = root.info('f');
    const written = failure(root.write('g', 'x'));
    await settle();
    cut();
    expect(await text).toBe('old');
    expect((await names).map(node => node.name)).toEqual(['f']);
    expect((await info)?.size).toBe(3);
    expect(await written).toBeInstanceOf(ConnectionLost);
    const drained = async () => {
      while (!(await begun.read()).done);
    };
    expect(await failure(drained())).toBeInstanceOf(ConnectionLost);
    expect(disk.bytes('g')).toBeNull();
  });

  it('writes to disk where that is permitted, and says so where it is not', async () => {
    const { switching, disk, root } = setUp();
    switching.setDisk(disk);
    await root.write('f', 'x');
    expect(disk.bytes('f')).toHaveLength(1);
    disk.writable = false;
    expect(await root.canWrite()).toBe(false);
    expect(await failure(root.write('f', 'y'))).toMatchObject({ status: 403 });
  });

  it('carries open subs over and tells what is different there', async () => {
    const { switching, disk, home, goLive, root } = setUp();
    disk.put('same', 'x');
    disk.put('gone/deep', 'x');
    disk.put('edited', 'x');
    home.put('same', 'x');
    home.put('edited', 'longer');
    home.put('came/deep', 'x');
    // The sync has kept the time of what is the same.
    const times = async (backing: MemoryBacking) => (await backing.info('same'))?.mtime;
    while ((await times(home)) !== (await times(disk))) {
      const behind = ((await times(home)) ?? 0) < ((await times(disk)) ?? 0) ? home : disk;
      await behind.touch('same');
    }
    const events: string[] = [];
    const take = () => events.splice(0).join(', ');
    const off = root.sub(['all', 'ready'], '.', (event, node) => events.push(`${event} ${node.path}`));
    await settle();
    expect(take()).toBe('');
    switching.setDisk(disk);
    await settle();
    expect(take()).toBe('addDir , add edited, addDir gone, add gone/deep, add same, ready ');
    const cut = await goLive();
    await until(
      () => events.includes('change edited'),
      () => events.join(),
    );
    expect(take()).toBe('unlink gone/deep, unlinkDir gone, addDir came, add came/deep, change edited');
    home.put('live', 'x');
    await until(
      () => events.includes('add live'),
      () => events.join(),
    );
    expect(take()).toBe('add live');
    cut();
    await until(
      () => events.includes('change edited'),
      () => events.join(),
    );
    expect(take()).toBe('unlink live, unlink came/deep, unlinkDir came, addDir gone, add gone/deep, change edited');
    disk.put('here', 'x');
    await settle();
    expect(take()).toBe('add here');
    off();
    disk.put('later', 'x');
    await settle();
    expect(take()).toBe('');
    expect([disk.watches, home.watches]).toEqual([0, 0]);
  });

  it('tells a sub that passes over what exists only what changed', async () => {
    const { switching, disk, home, goLive, root } = setUp();
    disk.put('a', 'x');
    home.put('b', 'x');
    const events: string[] = [];
    root.sub(['all', 'ready'], '.', (event, node) => events.push(`${event} ${node.path}`), { ignoreInitial: true });
    switching.setDisk(disk);
    await settle();
    expect(events).toEqual(['ready ']);
    await goLive();
    await until(
      () => events.includes('add b'),
      () => events.join(),
    );
    expect(events).toEqual(['ready ', 'unlink a', 'add b']);
  });

  it('watches once for subs of the same, and tells the later one what is known', async () => {
    const { switching, disk, root } = setUp();
    disk.put('a', 'x');
    switching.setDisk(disk);
    const [first, second, third] = [vi.fn(), vi.fn(), vi.fn()];
    const offs = [root.sub(first)];
    await settle();
    offs.push(root.sub(['all', 'ready'], '.', second), root.sub('.', third, { ignoreInitial: true }));
    await settle();
    expect(disk.watches).toBe(1);
    const told = (listener: typeof first) =>
      listener.mock.calls.map(([event, node]) => `${event as string} ${(node as { path: string }).path}`);
    expect(told(second)).toEqual(['addDir ', 'add a', 'ready ']);
    expect(told(third)).toEqual([]);
    disk.put('b', 'x');
    await settle();
    for (const listener of [first, second, third]) expect(told(listener)).toContain('add b');
    for (const off of offs) off();
    expect(disk.watches).toBe(0);
  });

  it('passes on what watching meets', async () => {
    const { switching, disk, root } = setUp();
    switching.setDisk(disk);
    const errors: unknown[] = [];
    root.sub('error', () => undefined);
    root.sub(['error'], '.', (_, __, error) => errors.push(error));
    await settle();
    disk.failWatches(new Error('too many'));
    await settle();
    expect(errors).toEqual([new Error('too many')]);
  });

  it('lets go of everything when it is closed', async () => {
    const { switching, disk, root } = setUp();
    switching.setDisk(disk);
    root.sub(() => undefined);
    await settle();
    switching.close();
    await switching.closed;
    expect(disk.watches).toBe(0);
    expect(switching.mode).toBe('none');
    expect(await failure(root.info())).toMatchObject({ status: 503 });
  });
});
