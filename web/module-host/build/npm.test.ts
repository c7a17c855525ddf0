import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Builder, type Files, type TestFolder } from '../testing/builder.ts';
import { makeDirectory } from '../testing/host.ts';
import { Registry } from '../testing/registry.ts';

const directory = makeDirectory();
let registry: Registry;
let builder: Builder;
let integrity: string;

/** npm as a person has it, but for the registry and its cache. */
const environment = (name: string, url: string) => ({
  npm_config_registry: url,
  npm_config_cache: join(directory, name),
  npm_config_userconfig: join(directory, 'npmrc'),
});

beforeAll(async () => {
  registry = await Registry.start(directory);
  integrity = registry.add('tiny', '1.0.0', 'module.exports = "tiny one";');
  registry.add('tiny', '1.1.0', 'module.exports = "tiny one point one";');
  builder = new Builder(environment('npm', registry.url));
});
afterAll(async () => {
  await builder.stop();
  await registry.stop();
  rmSync(directory, { recursive: true, force: true });
});

const using = (dependencies: Record<string, string>, more: Files = {}): Files => ({
  '.owndir/package.json': JSON.stringify({ dependencies }),
  '.owndir/index.js': 'import tiny from "tiny"; export default { O: { static: { "tiny.txt": () => tiny } } };',
  ...more,
});
const lock = () =>
  JSON.stringify({
    name: 'x',
    lockfileVersion: 3,
    requires: true,
    packages: {
      '': { dependencies: { tiny: '^1.0.0' } },
      'node_modules/tiny': { version: '1.0.0', integrity, hasInstallScript: true },
    },
  });

function installed(folder: TestFolder): string {
  const [place = ''] = readdirSync(join(folder.job.cache, 'packages'));
  return join(folder.job.cache, 'packages', place, 'node_modules/tiny');
}

describe('packages of a registry', () => {
  it('are fetched once, in the newest version that fits, and their scripts do not run', async () => {
    const { folder, errors } = await builder.built(using({ tiny: '^1.0.0' }));
    expect(errors).toEqual([]);
    expect(folder.text('tiny.txt')).toBe('tiny one point one');
    expect(existsSync(join(installed(folder), 'ran'))).toBe(false);
    expect(readdirSync(join(folder.job.source, '.owndir')).sort()).toEqual(['index.js', 'package.json']);
    const asked = registry.requests.length;
    folder.write({ '.owndir/index.js': 'import tiny from "tiny"; export default { O: { static: { "tiny.txt": () => tiny + "!" } } };' });
    const again = await builder.build(folder);
    expect(again.errors).toEqual([]);
    expect(again.steps).not.toContain('packages');
    expect(folder.text('tiny.txt')).toBe('tiny one point one!');
    expect(registry.requests.length).toBe(asked);
  });

  it('are exactly those of the lock file; with another lock file they are installed anew', async () => {
    const { folder, errors } = await builder.built(using({ tiny: '^1.0.0' }, { '.owndir/package-lock.json': lock() }));
    expect(errors).toEqual([]);
    expect(folder.text('tiny.txt')).toBe('tiny one');
    expect(existsSync(join(installed(folder), 'ran'))).toBe(false);
    folder.write({ '.owndir/package-lock.json': `${lock()}\n` });
    expect((await builder.build(folder)).steps).toContain('packages');
  });

  it('whose bytes are not those of the lock file are refused', async () => {
    const wrong = lock().replace(/sha512-....../, 'sha512-AAAAAA');
    const { done, errors } = await builder.built(using({ tiny: '^1.0.0' }, { '.owndir/package-lock.json': wrong }));
    expect(done).toBeNull();
    expect(errors).toMatchObject([{ text: expect.stringContaining('are not those that package-lock.json names') as string }]);
  });

  it('run their scripts where that is trusted', async () => {
    const { folder, errors } = await builder.built(using({ tiny: '1.0.0' }), { scripts: true });
    expect(errors).toEqual([]);
    expect(readFileSync(join(installed(folder), 'ran'), 'utf8')).toBe('');
  });

  it('that do not exist are named', async () => {
    const { errors, done } = await builder.built(using({ 'no-such-package': '1.0.0' }));
    expect(done).toBeNull();
    expect(errors).toEqual([
      {
        file: '.owndir/package.json',
        text: 'cannot install "no-such-package": "1.0.0": no such package exists in the registry; look for a misspelt name',
      },
    ]);
    const range = await builder.built(using({ tiny: '^7.0.0' }));
    expect(range.errors).toMatchObject([{ text: 'cannot install "tiny": "^7.0.0": no version of it fits tiny@^7.0.0' }]);
  });

  it('come from npm’s cache without a network, and else the network is named', async () => {
    const { url } = registry;
    await registry.stop();
    const known = await builder.built(using({ tiny: '^1.0.0' }));
    expect(known.errors).toEqual([]);
    expect(known.folder.text('tiny.txt')).toBe('tiny one point one');
    const elsewhere = new Builder(environment('empty', url));
    try {
      const { done, errors } = await elsewhere.built(using({ tiny: '^1.0.0' }));
      expect(done).toBeNull();
      expect(errors).toEqual([
        {
          file: '.owndir/package.json',
          text: 'cannot install tiny@^1.0.0: the network or the package registry cannot be reached; connect and build again',
        },
      ]);
    } finally {
      await elsewhere.stop();
    }
  });
});
