// What the folder API promises, whatever stands behind it. Each case gets a new empty folder; names are sentences.
import type { Directory } from '../directory.ts';
import { readToEnd } from '../data.ts';
import { equal, fails, ok } from './check.ts';
import { subCases } from './contract_sub.ts';
import { writeCases } from './contract_write.ts';

/** The folder as other programs have it. */
export interface Outside {
  /** Null makes a folder; folders above are made. */
  put(path: string, content: string | null): Promise<void>;
  remove(path: string): Promise<void>;
  /** Null where there is no file. */
  read(path: string): Promise<string | null>;
}

/** What a backing cannot do, because what is beneath it cannot. */
export interface Abilities {
  /** Folders' times are known and can be set. */
  folderTimes: boolean;
  /** File names that are no UTF-8, or that Windows refuses. */
  anyName: boolean;
}

export interface Ground {
  root: Directory;
  outside: Outside;
  can: Abilities;
}

export interface ContractCase {
  name: string;
  needs?: keyof Abilities;
  run(folder: Directory, ground: Ground): Promise<void>;
}

/** Runs one case in a folder of its own. */
export async function runCase(one: ContractCase, ground: Ground, folderName: string): Promise<void> {
  await ground.outside.put(folderName, null);
  await one.run(ground.root.walk(folderName), ground);
}

const pathsOf = (nodes: Directory[]) => nodes.map(node => node.path);

const navigation: ContractCase[] = [
  {
    name: 'the root is a node without path, its own parent and root',
    async run(_, { root }) {
      equal([root.path, root.relativePath], ['', ''], 'paths of the root');
      equal(root.root, root, 'root of the root');
      equal(root.parent, root, 'parent of the root');
      equal(root.walk('..'), root, 'a step up from the root');
      equal(root.walk('../..'), root, 'two steps up from the root');
    },
  },
  {
    name: 'walk goes down, up and to the root, whether or not something is there',
    async run(_, { root }) {
      const deep = root.walk('a/b/c');
      const prefix = root.absolutePath === '/' ? '' : root.absolutePath;
      equal(
        { ...deep },
        { name: 'c', path: 'a/b/c', relativePath: 'a/b/c', absolutePath: `${prefix}/a/b/c` },
        'a node',
      );
      equal(deep.root, root, 'its root');
      equal(deep.parent.path, 'a/b', 'its parent');
      equal(deep.walk('..'), deep.parent, 'a step up');
      equal(deep.walk('d').path, 'a/b/c/d', 'a step down');
      equal(deep.walk('/d').path, 'd', 'a path from the root');
      equal(deep.walk('./x/../../y//z/').path, 'a/b/y/z', 'a path with dots and doubled separators');
      equal(root.walk('.owndir').path, '.owndir', 'the folder of the code');
      equal(root.walk(deep.absolutePath), deep, 'an absolute path');
    },
  },
  {
    name: 'every operation on a path outside fails with 403',
    async run(folder) {
      const outside = folder.walk('../../outside');
      const operations: (() => Promise<unknown>)[] = [
        () => outside.info(),
        () => outside.children(),
        () => outside.files(),
        () => outside.folders(),
        () => outside.read(),
        () => outside.readAll(),
        () => outside.text(),
        () => outside.write('x'),
        () => outside.makeDir(),
        () => outside.touch(),
        () => outside.delete(),
        () => outside.move('y'),
        () => folder.move('/../outside'),
        () => folder.info('../../outside'),
        async () => outside.sub(() => undefined),
        async () => folder.sub('../../outside', () => undefined),
      ];
      for (const [i, operation] of operations.entries()) {
        const error = await fails(403, operation, `operation ${i}`);
        equal(error.error, 'Out of Bounds', `sentence of operation ${i}`);
      }
    },
  },
  {
    name: 'a module is looked up by path once it was injected',
    async run(folder) {
      equal(await folder.canRead(), true, 'readable');
      equal(await folder.canWrite(), true, 'writable');
      equal(await folder.walk('.owndir/index.js').canWrite(), false, 'code is not writable');
      equal(await folder.walk('.owndir').canWriteAll(), false, 'nor is all of it');
    },
  },
];

