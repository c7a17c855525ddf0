// The folder on disk through a directory handle in real Chromium: the contract suite, and what is special to it.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumIsMissing, openLibrariesPage, type LibrariesPage } from '../testing/browser.ts';
import { contractCases } from './testing/contract.ts';
import type { HandleBench } from './testing/handle_page.ts';

declare const bench: HandleBench;
type Handle = InstanceType<HandleBench['HandleBacking']>;

const impossible = new Set(['folderTimes', 'anyName']);

// Chromium asks a distant server about files of some types, and waits for it 5 s where there is none.
describe.skipIf(chromiumIsMissing)('the folder on disk, in Chromium', { timeout: 90_000 }, () => {
  let page: LibrariesPage;
  let folder: string;

  const outside = (operation: string, path: string, content: string | null = null): string | null => {
    const full = join(folder, path);
    if (operation === 'remove') rmSync(full, { recursive: true });
    else if (operation === 'read') return existsSync(full) ? readFileSync(full, 'utf8') : null;
    else if (content === null) mkdirSync(full, { recursive: true });
    else {
      mkdirSync(dirname(full), { recursive: true });
      writeFileSync(full, content);
    }
    return null;
  };

  beforeAll(async () => {
    page = await openLibrariesPage({ entry: new URL('./testing/handle_page.ts', import.meta.url) });
    folder = join(page.directory, 'folder');
    mkdirSync(folder);
    await page.page.exposeFunction('outside', outside);
    await page.drop(folder);
    await page.page.evaluate(async () => {
      const backing = new bench.HandleBacking(await bench.dropped);
      // The profile has allowed it beforehand: nobody is asked.
      await backing.requestWrite();
      bench.kept.backing = backing;
    });
  });

  afterAll(async () => {
    await page.close();
  });

  const run = (i: number) => page.page.evaluate(at => bench.run(at, bench.kept.backing as Handle), i);

  it.each(contractCases.map((one, i) => [one.name, one, i] as const))('%s', async (_, one, i) => {
    if (one.needs && impossible.has(one.needs)) return;
    expect(await run(i)).toBeNull();
  });

  it('leaves no temporary files behind', () => {
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    expect(names.filter(name => /\.part$|\.crswap$/.test(name) && !name.includes('case-'))).toEqual([]);
  });

  it('knows the name of the folder and that it may write', async () => {
    const known = await page.page.evaluate(async () => {
      const backing = bench.kept.backing as Handle;
      return { name: backing.name, writable: backing.writable, asked: await backing.requestWrite() };
    });
    expect(known).toEqual({ name: 'folder', writable: true, asked: true });
  });

  it('refuses to write, with a sentence, where it may only read', async () => {
    outside('put', 'read-only/file', 'old');
    const result = await page.page.evaluate(async () => {
      const handle = (bench.kept.backing as Handle).handle;
      // A handle whose permission was not given, as after a reload.
      const restricted = new Proxy(handle, {
        get(target, key) {
          if (key === 'queryPermission') return () => Promise.resolve('prompt');
          const value = Reflect.get(target, key) as unknown;
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      });
      const backing = new bench.HandleBacking(restricted);
      await backing.ready;
      const root = bench.createDirectory(backing);
      const text = await root.walk('read-only/file').text();
      const operations = [
        () => root.write('read-only/file', 'new'),
        () => root.delete('read-only/file'),
        () => root.touch('x'),
        () => root.makeDir('x'),
        () => root.walk('read-only/file').move('y'),
      ];
      const errors = [];
      for (const operation of operations)
        errors.push(
          await operation().then(
            () => null,
            (error: Error) => ({ ...error, text: error.message }),
          ),
        );
      return { text, writable: backing.writable, canWrite: await root.canWrite(), errors };
    });
    expect(result).toMatchObject({ text: 'old', writable: false, canWrite: false });
    for (const error of result.errors) expect(error).toMatchObject({ success: false, status: 403 });
    expect(result.errors[0]?.text).toContain('Allow it to edit');
    expect(outside('read', 'read-only/file')).toBe('old');
  });

  it('ends a read whose file changes in the middle with 409', async () => {
    writeFileSync(join(folder, 'changing'), Buffer.alloc(20_000_000, 1));
    const begun = await page.page.evaluate(async () => {
      const root = bench.createDirectory(bench.kept.backing as Handle);
      const reader = (await root.read('changing')).getReader();
      bench.kept.reader = reader;
      return (await reader.read()).value?.length;
    });
    expect(begun).toBeGreaterThan(0);
    writeFileSync(join(folder, 'changing'), 'short');
    const error = await page.page.evaluate(async () => {
      const reader = bench.kept.reader as ReadableStreamDefaultReader;
      try {
        while (!(await reader.read()).done);
        return null;
      } catch (fault) {
        return { ...(fault as object) };
      }
    });
    expect(error).toMatchObject({ success: false, status: 409 });
  });

  it('finds changes by looking where there is no observer', async () => {
    const events = () => page.page.evaluate(() => bench.kept.polled as string[]);
    await page.page.evaluate(() => {
      const { FileSystemObserver: observer } = globalThis as { FileSystemObserver?: unknown };
      const backing = new bench.HandleBacking((bench.kept.backing as Handle).handle, { pollMs: 50 });
      const polled: string[] = [];
      Object.assign(globalThis, { FileSystemObserver: undefined });
      bench
        .createDirectory(backing)
        .sub(['all', 'ready'], 'polled', (event, node) => polled.push(`${event} ${node.path}`));
      Object.assign(globalThis, { FileSystemObserver: observer });
      bench.kept.polled = polled;
    });
    const seen = (event: string) => expect.poll(events, { timeout: 15_000 }).toContain(event);
    await seen('ready ');
    outside('put', 'polled/new', 'x');
    await seen('add polled/new');
    outside('put', 'polled/new', 'longer');
    await seen('change polled/new');
    outside('remove', 'polled/new');
    await seen('unlink polled/new');
  });

  it('removes what a page that was closed left behind, a day later', async () => {
    const old = Date.now() / 1000 - 25 * 3600;
    const names = [
      '.owndir-upload-old.txt',
      '.owndir-upload-old.txt.crswap',
      '.owndir-upload-new.txt',
      'old.txt.crswap',
    ];
    for (const name of names) {
      outside('put', `left/${name}`, 'x');
      if (!name.includes('new')) utimesSync(join(folder, 'left', name), old, old);
    }
    outside('put', 'left/old', 'x');
    utimesSync(join(folder, 'left/old'), old, old);
    const list = () =>
      page.page.evaluate(async () => {
        const root = bench.createDirectory(bench.kept.backing as Handle);
        // A write that goes on meanwhile.
        bench.kept.writing ??= new Promise<void>(resolve => (bench.kept.finish = resolve));
        bench.kept.written ??= root.write(
          'left/fresh',
          (async function* () {
            yield 'begun, ';
            await bench.kept.writing;
            yield 'done';
          })(),
        );
        return (await root.children('left')).map(node => node.name);
      });
    expect(await list()).toEqual(['old']);
    const temporary = () => readdirSync(join(folder, 'left')).filter(name => /^\.owndir-upload-.*\.txt$/.test(name));
    await expect.poll(() => temporary().length).toBe(2);
    expect(await list()).toEqual(['old']);
    expect(temporary()).toHaveLength(2);
    expect(existsSync(join(folder, 'left/.owndir-upload-old.txt'))).toBe(false);
    expect(existsSync(join(folder, 'left/.owndir-upload-old.txt.crswap'))).toBe(false);
    // Not one that we can know to be ours.
    expect(existsSync(join(folder, 'left/old.txt.crswap'))).toBe(true);
    await page.page.evaluate(async () => {
      (bench.kept.finish as () => void)();
      await bench.kept.written;
    });
    expect(outside('read', 'left/fresh')).toBe('begun, done');
    expect(temporary()).toEqual(['.owndir-upload-new.txt']);
  });

  it('uploads a file by writing it', async () => {
    const info = await page.page.evaluate(async () => {
      const root = bench.createDirectory(bench.kept.backing as Handle);
      const blob = new Blob([new Uint8Array(3_000_000).fill(5)]);
      const progress: number[] = [];
      const done = await bench.uploadFile(root.walk('uploaded'), blob, { onProgress: sent => progress.push(sent) });
      return { size: done.size, last: progress.at(-1) };
    });
    expect(info).toEqual({ size: 3_000_000, last: 3_000_000 });
    expect(statSync(join(folder, 'uploaded')).size).toBe(3_000_000);
  });

  it('shows no error on the page', () => {
    expect(page.log.filter(line => line.startsWith('page error'))).toEqual([]);
  });
});
