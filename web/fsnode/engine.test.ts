// The contract over the real engine: tests/support/fsnode_server.cpp in a child, over its descriptor 3.
import { spawn, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import type { Duplex } from 'node:stream';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDirectory, fromNodeStream, RemoteBacking, uploadFile, type Directory } from './index.ts';
import { contractCases, runCase, type Outside } from './testing/contract.ts';

const presets = ['dev', 'release', 'asan', 'tsan'];
const program = presets
  .map(preset => fileURLToPath(new URL(`../../build/${preset}/tests/fsnode_server`, import.meta.url)))
  .find(path => existsSync(path));

/** Far more than what may wait anywhere on the way. */
const large = process.env.OWNDIR_SOAK ? 2 ** 32 : 2 ** 28;

function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

describe.skipIf(program === undefined)('the folder API over the C++ engine', () => {
  let folder: string;
  let child: ChildProcess;
  let backing: RemoteBacking;
  let root: Directory;
  let errors = '';

  const outside: Outside = {
    put: async (path, content) => {
      const full = join(folder, path);
      mkdirSync(content === null ? full : dirname(full), { recursive: true });
      if (content !== null) writeFileSync(full, content);
    },
    remove: async path => rmSync(join(folder, path), { recursive: true }),
    read: async path => {
      const full = join(folder, path);
      return existsSync(full) ? readFileSync(full, 'utf8') : null;
    },
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'owndir-engine-'));
    child = spawn(program ?? '', [folder], { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
    child.stderr?.on('data', chunk => (errors += String(chunk)));
    backing = new RemoteBacking(fromNodeStream(child.stdio[3] as Duplex));
    await backing.ready;
    root = createDirectory(backing);
  });

  afterAll(async () => {
    const ended = new Promise(resolve => child.once('exit', resolve));
    backing.close();
    expect(await ended).toBe(0);
    rmSync(folder, { recursive: true, force: true });
    expect(errors).toBe('');
  });

  it.each(contractCases.map((one, i) => [one.name, one, i] as const))('%s', async (_, one, i) => {
    await runCase(one, { root, outside, can: { folderTimes: true, anyName: true } }, `case-${i}`);
  });

  it(
    'passes a large file in both directions in bounded memory',
    { timeout: large > 1e9 ? 600_000 : 60_000 },
    async () => {
      const full = join(folder, 'large');
      writeFileSync(full, '');
      truncateSync(full, large);
      const engine = () => residentBytes(child.pid ?? 0);
      const most = { client: 0, engine: 0 };
      const before = { client: process.memoryUsage.rss(), engine: engine() };
      let looks = 0;
      const look = () => {
        if (looks++ % 64 > 0) return;
        most.client = Math.max(most.client, process.memoryUsage.rss() - before.client);
        most.engine = Math.max(most.engine, engine() - before.engine);
      };

      let got = 0;
      for await (const piece of (await root.read('large')) as unknown as AsyncIterable<Uint8Array>) {
        got += piece.length;
        look();
      }
      expect(got).toBe(large);
      const reading = { ...most };

      const part = new Uint8Array(256 * 1024).fill(7);
      const parts = async function* () {
        for (let sent = 0; sent < large; sent += part.length) {
          yield part;
          look();
          await Promise.resolve();
        }
      };
      await root.write('large', parts());
      const info = await root.info('large');
      expect(info?.size).toBe(large);
      rmSync(full);
      if (process.env.OWNDIR_SOAK) console.log(`${large} bytes: read, then read and write grew`, reading, most);
      expect(most.engine).toBeLessThan(32 << 20);
      expect(most.client).toBeLessThan(128 << 20);
    },
  );

  it('uploads a file whole', async () => {
    const blob = new Blob([new Uint8Array(5_000_000).fill(9)]);
    const progress: number[] = [];
    const info = await uploadFile(root.walk('uploaded'), blob, { onProgress: sent => progress.push(sent) });
    expect(info.size).toBe(5_000_000);
    expect(progress.at(-1)).toBe(5_000_000);
    expect(readFileSync(join(folder, 'uploaded')).every(byte => byte === 9)).toBe(true);
  });

  it('leaves no temporary files behind', () => {
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    expect(names.filter(name => /\.syncthing\.owndir-.*\.tmp$/.test(name))).toEqual([]);
  });
});
