// The folder on this device, through the directory handle that a person gave the page. Works without any connection.
import type { Bytes } from '../base/bytes.ts';
import { Emitter } from '../base/emitter.ts';
import { systemTimers, type Timers } from '../base/time.ts';
import { toStream } from './data.ts';
import { FsError, throwIfAborted } from './error.ts';
import { handleError, hasName } from './handle_error.ts';
import * as files from './handle_files.ts';
import { FolderWatcher } from './handle_watch.ts';
import { fsnodeLimits } from './limits.ts';
import { baseName, isCode, isHidden, isWithin, joinPath, parentPath } from './path.ts';
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
  WriteOptions,
} from './types.ts';

export interface HandleOptions {
  timers?: Timers;
  /** Milliseconds between looks for changes where there is no FileSystemObserver, and beside one. */
  pollMs?: number;
  rescanMs?: number;
}

/**
 * What a handle cannot do fails with 501: times of folders, times of large files. A moved folder is copied and then removed.
 * Writing needs the person's permission, which only `requestWrite` asks for. A page's own writes lose a file's mode.
 */
export class HandleBacking implements Backing {
  readonly root = '';
  readonly closed: Promise<void>;
  /** The permission is known. */
  readonly ready: Promise<void>;
  readonly #handle: FileSystemDirectoryHandle;
  readonly #watcher: FolderWatcher;
  readonly #changes = new Emitter<boolean>();
  // Chromium may refuse below the folder what it allows in it.
  readonly #renames = { top: { refused: false }, below: { refused: false } };
  #writable = false;
  #close: () => void = () => undefined;

