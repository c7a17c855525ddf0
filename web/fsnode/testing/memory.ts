// A folder in memory with the folder API's rules, for tests: what the reference server serves, and a backing of its own.
import { concat, utf8, type Bytes } from '../../base/bytes.ts';
import { toStream } from '../data.ts';
import { FsError, throwIfAborted } from '../error.ts';
import {
  baseName,
  compareNames,
  isCode,
  isHidden,
  isHiddenName,
  isProtectedName,
  isWithin,
  joinPath,
  parentPath,
} from '../path.ts';
import type {
  Backing,
  CallOptions,
  Entry,
  Info,
  MoveOptions,
  OpenRead,
  Pieces,
  ReadOptions,
  SubOptions,
  Told,
  UploadOptions,
  UploadSource,
  WriteOptions,
} from '../types.ts';
import { hex } from '../../base/bytes.ts';

interface Item {
  /** Null for folders. */
  bytes: Bytes | null;
  mtime: number;
  ctime: number;
  mode: number;
}

interface Watch {
  paths: string[];
  depth: number;
  listener: (told: Told) => void;
}

const mimes: Record<string, string> = { txt: 'text/plain', html: 'text/html', png: 'image/png' };

export class MemoryBacking implements Backing {
  readonly name: string;
  readonly root = '';
  readonly closed: Promise<void>;
  writable = true;
  /** Called before each operation; what it throws, the operation fails with. */
  before: (op: string, path: string) => Promise<void> | void = () => undefined;
  readonly #items = new Map<string, Item>();
  readonly #partials = new Map<string, Bytes>();
  readonly #watches = new Set<Watch>();
  #close: () => void = () => undefined;
  #clock = 1_760_000_000_000;