const folders: ContractCase[] = [
  {
    name: 'children are the nodes of a folder in the order of their names',
    async run(folder) {
      equal(await folder.children(), [], 'an empty folder');
      const made = await folder.makeDir('new-folder');
      equal(made, folder.walk('new-folder'), 'what makeDir returns');
      const file = await folder.touch('foo');
      equal(file, folder.walk('foo'), 'what touch returns');
      equal(await folder.children(), [file, made], 'both');
      equal(await folder.parent.children(folder.name), [file, made], 'both, by a path');
      equal(await folder.files(), [file], 'files');
      equal(await folder.folders(), [made], 'folders');
    },
  },
  {
    name: 'children of what is no folder are 404',
    async run(folder) {
      const file = await folder.touch('file');
      for (const node of [file, folder.walk('nothing'), file.walk('below')]) {
        const error = await fails(404, () => node.children(), node.path);
        equal(error.error, `${node.path} is not a directory`, 'sentence');
      }
    },
  },
  {
    name: 'names with spaces, emoji, percent signs and accents come through',
    async run(folder) {
      const names = ['a b', 'é', 'ü%20', '😀', '100%', "it's (1)!", '日本', '-', 'naïve.txt'];
      for (const name of names) await folder.write(name, `in ${name}`);
      const found = (await folder.children()).map(node => node.name);
      equal(
        found,
        [...names].sort((a, b) => compareUtf8(a, b)),
        'names, in the order of their bytes',
      );
      for (const name of names) equal(await folder.walk(name).text(), `in ${name}`, name);
    },
  },
  {
    name: 'names with newlines, dots and bytes that are no text come through',
    needs: 'anyName',
    async run(folder) {
      const names = ['new\nline', 'back\\slash', 'colon:', 'end.', '...', '*', 'bad\udcff\udc80', 'x\udce9y'];
      for (const name of names) await folder.write(name, 'here');
      const found = (await folder.children()).map(node => node.name);
      equal(found.sort(), [...names].sort(), 'names');
      for (const name of names) equal(await folder.walk(name).text(), 'here', JSON.stringify(name));
      await folder.walk('bad\udcff\udc80').delete();
      equal((await folder.children()).length, names.length - 1, 'after deleting one');
    },
  },
  {
    name: 'a folder of 1,200 files is listed whole',
    async run(folder, { outside }) {
      const names = Array.from({ length: 1200 }, (_, i) => `file-${String(i).padStart(4, '0')}`);
      await Promise.all(names.map(name => outside.put(`${folder.path}/${name}`, name)));
      equal(
        (await folder.children()).map(node => node.name),
        names,
        'children',
      );
      equal((await folder.files()).length, 1200, 'files');
      equal((await folder.folders()).length, 0, 'folders');
    },
  },
  {
    name: 'info tells kinds, sizes and types, and null of nothing',
    async run(folder) {
      const { isFile, isDirectory, isSymLink, size, mime } = (await folder.info()) ?? {};
      equal([isFile, isDirectory, isSymLink, size, mime], [false, true, false, 0, null], 'a folder');
      await folder.write('1.txt', 'abc');
      const info = await folder.info('1.txt');
      equal([info?.isFile, info?.isDirectory, info?.size, info?.mime], [true, false, 3, 'text/plain'], 'a file');
      ok(typeof info?.mtime === 'number' && info.mtime > 1e12, 'time of change, in milliseconds');
      ok(typeof info?.ctime === 'number' && typeof info.mode === 'number', 'other time, and mode');
      equal(await folder.info('nothing'), null, 'nothing');
      equal(await folder.info('1.txt/below'), null, 'below a file');
      equal((await folder.touch('no-type').then(node => node.info()))?.mime, null, 'a file of unknown type');
    },
  },
  {
    name: 'makeDir makes the folders above, and leaves alone what is there',
    async run(folder) {
      equal((await folder.makeDir('A/B/C')).path, `${folder.path}/A/B/C`, 'what it returns');
      const again = folder.walk('A');
      equal(await again.makeDir(), again, 'once more');
      equal(pathsOf(await again.children()), [`${folder.path}/A/B`], 'contents');
      await folder.touch('file');
      const error = await fails(500, () => folder.makeDir('file/A'), 'below a file');
      equal(error.error, `unable to mkDir ${folder.path}/file/A`, 'sentence');
      await fails(500, () => folder.makeDir('file'), 'in place of a file');
    },
  },
  {
    name: 'touch makes empty files and sets the time of files',
    async run(folder, { outside }) {
      const file = await folder.touch('new-file');
      const before = await file.info();
      equal([before?.isFile, before?.size], [true, 0], 'a new file');
      await file.write('abc');
      const written = await file.info();
      await new Promise(resolve => setTimeout(resolve, 20));
      equal(await file.touch(), file, 'what it returns');
      const after = await file.info();
      ok((after?.mtime ?? 0) > (written?.mtime ?? Infinity), 'the time went on');
      equal(await outside.read(file.path), 'abc', 'content is untouched');
      for (const path of ['A/B/new', 'new-file/below']) {
        const error = await fails(500, () => folder.touch(path), path);
        equal(error.error, `unable to touch ${folder.path}/${path}`, 'sentence');
      }
    },
  },
  {
    name: 'touch sets the time of folders',
    needs: 'folderTimes',
    async run(folder) {
      const below = await folder.makeDir('below');
      const before = await below.info();
      await new Promise(resolve => setTimeout(resolve, 20));
      await below.touch();
      ok(((await below.info())?.mtime ?? 0) > (before?.mtime ?? Infinity), 'the time went on');
    },
  },
  {
    name: 'delete takes files, folders with all in them, and what is not there',
    async run(folder, { outside }) {
      await outside.put(`${folder.path}/file-1`, 'x');
      await outside.put(`${folder.path}/folder-1/deep/file-2`, 'x');
      const file = folder.walk('file-1');
      equal(await file.delete(), file, 'what it returns');
      equal(await file.info(), null, 'the file afterwards');
      equal(await folder.delete('nothing'), folder.walk('nothing'), 'what was not there');
      await folder.delete('folder-1');
      equal(await folder.children(), [], 'everything is gone');
      await fails(403, () => folder.root.delete(), 'the root');
    },
  },
];

