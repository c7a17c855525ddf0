import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const web = fileURLToPath(new URL('.', import.meta.url));

describe('the build', () => {
  let directory: string;
  let first: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'owndir-build-'));
    // A '#', a space and a quote: the table's source passes through the preprocessor and the assembler.
    first = join(directory, 'out #1 "a"');
    execFileSync(process.execPath, [join(web, 'build.mjs'), '--out', first]);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('gives the same bytes each time', () => {
    const second = join(directory, 'second');
    execFileSync(process.execPath, [join(web, 'build.mjs'), '--out', second]);
    for (const name of readdirSync(first).filter(entry => entry !== 'embedded.S'))
      expect(readFileSync(join(second, name)), name).toEqual(readFileSync(join(first, name)));
  });

  it('makes classic scripts that cannot end their own element', () => {
    for (const name of readdirSync(first).filter(entry => entry.endsWith('.js'))) {
      const text = readFileSync(join(first, name), 'utf8');
      expect(text).not.toMatch(/<\/script|^import |^export /m);
      expect(() => new Script(text)).not.toThrow();
    }
  });

  it('writes a table that assembles, with every file in it', () => {
    const object = join(directory, 'embedded.o');
    const compiler = spawnSync('cc', ['-c', '-fPIC', join(first, 'embedded.S'), '-o', object], { encoding: 'utf8' });
    if (compiler.error) return expect.soft(String(compiler.error)).toContain('ENOENT');
    expect(compiler.stderr).toBe('');
    const bytes = readFileSync(object);
    for (const name of readdirSync(first).filter(entry => entry !== 'embedded.S')) {
      expect(bytes.includes(readFileSync(join(first, name))), name).toBe(true);
      expect(bytes.includes(name), name).toBe(true);
    }
    return undefined;
  });

  it('says what to do when the packages are missing', () => {
    const bare = join(directory, 'bare/web');
    mkdirSync(bare, { recursive: true });
    cpSync(join(web, '../protocol'), join(directory, 'bare/protocol'), { recursive: true });
    for (const name of ['build.mjs', 'bundle.mjs', 'worker-plugin.mjs']) cpSync(join(web, name), join(bare, name));
    const built = spawnSync(process.execPath, [join(bare, 'build.mjs'), '--out', join(bare, 'out')], {
      encoding: 'utf8',
    });
    expect(built.status).toBe(1);
    expect(built.stderr).toContain('run ./dev setup first');
  });
});