  constructor(name = 'folder') {
    this.name = name;
    this.closed = new Promise(resolve => (this.#close = resolve));
    this.#items.set('', this.#item(null));
  }

  /** As another program would do it: no rules. Makes the folders above. */
  put(path: string, content: string | Bytes | null): void {
    if (path !== '' && !this.#items.has(parentPath(path))) this.put(parentPath(path), null);
    const existing = this.#items.get(path);
    if (existing && content === null) return;
    this.#items.set(path, this.#item(typeof content === 'string' ? utf8(content) : content));
    const event = existing ? 'change' : content === null ? 'addDir' : 'add';
    this.#tell({ event, path, info: this.#info(path) });
  }

  remove(path: string): void {
    const gone = [...this.#items.keys()]
      .filter(key => key !== '' && isWithin(path, key))
      .sort((a, b) => b.length - a.length);
    for (const key of gone) {
      const event = this.#items.get(key)?.bytes ? 'unlink' : 'unlinkDir';
      this.#items.delete(key);
      this.#tell({ event, path: key, info: null });
    }
  }

  /** Null where there is no file. */
  bytes(path: string): Bytes | null {
    return this.#items.get(path)?.bytes ?? null;
  }

  get watches(): number {
    return this.#watches.size;
  }

  get paths(): string[] {
    return [...this.#items.keys()].sort(compareNames);
  }

  close(): void {
    this.#close();
  }

  async info(path: string, { signal }: CallOptions = {}): Promise<Info | null> {
    await this.before('info', path);
    throwIfAborted(signal);
    return this.#info(path);
  }

  async children(path: string, { info = false }: CallOptions & { info?: boolean } = {}): Promise<Entry[]> {
    await this.before('children', path);
    if (this.#visible(path)?.bytes !== null) throw new FsError(404, `${path} is not a directory`);
    const names = [...this.#items.keys()].filter(key => key !== '' && parentPath(key) === path).map(baseName);
    const visible = names.filter(name => !isHiddenName(name)).sort(compareNames);
    return visible.map(name => ({ name, info: info ? this.#info(joinPath(path, name)) : null }));
  }

  async read(path: string, { start = 0, end = Infinity, signal }: ReadOptions = {}): Promise<OpenRead> {
    await this.before('read', path);
    throwIfAborted(signal);
    const item = this.#visible(path);
    if (!item?.bytes) throw new FsError(404, `${path} is not a file`);
    if (end < start) throw new FsError(400, 'end is before start');
    const whole = item.bytes;
    const from = Math.min(start, whole.length);
    const part = whole.subarray(from, Math.min(end + 1, whole.length));
    const pieces = async function* () {
      for (let at = 0; at < part.length; at += 65_536) yield part.subarray(at, at + 65_536);
    };
    return {
      head: { size: whole.length, mtime: item.mtime, start: from, end: from + part.length - 1 },
      stream: toStream(pieces()),
    };
  }

  async write(path: string, data: Pieces, options: WriteOptions): Promise<Info> {
    const { flags, start = 0, overwrite = true, signal } = options;
    await this.before('write', path);
    this.#mayWrite(path);
    const fresh = flags.includes('x') || !overwrite;
    const check = () => {
      if (this.#items.get(parentPath(path))?.bytes !== null) throw new FsError(404, `There is no folder for ${path}`);
      const existing = this.#items.get(path);
      if (existing?.bytes === null) throw new FsError(409, `${path} is a directory`);
      if (existing && fresh) throw new FsError(409, `existing file found at ${path}`);
      if (!existing && flags === 'r+') throw new FsError(404, `${path} is not a file`);
      return existing?.bytes ?? new Uint8Array(0);
    };
    check();
    if (flags.startsWith('a') && start > 0) throw new FsError(400, 'An append has no start.');
    const pieces: Bytes[] = [];
    for await (const piece of data) {
      throwIfAborted(signal);
      pieces.push(piece.slice());
    }
    const added = concat(pieces);
    const old = check();
    if (flags.startsWith('a')) this.put(path, concat([old, added]));
    else if (flags === 'r+') {
      const whole = new Uint8Array(Math.max(old.length, start + added.length));
      whole.set(old);
      whole.set(added, start);
      this.put(path, whole);
    } else this.put(path, concat([new Uint8Array(start), added]));
    return this.#info(path) as Info;
  }

  async upload(path: string, source: UploadSource, options: UploadOptions): Promise<Info> {
    await this.before('upload', path);
    this.#mayWrite(path);
    const key = `${path}/${options.upload}`;
    const offset = this.#partials.get(key)?.length ?? 0;
    source.progress(offset);
    for await (const piece of source.from(offset)) {
      throwIfAborted(options.signal);
      this.#partials.set(key, concat([this.#partials.get(key) ?? new Uint8Array(0), piece]));
    }
    const whole = this.#partials.get(key) ?? new Uint8Array(0);
    const digest = await source.digest();
    if (whole.length !== options.size) throw new FsError(400, 'The upload has another size than announced.');
    this.#partials.delete(key);
    if (hex(new Uint8Array(await crypto.subtle.digest('SHA-256', whole))) !== digest)
      throw new FsError(409, 'What arrived is not what was sent.');
    this.put(path, whole);
    return this.#info(path) as Info;
  }

  /** Changes what came so far of an upload, as a broken disk would. */
  damageUploads(): void {
    for (const bytes of this.#partials.values()) bytes[0] = (bytes[0] ?? 0) ^ 1;
  }

  async move(path: string, to: string, { overwrite = false }: MoveOptions = {}): Promise<string> {
    await this.before('move', path);
    for (const end of [path, to]) this.#mayWrite(end);
    const item = this.#visible(path);
    if (!item) throw new FsError(404, `There is nothing at ${path}`);
    const target = this.#items.get(to)?.bytes === null ? joinPath(to, baseName(path)) : to;
    if (isWithin(path, target)) throw new FsError(400, `${path} cannot be moved into itself`);
    this.#mayWrite(target);
    const existing = this.#items.get(target);
    if (existing && (!overwrite || existing.bytes === null)) throw new FsError(409, `existing file found at ${target}`);
    this.#makeDirs(parentPath(target), 'move into');
    const moved = [...this.#items].filter(([key]) => isWithin(path, key));
    this.remove(path);
    for (const [key, { bytes }] of moved) this.put(joinPath(target, key.slice(path.length + 1)), bytes);
    return target;
  }

  async delete(path: string): Promise<void> {
    await this.before('delete', path);
    this.#mayWrite(path);
    if (path === '') throw new FsError(403, 'The folder itself cannot be deleted.');
    if ([...this.#items.keys()].some(key => isWithin(path, key) && isProtectedName(baseName(key))))
      throw new FsError(403, `something at ${path} cannot be deleted (write disallowed)`);
    this.remove(path);
  }

  async makeDir(path: string): Promise<void> {
    await this.before('makeDir', path);
    this.#mayWrite(path);
    this.#makeDirs(path, 'mkDir');
  }

  async touch(path: string): Promise<void> {
    await this.before('touch', path);
    this.#mayWrite(path);
    const item = this.#items.get(path);
    if (this.#items.get(parentPath(path))?.bytes !== null) throw new FsError(500, `unable to touch ${path}`);
    if (!item) return this.put(path, '');
    item.mtime = item.ctime = this.#now();
    if (item.bytes) this.#tell({ event: 'change', path, info: this.#info(path) });
  }

  sub(path: string, options: SubOptions, listener: (told: Told) => void): () => void {
    const paths = options.paths.map(relative => joinPath(path, relative));
    const watch: Watch = { paths, depth: options.depth ?? Infinity, listener };
    let over = false;
    queueMicrotask(() => {
      if (over) return;
      if (!options.ignoreInitial)
        for (const key of this.paths) {
          const info = this.#info(key);
          if (info && this.#hears(watch, key)) listener({ event: info.isFile ? 'add' : 'addDir', path: key, info });
        }
      listener({ event: 'ready' });
      this.#watches.add(watch);
    });
    return () => {
      over = true;
      this.#watches.delete(watch);
    };
  }

  /** An error that watching meets. */
  failWatches(error: Error): void {
    for (const watch of [...this.#watches]) watch.listener({ event: 'error', error, final: false });
  }

  #hears(watch: Watch, path: string): boolean {
    if (isHidden(path)) return false;
    return watch.paths.some(from => {
      if (!isWithin(from, path)) return false;
      const below = path.slice(from === '' ? 0 : from.length + 1);
      return below === '' || below.split('/').length - 1 <= watch.depth;
    });
  }

  #tell(told: Told & { path: string }): void {
    const listeners = [...this.#watches].filter(watch => this.#hears(watch, told.path));
    // As over a connection: later, and in order.
    for (const watch of listeners) queueMicrotask(() => this.#watches.has(watch) && watch.listener(told));
  }

  #makeDirs(path: string, verb: string): void {
    for (let at = path; at !== ''; at = parentPath(at))
      if (this.#items.get(at)?.bytes) throw new FsError(500, `unable to ${verb} ${path}`);
    this.put(path, null);
  }

  #mayWrite(path: string): void {
    if (!this.writable || isCode(path) || isHidden(path)) throw new FsError(403, `${path} cannot be written`);
  }

  #visible(path: string): Item | undefined {
    return isHidden(path) ? undefined : this.#items.get(path);
  }

  #now(): number {
    return (this.#clock += 10);
  }

  #item(bytes: Bytes | null): Item {
    const now = this.#now();
    return { bytes, mtime: now, ctime: now, mode: bytes ? 0o100644 : 0o040755 };
  }

  #info(path: string): Info | null {
    const item = this.#visible(path);
    if (!item) return null;
    const { bytes, ...rest } = item;
    const extension = /\.([a-z]+)$/.exec(baseName(path))?.[1] ?? '';
    const mime = bytes ? (mimes[extension] ?? null) : null;
    return {
      isFile: bytes !== null,
      isDirectory: bytes === null,
      isSymLink: false,
      size: bytes?.length ?? 0,
      ...rest,
      mime,
    };
  }
}
