// The parts of the examples that are not views: what a note does when two people write, how trees and albums are made, and what
// a damaged picture may do.

import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it, vi } from 'vitest';

interface DraftState {
  state: string;
  text: string;
  theirs: string | null;
}
interface Draft {
  readonly snapshot: DraftState;
  readonly isDirty: boolean;
  load(): Promise<void>;
  edit(text: string): void;
  save(): Promise<void>;
  hearChange(): Promise<void>;
  hearGone(): void;
  resolve(choice: 'mine' | 'theirs'): void;
  retry(): void;
  close(): Promise<void>;
}
interface Row {
  kind: string;
  path: string;
  depth: number;
}
interface Item {
  path: string;
  album: string;
  name: string;
  mtime: number;
}

/** A file of an example as a module; the examples are no packages of ours. */
async function load<Module>(path: string): Promise<Module> {
  const entry = fileURLToPath(new URL(`../../examples/${path}`, import.meta.url));
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, write: false, format: 'esm' });
  const code = Buffer.from(outputFiles[0]?.contents ?? []).toString('base64');
  return (await import(/* @vite-ignore */ `data:text/javascript;base64,${code}`)) as Module;
}

/** A file that others may write too. */
class File {
  content: string | null;
  fails: Error | null = null;
  constructor(content: string | null) {
    this.content = content;
  }
  async text(): Promise<string> {
    if (this.fails) throw this.fails;
    if (this.content === null) throw Object.assign(new Error('not found'), { status: 404 });
    return this.content;
  }
  async write(text: string): Promise<void> {
    if (this.fails) throw this.fails;
    this.content = text;
  }
}

describe('an open note', async () => {
  const { Draft } = await load<{ Draft: new (node: File) => Draft }>('notes/.owndir/draft.js');
  const open = async (content: string | null) => {
    const file = new File(content);
    const draft = new Draft(file);
    await draft.load();
    return { file, draft };
  };

  it('is saved by itself after a moment', async () => {
    vi.useFakeTimers();
    try {
      const { file, draft } = await open('one');
      draft.edit('two');
      expect([draft.snapshot.state, file.content]).toEqual(['dirty', 'one']);
      await vi.advanceTimersByTimeAsync(1_000);
      expect([draft.snapshot.state, file.content]).toEqual(['clean', 'two']);
    } finally {
      vi.useRealTimers();
    }
  });

  it('takes what arrives while nothing is unsaved', async () => {
    const { file, draft } = await open('one');
    file.content = 'from elsewhere';
    await draft.hearChange();
    expect(draft.snapshot).toMatchObject({ state: 'clean', text: 'from elsewhere' });
  });

  it.each([
    ['mine', 'mine'],
    ['theirs', 'theirs'],
  ] as const)('asks when both have written; %s is what is kept then', async (choice, kept) => {
    const { file, draft } = await open('one');
    draft.edit('mine');
    file.content = 'theirs';
    await draft.save();
    expect([draft.snapshot.state, draft.snapshot.theirs, file.content]).toEqual(['conflict', 'theirs', 'theirs']);
    draft.edit('mine');
    await draft.save();
    expect(file.content).toBe('theirs');
    draft.resolve(choice);
    await draft.save();
    expect([draft.snapshot.text, file.content, draft.snapshot.state]).toEqual([kept, kept, 'clean']);
  });

  it('notices the other’s change before its own save, too', async () => {
    const { file, draft } = await open('one');
    draft.edit('mine');
    file.content = 'theirs';
    await draft.hearChange();
    expect(draft.snapshot.state).toBe('conflict');
    await draft.close();
    expect(file.content).toBe('theirs');
  });

  it('is not a conflict when both have written the same', async () => {
    const { file, draft } = await open('one');
    draft.edit('same');
    file.content = 'same';
    await draft.hearChange();
    expect(draft.snapshot.state).toBe('clean');
  });

  it('is not made anew when it was deleted elsewhere, unless somebody writes on', async () => {
    const { file, draft } = await open('one');
    file.content = null;
    draft.hearGone();
    expect(draft.snapshot.state).toBe('gone');
    await draft.save();
    expect(file.content).toBe(null);
    draft.edit('one more');
    await draft.save();
    expect(file.content).toBe('one more');
  });

  it('keeps what could not be saved, and saves it when that works again', async () => {
    const { file, draft } = await open('one');
    draft.edit('two');
    file.fails = new Error('no connection');
    await draft.save();
    expect([draft.snapshot.state, draft.snapshot.text]).toEqual(['failed', 'two']);
    file.fails = null;
    draft.retry();
    await draft.save();
    expect([draft.snapshot.state, file.content]).toEqual(['clean', 'two']);
  });

  it('says that there is none', async () => {
    const { file, draft } = await open(null);
    expect(draft.snapshot.state).toBe('missing');
    draft.edit('x');
    await draft.close();
    expect(file.content).toBe(null);
  });
});