const moves: ContractCase[] = [
  {
    name: 'move renames beside, moves into folders, and makes folders on the way',
    async run(folder, { outside }) {
      await folder.write('a.txt', 'a');
      const renamed = await folder.walk('a.txt').move('b.txt');
      equal(renamed, folder.walk('b.txt'), 'renamed beside itself');
      await folder.makeDir('into');
      const moved = await renamed.move('into');
      equal(moved, folder.walk('into/b.txt'), 'moved into a folder');
      const far = await moved.move(`/${folder.path}/x/y/c.txt`);
      equal(far, folder.walk('x/y/c.txt'), 'moved to a path from the root, with new folders');
      equal(await outside.read(far.path), 'a', 'the content');
      equal(await outside.read(moved.path), null, 'nothing is left behind');
    },
  },
  {
    name: 'move takes folders with all in them',
    async run(folder, { outside }) {
      await outside.put(`${folder.path}/from/deep/file`, 'x');
      const moved = await folder.walk('from').move('to/there');
      equal(moved, folder.walk('to/there'), 'where it went');
      equal(await outside.read(`${folder.path}/to/there/deep/file`), 'x', 'the content');
      equal(await folder.info('from'), null, 'nothing is left behind');
    },
  },
  {
    name: 'move replaces a file only when told to',
    async run(folder, { outside }) {
      await folder.write('a', 'new');
      await folder.write('b', 'old');
      const error = await fails(409, () => folder.walk('a').move('b'), 'onto a file');
      equal(error.error, `existing file found at ${folder.path}/b`, 'sentence');
      equal(await outside.read(`${folder.path}/b`), 'old', 'the file is untouched');
      await folder.walk('a').move('b', { overwrite: true });
      equal(await outside.read(`${folder.path}/b`), 'new', 'the file is replaced');
      await fails(404, () => folder.walk('nothing').move('c'), 'what is not there');
      await folder.makeDir('d/e');
      await fails(400, () => folder.walk('d').move('d/e'), 'a folder into itself');
    },
  },
];

