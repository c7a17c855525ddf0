import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Builder, type Files } from '../testing/builder.ts';
import { containedLimits } from './contained.ts';

let builder: Builder;
beforeAll(() => {
  builder = new Builder();
});
afterAll(() => builder.stop());

const root = (text: string, more: Files = {}): Files => ({ '.owndir/index.js': text, ...more });
const good = root('export default { O: { static: [["kept.txt", () => "kept"]] } };');
const short = { ...containedLimits, loadMs: 3000, generatorMs: 3000, bundlerMs: 3000 };

/** Builds what works, then what does not: the problem, when the site is as it was. */
async function problem(files: Files, limits = short) {
  const folder = builder.folder(good, { limits });
  const before = await builder.build(folder);
  expect(before.errors).toEqual([]);
  const stamps = folder.stamps();
  folder.write(files);
  const { done, errors } = await builder.build(folder);
  expect(done).toBeNull();
  expect(errors).toHaveLength(1);
  expect(folder.stamps()).toEqual(stamps);
  expect(folder.text('kept.txt')).toBe('kept');
  return errors[0];
}

const entry = (value: string) => root(`export default { O: { static: [["x.txt", ${value}]] } };`);

describe('code that runs while the site is built', () => {
  it('may give a generator’s text', async () => {
    const { folder, errors } = await builder.built(entry('function* () { yield "a"; yield "b"; }'));
    expect(errors).toEqual([]);
    expect(folder.text('x.txt')).toBe('ab');
  });

  it.each([
    ['a loop without an end', '() => { for (;;); }', 'O.static "x.txt" takes longer than 3 s'],
    ['a promise that nothing keeps', '() => new Promise(() => {})', 'O.static "x.txt" has ended: it called process.exit, or waits for what never comes'],
    ['a generator that gives nothing for ever', 'async function* () { for (;;) yield ""; }', 'takes longer than 3 s'],
    ['a generator without an end', 'function* () { for (;;) yield "x".repeat(1 << 20); }', 'gives more than 134217728 bytes'],
    ['a stream without an end', 'async function* () { for (;;) yield Buffer.alloc(1 << 20); }', 'gives more than 134217728 bytes'],
    ['an end of the process', '() => process.exit(4)', 'O.static "x.txt" has ended the process (code 4)'],
    ['an abort', '() => process.abort()', 'process.abort() is not supported in workers'],
    ['an error nobody waits for', '() => new Promise(() => setTimeout(() => { throw new Error("late"); }, 1))', 'late'],
    ['a rejection nobody waits for', '() => { Promise.reject(new Error("unseen")); return new Promise(() => {}); }', 'unseen'],
  ])('ends well and names the module: %s', async (_name, value, text) => {
    const told = (await problem(entry(value)))?.text;
    expect(told).toContain('module of the root: ');
    expect(told).toContain(text);
  });

  it('cannot take all memory, on the heap or beside it', async () => {
    const heap = entry('() => { const all = []; for (;;) all.push(new Array(1e5).fill(1.5)); }');
    expect(await problem(heap, { ...containedLimits, heapMb: 64 })).toMatchObject({
      text: 'module of the root: O.static "x.txt" needs more than 64 MiB of memory',
    });
    const beside = entry(`async () => { const all = [];
      for (;;) { all.push(Buffer.alloc(1 << 24, 1)); await new Promise(done => setTimeout(done, 5)); } }`);
    expect(await problem(beside, { ...containedLimits, growthMb: 256 })).toMatchObject({
      text: 'module of the root: O.static "x.txt" needs more than 256 MiB of memory',
    });
  });

  it('is named while it is loaded', async () => {
    const loop = { 'a/.owndir/index.js': 'export default {}; for (;;);', 'b/.owndir/index.js': 'export default {};' };
    expect((await problem({ ...good, ...loop }))?.text).toContain('module of a: loading its code takes longer than 3 s');
    const exit = { 'a/.owndir/index.js': 'export default {};', 'b/.owndir/index.js': 'module.exports = {}; process.exit(3);' };
    expect((await problem({ ...good, ...exit }))?.text).toContain('module of b: loading its code has ended the process (code 3)');
  });

  it.each([
    ['for (;;);', 'takes longer than 3 s'],
    ['process.exit(5);', 'has ended the process (code 5)'],
    ['const all = []; for (;;) all.push(new Array(1e5).fill(1.5));', 'needs more than 64 MiB of memory'],
  ])('as a bundler is named: %s', async (code, text) => {
    const bundler = { '.owndir/build/client/bundler/index.js': `module.exports = () => { ${code} };` };
    const told = (await problem({ ...good, ...bundler }, { ...short, heapMb: 64 }))?.text;
    expect(told).toContain(`the folder's own client bundler (.owndir/build/client/bundler) ${text}`);
  });
});