  constructor(handle: FileSystemDirectoryHandle, options: HandleOptions = {}) {
    this.#handle = handle;
    const { timers = systemTimers, pollMs = 3000, rescanMs = 60_000 } = options;
    this.#watcher = new FolderWatcher(handle, timers, pollMs, rescanMs);
    this.closed = new Promise(resolve => (this.#close = resolve));
    this.ready = this.#query().then(() => undefined);
  }

  get handle(): FileSystemDirectoryHandle {
    return this.#handle;
  }

  get name(): string {
    return this.#handle.name;
  }

  /** The person has allowed it. */
  get writable(): boolean {
    return this.#writable;
  }

  /** Told the new value of `writable`; returns what ends it. */
  on(event: 'writable', listener: (writable: boolean) => void): () => void {
    if (event !== 'writable') throw new FsError(400, `There is no event “${String(event)}”.`);
    return this.#changes.on(listener);
  }

  /** Asks the person for permission to write, if need be. Call it from a click: elsewhere the browser does not ask. */
  async requestWrite(): Promise<boolean> {
    if (await this.#query()) return true;
    try {
      this.#learn((await this.#handle.requestPermission?.({ mode: 'readwrite' })) === 'granted');
    } catch (error) {
      throw handleError(error, this.name);
    }
    return this.#writable;
  }

  close(): void {
    this.#watcher.close();
    this.#close();
  }

  async info(path: string, { signal }: CallOptions = {}): Promise<Info | null> {
    return this.#run(path, signal, async () => {
      const found = await files.lookUp(this.#handle, path);
      return found && (await files.infoOf(found));
    });
  }

  async children(path: string, { info = false, signal }: CallOptions & { info?: boolean } = {}): Promise<Entry[]> {
    return this.#run(path, signal, async () => {
      const folder = await files.folderAt(this.#handle, path);
      if (!folder) throw new FsError(404, `${path} is not a directory`);
      const found = await files.entriesOf(folder, this.#writable);
      const infos = info ? await files.infosOf(found) : [];
      return found.map(({ name }, i) => ({ name, info: infos[i] ?? null }));
    });
  }

  async read(path: string, { start = 0, end = Infinity, signal }: ReadOptions = {}): Promise<OpenRead> {
    return this.#run(path, signal, async () => {
      if (end < start) throw new FsError(400, 'A read ends before it begins: end must not be below start.');
      const found = await files.lookUp(this.#handle, path);
      if (!found || files.isFolder(found)) throw new FsError(404, `${path} is not a file`);
      const file = await found.getFile();
      const from = Math.min(start, file.size);
      const to = Math.min(end + 1, file.size);
      const head = { size: file.size, mtime: file.lastModified, start: from, end: to - 1 };
      return { head, stream: toStream(pieces(found, file, [from, to], path, signal)) };
    });
  }

  async write(path: string, data: Pieces, options: WriteOptions): Promise<Info> {
    const { flags, start = 0, overwrite = true, signal } = options;
    return this.#change([path], signal, async () => {
      const appends = flags.startsWith('a');
      if (appends && start > 0) throw new FsError(400, 'What is appended has no start.');
      const folder = await files.folderAt(this.#handle, parentPath(path));
      if (!folder || path === '')
        throw new FsError(path === '' ? 409 : 404, `There is no folder for ${path || 'that'}.`);
      const check = () => this.#target(folder, path, flags.includes('x') || !overwrite);
      const existing = await check();
      if (flags === 'r+' && !existing) throw new FsError(404, `${path} is not a file`);
      if (existing && (appends || flags === 'r+')) {
        const at = appends ? (await existing.getFile()).size : start;
        await files.edit(existing, data, at, signal);
        return this.#written(existing, path);
      }
      return this.#written(
        await files.replace(folder, baseName(path), data, { start, signal, check, renames: this.#renamesFor(path) }),
        path,
      );
    });
  }

  async move(path: string, to: string, { overwrite = false, signal }: MoveOptions = {}): Promise<string> {
    return this.#change([path, to], signal, async () => {
      const found = await files.lookUp(this.#handle, path);
      if (!found) throw files.notThere(path);
      const into = await files.lookUp(this.#handle, to);
      const target = into && files.isFolder(into) ? joinPath(to, baseName(path)) : to;
      this.#guard(target);
      if (isWithin(path, target)) throw new FsError(400, `${path} cannot be moved into itself.`);
      if (files.isFolder(found) && (await files.holdsGuarded(found))) throw guarded(path, 'moved');
      const existing = await files.lookUp(this.#handle, target);
      if (existing && (!overwrite || files.isFolder(existing)))
        throw new FsError(409, `existing file found at ${target}`);
      const folder = await this.#makeFolders(parentPath(target), 'move into');
      const elsewhere = parentPath(path) !== parentPath(target);
      if (!files.isFolder(found) && (await files.rename(found, folder, baseName(target), elsewhere))) return target;
      await this.#copyAndRemove(path, found, folder, target, signal);
      return target;
    });
  }

  async delete(path: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#change([path], signal, async () => {
      if (path === '') throw new FsError(403, 'The folder itself cannot be deleted.');
      const folder = await files.folderAt(this.#handle, parentPath(path));
      const found = folder && (await files.childOf(folder, baseName(path)));
      if (!folder || !found) return;
      if (files.isFolder(found) && (await files.holdsGuarded(found))) throw guarded(path, 'deleted');
      await remove(folder, baseName(path));
    });
  }

  async makeDir(path: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#change([path], signal, () => this.#makeFolders(path, 'mkDir'));
  }

  async touch(path: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#change([path], signal, async () => {
      const folder = await files.folderAt(this.#handle, parentPath(path));
      if (!folder) throw new FsError(500, `unable to touch ${path}`);
      const found = path === '' ? folder : await files.childOf(folder, baseName(path));
      if (!found) return void (await folder.getFileHandle(baseName(path), { create: true }));
      if (files.isFolder(found)) throw new FsError(501, 'A browser cannot set the time of a folder.');
      if ((await found.getFile()).size > fsnodeLimits.editCopy)
        throw new FsError(501, 'A browser can set the time of a file only by copying it, and this one is too large.');
      await files.renew(found);
    });
  }

  sub(path: string, options: SubOptions, listener: (told: Told) => void): () => void {
    return this.#watcher.watch(path, options, listener);
  }