const reads: ContractCase[] = [
  {
    name: 'read gives a stream of the bytes from start to end, both included',
    async run(folder) {
      await folder.write('f', '0123456789');
      const part = async (...range: (number | undefined)[]) =>
        new TextDecoder().decode(await readToEnd(await folder.read('f', ...range)));
      equal(await part(), '0123456789', 'all');
      equal(await part(0, 2), '012', 'the beginning');
      equal(await part(3, 5), '345', 'the middle');
      equal(await part(0, 0), '0', 'one byte');
      equal(await part(8), '89', 'the rest');
      equal(await part(8, 1000), '89', 'beyond the end');
      equal(await part(1000), '', 'from beyond the end');
      equal(new TextDecoder().decode(await readToEnd(await folder.walk('f').read(2, 3))), '23', 'without a path');
      await fails(400, () => folder.read('f', 5, 2), 'end before start');
      await fails(400, () => folder.read('f', -1), 'a negative start');
    },
  },
  {
    name: 'readAll and text give the whole file, bytes as they are',
    async run(folder) {
      const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) % 256);
      await folder.write('binary', bytes);
      equal(new Uint8Array(await folder.readAll('binary')), bytes, 'bytes');
      equal(new Uint8Array(await folder.walk('binary').readAll(10, 12)), bytes.slice(10, 13), 'some of them');
      await folder.write('text', 'grüße 😀');
      equal(await folder.walk('text').text(), 'grüße 😀', 'text');
      equal(await folder.text('text', 'utf-8'), 'grüße 😀', 'text, by a path');
      await folder.write('latin', new Uint8Array([0xfc]));
      equal(await folder.walk('latin').text('latin1'), 'ü', 'text of another encoding');
      equal((await folder.touch('empty').then(node => node.readAll())).length, 0, 'an empty file');
      await fails(400, () => folder.walk('text').text('no-such-encoding'), 'an unknown encoding');
    },
  },
  {
    name: 'what is no file cannot be read',
    async run(folder) {
      for (const node of [folder, folder.walk('nothing')]) {
        const error = await fails(404, () => node.read(), node.path);
        equal(error.error, `${node.path} is not a file`, 'sentence');
        await fails(404, () => node.text(), node.path);
      }
    },
  },
  {
    name: 'a file of several megabytes is read whole, slowly or partly',
    async run(folder) {
      const bytes = Uint8Array.from({ length: 3_000_017 }, (_, i) => (i * 31 + (i >> 9)) % 256);
      await folder.write('large', bytes);
      ok(same(await readToEnd(await folder.read('large')), bytes), 'all of it');
      const reader = (await folder.read('large')).getReader();
      const first = await reader.read();
      ok(same(first.value ?? new Uint8Array(0), bytes.subarray(0, first.value?.length)), 'the first piece');
      await reader.cancel();
      const streams = await Promise.all(Array.from({ length: 20 }, () => folder.read('large')));
      ok(same(await readToEnd(await folder.read('large')), bytes), 'another one beside twenty that nobody reads');
      await Promise.all(streams.map(stream => stream.cancel()));
    },
  },
];

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function compareUtf8(a: string, b: string): number {
  const encoder = new TextEncoder();
  const [left, right] = [encoder.encode(a), encoder.encode(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++)
    if (left[i] !== right[i]) return (left[i] ?? 0) - (right[i] ?? 0);
  return left.length - right.length;
}

const guarded: ContractCase[] = [
  {
    name: 'code can be read but not written',
    async run(folder, { outside }) {
      await outside.put(`${folder.path}/.owndir/index.js`, 'code');
      await outside.put(`${folder.path}/file`, 'x');
      equal(await folder.walk('.owndir/index.js').text(), 'code', 'its text');
      equal(pathsOf(await folder.walk('.owndir').children()), [`${folder.path}/.owndir/index.js`], 'its children');
      const attempts: [string, () => Promise<unknown>][] = [
        ['.owndir', () => folder.makeDir('.owndir')],
        ['.owndir', () => folder.touch('.owndir/')],
        ['.owndir/x', () => folder.write('.owndir/x', 'x')],
        ['.owndir/index.js', () => folder.write('.owndir/index.js', 'x')],
        ['.owndir/index.js', () => folder.delete('.owndir/index.js')],
        ['.owndir', () => folder.walk('.owndir').delete()],
        ['.owndir/index.js', () => folder.walk('.owndir/index.js').move('/code.js')],
        ['.owndir/file', () => folder.walk('file').move('.owndir')],
        ['.owndir.js', () => folder.write('.owndir.js', 'x')],
      ];
      for (const [path, attempt] of attempts) await fails(403, attempt, path);
      equal(await outside.read(`${folder.path}/.owndir/index.js`), 'code', 'the code afterwards');
      await fails(403, () => folder.delete(), 'a folder that holds code');
    },
  },
  {
    name: 'names of sync tools and handshakes are as if absent',
    async run(folder, { outside }) {
      for (const name of [
        '.stfolder/x',
        '.stversions/x',
        '.owndir/.wrtc-proxy/offer',
        '.syncthing.a.tmp',
        '.owndir-upload-1.part',
      ])
        await outside.put(`${folder.path}/${name}`, 'x');
      equal(pathsOf(await folder.children()), [`${folder.path}/.owndir`], 'children');
      equal(await folder.walk('.owndir').children(), [], 'children of .owndir');
      for (const path of ['.stfolder', '.stfolder/x', '.owndir/.wrtc-proxy/offer', '.syncthing.a.tmp']) {
        equal(await folder.info(path), null, path);
        await fails([403, 404], () => folder.read(path), path);
        await fails(403, () => folder.write(path, 'y'), path);
      }
    },
  },
  {
    name: 'a path that is no path is 400',
    async run(folder) {
      await fails(400, () => folder.info('nul\0'), 'NUL');
      await fails(400, () => folder.info('\ud800'), 'half a character');
      await fails(400, () => folder.info('x'.repeat(5000)), 'a long path');
    },
  },
];

export const contractCases: readonly ContractCase[] = [
  ...navigation,
  ...folders,
  ...moves,
  ...reads,
  ...writeCases,
  ...guarded,
  ...subCases,
];
