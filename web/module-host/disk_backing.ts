// The folder straight from disk, only to be read: for a host that was started without the server's connection.
import { createReadStream } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import type { Bytes } from '../base/bytes.ts';
import { FsError } from '../fsnode/index.ts';
import { checkPath, compareNames, isHidden, isHiddenName } from '../fsnode/path.ts';
import type { Backing, CallOptions, Entry, Info, OpenRead, ReadOptions, Told } from '../fsnode/types.ts';

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP';
}

function readOnly(): Promise<never> {
  return Promise.reject(new FsError(403, 'The folder is only read here: there is no connection to the server.'));
}

export class DiskBacking implements Backing {
  readonly name: string;
  readonly root: string;
  readonly writable = false;
  readonly closed = new Promise<void>(() => undefined);

  /** `root` is an absolute path. */
  constructor(root: string) {
    this.root = root;
    this.name = basename(root);
  }

  /** The place on disk; null for what is not there, hidden, or a link that leads out of the folder. */
  async #locate(path: string): Promise<string | null> {
    checkPath(path);
    if (isHidden(path)) return null;
    try {
      const [root, place] = await Promise.all([realpath(this.root), realpath(join(this.root, path))]);
      return place === root || place.startsWith(`${root}/`) ? place : null;
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async info(path: string): Promise<Info | null> {
    const place = await this.#locate(path);
    if (place === null) return null;
    const [link, found] = await Promise.all([lstat(join(this.root, path)), stat(place)]);
    return {
      isFile: found.isFile(),
      isDirectory: found.isDirectory(),
      isSymLink: link.isSymbolicLink(),
      size: found.isDirectory() ? 0 : found.size,
      mtime: found.mtimeMs,
      ctime: found.ctimeMs,
      mode: found.mode,
      mime: null,
    };
  }

  async children(path: string, options: CallOptions & { info?: boolean } = {}): Promise<Entry[]> {
    const place = await this.#locate(path);
    if (place === null || !(await stat(place)).isDirectory()) throw new FsError(404, `${path} is not a directory`);
    // A name that is no text cannot be asked for here.
    const names = (await readdir(place)).filter(name => !isHiddenName(name) && !name.includes('\ufffd'));
    const entries: Entry[] = [];
    for (const name of names.sort(compareNames))
      entries.push({ name, info: options.info ? await this.info(join(path, name)) : null });
    return entries;
  }

  async read(path: string, options: ReadOptions = {}): Promise<OpenRead> {
    const info = await this.info(path);
    if (!info?.isFile) throw new FsError(404, `${path} is not a file`);
    const start = Math.min(options.start ?? 0, info.size);
    const end = Math.min(options.end ?? Infinity, info.size - 1);
    const head = { size: info.size, mtime: info.mtime, start, end: Math.max(end, start - 1) };
    const source = end < start ? Readable.from([]) : createReadStream(join(this.root, path), { start, end });
    return { head, stream: Readable.toWeb(source) as ReadableStream<Bytes> };
  }

  sub(_path: string, _options: unknown, listener: (told: Told) => void): () => void {
    const error = new FsError(501, 'Changes of the folder are not told here: there is no connection to the server.');
    const timer = setTimeout(() => listener({ event: 'error', error, final: true }), 0);
    return () => clearTimeout(timer);
  }

  write = readOnly;
  move = readOnly;
  delete = readOnly;
  makeDir = readOnly;
  touch = readOnly;
  close(): void {}
}