  async #copyAndRemove(path: string, found: files.Found, folder: files.Folder, target: string, signal?: AbortSignal) {
    const name = baseName(target);
    try {
      await files.copy(found, folder, name, { signal, renames: this.#renamesFor(target) });
    } catch (error) {
      if (files.isFolder(found)) await remove(folder, name).catch(() => undefined);
      throw error;
    }
    const parent = await files.folderAt(this.#handle, parentPath(path));
    if (parent) await remove(parent, baseName(path));
  }

  #renamesFor(path: string): files.Renames {
    return parentPath(path) === '' ? this.#renames.top : this.#renames.below;
  }

  /** The file that is to be written, null where there is none yet. */
  async #target(folder: files.Folder, path: string, fresh: boolean): Promise<FileSystemFileHandle | null> {
    const existing = await files.childOf(folder, baseName(path));
    if (existing && files.isFolder(existing)) throw new FsError(409, `${path} is a directory`);
    if (existing && fresh) throw new FsError(409, `existing file found at ${path}`);
    return existing;
  }

  async #written(file: FileSystemFileHandle, path: string): Promise<Info> {
    const info = await files.infoOf(file);
    if (!info) throw new FsError(409, `${path} was taken away while it was written.`);
    return info;
  }

  async #makeFolders(path: string, verb: string): Promise<files.Folder> {
    try {
      return await files.makeFolders(this.#handle, path);
    } catch (error) {
      if (hasName(error, 'TypeMismatchError')) throw new FsError(500, `unable to ${verb} ${path}`, error);
      throw error;
    }
  }

  #guard(path: string): void {
    if (isCode(path) || isHidden(path)) throw new FsError(403, `${path} cannot be written`);
  }

  async #run<Value>(path: string, signal: AbortSignal | undefined, work: () => Promise<Value>): Promise<Value> {
    throwIfAborted(signal);
    try {
      return await work();
    } catch (error) {
      throw handleError(error, path);
    }
  }

  async #change<Value>(paths: string[], signal: AbortSignal | undefined, work: () => Promise<Value>): Promise<Value> {
    for (const path of paths) this.#guard(path);
    if (!(await this.#query()))
      throw new FsError(
        403,
        'This page may only read the folder on this device. Allow it to edit, or connect to the folder.',
      );
    return this.#run(paths[0] ?? '', signal, work);
  }

  async #query(): Promise<boolean> {
    const { queryPermission } = this.#handle;
    // Handles without permissions are the page's own storage.
    const state = await queryPermission?.call(this.#handle, { mode: 'readwrite' }).catch(() => 'denied');
    return this.#learn(state === undefined || state === 'granted');
  }

  #learn(writable: boolean): boolean {
    if (writable !== this.#writable) {
      this.#writable = writable;
      this.#changes.emit(writable);
    }
    return writable;
  }
}

function guarded(path: string, what: string): FsError {
  return new FsError(403, `something at ${path} cannot be ${what} (write disallowed)`);
}

async function remove(folder: files.Folder, name: string): Promise<void> {
  try {
    await folder.removeEntry(name, { recursive: true });
  } catch (error) {
    if (!hasName(error, 'NotFoundError')) throw error;
  }
}

/** Ends with an error rather than short, or with what is partly older and partly newer. */
async function* pieces(
  handle: FileSystemFileHandle,
  file: File,
  [from, to]: [number, number],
  path: string,
  signal: AbortSignal | undefined,
) {
  const reader = (file.slice(from, to).stream() as ReadableStream<Bytes>).getReader();
  const changed = () => new FsError(409, `${path} changed while it was read. Read it again.`);
  let [ended, read] = [false, 0];
  try {
    for (;;) {
      throwIfAborted(signal);
      const { done, value } = await reader.read();
      if (done) break;
      read += value.length;
      yield value;
    }
    ended = true;
    // Chromium ends a stream early, without an error, where the file became shorter.
    if (read !== to - from) throw changed();
    const now = await handle.getFile().catch(() => null);
    if (now && now.lastModified !== file.lastModified) throw changed();
  } catch (error) {
    throw handleError(error, path);
  } finally {
    if (!ended) void reader.cancel().catch(() => undefined);
  }
}
