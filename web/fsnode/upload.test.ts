import { File as NodeFile } from 'node:buffer'; // global only from Node 20 on
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createDirectory, RemoteBacking, SwitchingBacking, uploadFile, type FsError } from './index.ts';
import { MemoryBacking } from './testing/memory.ts';
import { MemoryTransport } from './testing/pair.ts';
import { ReferenceServer } from './testing/reference_server.ts';

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => error as FsError,
  );
const content = Uint8Array.from({ length: 5_000_011 }, (_, i) => (i * 17 + (i >> 11)) % 256);
const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function goLive(switching: SwitchingBacking, home: MemoryBacking) {
  const [here, there] = MemoryTransport.pair();
  const server = new ReferenceServer(there, home);
  const live = new RemoteBacking(here);
  await live.ready;
  switching.setLive(live);
  const bytes = () =>
    here.sent.reduce((sum, message) => sum + (typeof message === 'string' ? 0 : message.length - 4), 0);
  return { cut: () => there.close('cut'), bytes, server };
}

describe('uploading a file', () => {
  it('sends it whole, checks it and tells the progress', async () => {
    const [switching, home] = [new SwitchingBacking(), new MemoryBacking()];
    const { server } = await goLive(switching, home);
    const progress: number[] = [];
    const root = createDirectory(switching);
    const info = await uploadFile(root.walk('f'), new Blob([content]), {
      onProgress: (sent, total) => {
        expect(total).toBe(content.length);
        progress.push(sent);
      },
    });
    expect(info.size).toBe(content.length);
    expect(digest(home.bytes('f') ?? new Uint8Array(0))).toBe(digest(content));
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(progress[0]).toBe(0);
    expect(progress.at(-1)).toBe(content.length);
    expect(server.faults).toEqual([]);
  });

  it('goes on where it was when the connection comes back', async () => {
    const [switching, home] = [new SwitchingBacking(), new MemoryBacking()];
    const first = await goLive(switching, home);
    let cut = false;
    const done = uploadFile(createDirectory(switching).walk('f'), new Blob([content]), {
      onProgress: sent => {
        if (sent < 2_000_000 || cut) return;
        cut = true;
        first.cut();
      },
    });
    await switching.whenMode(['none'], 10_000);
    const second = await goLive(switching, home);
    expect((await done).size).toBe(content.length);
    expect(digest(home.bytes('f') ?? new Uint8Array(0))).toBe(digest(content));
    expect(second.bytes()).toBeLessThan(content.length - 500_000);
  });

  it('goes on where another page stopped', async () => {
    const home = new MemoryBacking();
    const file = new NodeFile([content], 'film.mp4', { lastModified: 1_760_000_000_000 }) as unknown as File;
    const abort = new AbortController();
    const before = new SwitchingBacking();
    await goLive(before, home);
    const options = { signal: abort.signal, onProgress: (sent: number) => sent > 2_000_000 && abort.abort() };
    expect(await failure(uploadFile(createDirectory(before).walk('f'), file, options))).toMatchObject({ status: 499 });
    const after = new SwitchingBacking();
    const second = await goLive(after, home);
    const progress: number[] = [];
    await uploadFile(createDirectory(after).walk('f'), file, { onProgress: sent => progress.push(sent) });
    expect(progress[0]).toBeGreaterThan(1_000_000);
    expect(second.bytes()).toBeLessThan(content.length - 1_000_000);
    expect(digest(home.bytes('f') ?? new Uint8Array(0))).toBe(digest(content));
  });

  it('begins anew, once, when what had arrived was damaged', async () => {
    const [switching, home] = [new SwitchingBacking(), new MemoryBacking()];
    const first = await goLive(switching, home);
    let cut = false;
    const done = uploadFile(createDirectory(switching).walk('f'), new Blob([content]), {
      onProgress: sent => {
        if (sent < 2_000_000 || cut) return;
        cut = true;
        first.cut();
      },
    });
    await switching.whenMode(['none'], 10_000);
    home.damageUploads();
    await goLive(switching, home);
    await done;
    expect(digest(home.bytes('f') ?? new Uint8Array(0))).toBe(digest(content));
  });

  it('gives up when no connection comes back', async () => {
    const [switching, home] = [new SwitchingBacking(), new MemoryBacking()];
    const { cut } = await goLive(switching, home);
    const options = { waitMs: 20, onProgress: (sent: number) => sent > 1_000_000 && cut() };
    expect(await failure(uploadFile(createDirectory(switching).walk('f'), new Blob([content]), options))).toMatchObject(
      { status: 503 },
    );
    expect(home.bytes('f')).toBeNull();
  });

  it('writes to disk where there is only that, and refuses what is outside', async () => {
    const [switching, disk] = [new SwitchingBacking(), new MemoryBacking()];
    Object.assign(disk, { upload: undefined });
    switching.setDisk(disk);
    const root = createDirectory(switching);
    await uploadFile(root.walk('f'), new Blob(['abc']));
    expect(disk.bytes('f')).toHaveLength(3);
    expect(await failure(uploadFile(root.walk('f'), new Blob(['abc']), { overwrite: false }))).toMatchObject({
      status: 409,
    });
    expect(await failure(uploadFile(root.walk('../f'), new Blob(['abc'])))).toMatchObject({ status: 403 });
  });
});