describe('the tree of notes', async () => {
  const { rowsOf, fileNameOf } = await load<{
    rowsOf(tree: object, view: { closed: Set<string>; filter: string }): Row[];
    fileNameOf(title: string): string;
  }>('notes/.owndir/library.js');
  const note = (path: string) => ({ path, name: path.slice(path.lastIndexOf('/') + 1) });
  const tree = { notes: ['b.md', 'A/x10.md', 'A/x9.md', 'A/B/y.md'].map(note), folders: ['A', 'A/B', 'Empty'] };
  const rows = (closed: string[], filter = '') =>
    rowsOf(tree, { closed: new Set(closed), filter }).map(({ path, depth }) => `${'.'.repeat(depth)}${path}`);

  it('has folders first and numbers in their order', () => {
    expect(rows([])).toEqual(['A', '.A/B', '..A/B/y.md', '.A/x9.md', '.A/x10.md', 'Empty', 'b.md']);
  });

  it('shows closed folders closed, unless something in them is looked for', () => {
    expect(rows(['A'])).toEqual(['A', 'Empty', 'b.md']);
    expect(rows(['A'], 'Y.MD')).toEqual(['A', '.A/B', '..A/B/y.md']);
  });

  it.each([
    ['Plan', 'Plan.md'],
    ['a/b c.txt', 'a/b c.txt'],
    ['../../etc/x', 'etc/x.md'],
    ['..', ''],
    [' . / ', ''],
    ['what? "now"', 'what now.md'],
    ['.hidden', 'hidden.md'],
  ])('the file of “%s” is “%s”', (title, file) => expect(fileNameOf(title)).toBe(file));
});

it('ticks the n-th box, code not counted', async () => {
  const { withTask } = await load<{ withTask(text: string, n: number, done: boolean): string }>(
    'notes/.owndir/tasks.js',
  );
  const text = '- [ ] a\n```\n- [ ] code\n```\n1. [x] b\n   - [ ] c';
  expect(withTask(text, 1, false)).toBe('- [ ] a\n```\n- [ ] code\n```\n1. [ ] b\n   - [ ] c');
  expect(withTask(text, 2, true)).toBe('- [ ] a\n```\n- [ ] code\n```\n1. [x] b\n   - [x] c');
});

describe('albums', async () => {
  const { albumOf, freeName } = await load<{
    albumOf(items: Item[], path: string): { albums: { path: string; items: Item[] }[]; items: Item[] };
    freeName(items: Item[], album: string, name: string): string;
  }>('photos/.owndir/library.js');
  const item = (path: string, mtime: number): Item => ({
    path,
    album: path.slice(0, Math.max(0, path.lastIndexOf('/'))),
    name: path.slice(path.lastIndexOf('/') + 1),
    mtime,
  });
  const items = [item('a.jpg', 1), item('Sea/b.jpg', 2), item('Sea/Boat/c.jpg', 3), item('Seaside/d.jpg', 4)];

  it('hold what is below them, the newest first', () => {
    const root = albumOf(items, '');
    expect(root.items.map(({ path }) => path)).toEqual(['a.jpg']);
    expect(root.albums.map(({ path, items }) => [path, items.map(({ name }) => name)])).toEqual([
      ['Sea', ['c.jpg', 'b.jpg']],
      ['Seaside', ['d.jpg']],
    ]);
    expect(albumOf(items, 'Sea').albums.map(({ path }) => path)).toEqual(['Sea/Boat']);
  });

  it('give an added picture a name of its own', () => {
    expect(freeName(items, '', 'A.jpg')).toBe('A 2.jpg');
    expect(freeName(items, 'Sea', 'a.jpg')).toBe('a.jpg');
    expect(freeName(items, '', '../x.jpg')).toBe('-x.jpg');
  });
});

describe('the small picture in a photo', async () => {
  const { readExif } = await load<{
    readExif(bytes: Uint8Array): { orientation: number; thumbnail: Uint8Array | null } | null;
  }>('photos/.owndir/exif.js');
  const u16 = (n: number) => [n & 255, n >> 8];
  const u32 = (n: number) => [...u16(n & 0xffff), ...u16(n >>> 16)];
  const entry = (tag: number, type: number, value: number) => [...u16(tag), ...u16(type), ...u32(1), ...u32(value)];
  const thumbnail = [0xff, 0xd8, 1, 2, 3, 0xff, 0xd9];
  const tiff = [
    ...[0x49, 0x49, 42, 0, 8, 0, 0, 0],
    ...[1, 0, ...entry(0x112, 3, 6), ...u32(26)],
    ...[2, 0, ...entry(0x201, 4, 56), ...entry(0x202, 4, thumbnail.length), ...u32(0)],
    ...thumbnail,
  ];
  const body = [0x45, 0x78, 0x69, 0x66, 0, 0, ...tiff];
  const jpeg = Uint8Array.from([0xff, 0xd8, 0xff, 0xe0, 0, 4, 9, 9, 0xff, 0xe1, 0, body.length + 2, ...body]);

  it('is found behind other segments, with how it is turned', () => {
    expect(readExif(jpeg)).toEqual({ orientation: 6, thumbnail: Uint8Array.from(thumbnail) });
  });

  it('is none in files that end early or are something else', () => {
    for (let length = 0; length < jpeg.length; length += 1)
      expect(readExif(jpeg.slice(0, length))?.thumbnail ?? null, `${length} bytes`).toBe(null);
    expect(readExif(new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg"/>'))).toBe(null);
  });

  it('survives any byte being another', () => {
    for (let at = 0; at < jpeg.length; at += 1)
      for (const value of [0, 0x7f, 0xff]) {
        const damaged = jpeg.slice();
        damaged[at] = value;
        expect(() => readExif(damaged)).not.toThrow();
      }
  });
});
