// The nodes of the folder API: what modules and pages hold. A node is a path, not a file: it may name what does not exist.
import type { Bytes } from '../base/bytes.ts';
import { reportFault } from '../base/emitter.ts';
import { isWriteData, readToEnd, toPieces, type WriteData } from './data.ts';
import { FsError } from './error.ts';
import { baseName, checkPath, isCode, isOutside, resolvePath } from './path.ts';
import { prepareSub, type SubArguments, type SubListener } from './sub.ts';
import {
  writeFlags,
  type Backing,
  type CallOptions,
  type Entry,
  type Info,
  type MoveOptions,
  type WriteFlags,
} from './types.ts';

export interface WriteOpts extends CallOptions {
  /** As Node's; "w+" by default. */
  flags?: WriteFlags | undefined;
  start?: number | undefined;
  /** Of strings, as Node names them; "utf8" by default. */
  encoding?: string | undefined;
  mode?: number | undefined;
  overwrite?: boolean | undefined;
}

/** What all nodes of one folder share. */
interface Tree {
  readonly backing: Backing;
  moduleOf: ((path: string) => unknown) | null;
}

type Optional<Value> = Value | null | undefined;

/** Node's Buffer where there is one: modules on the server expect its methods. */
function asBuffer(bytes: Bytes): Bytes {
  const { Buffer } = globalThis as { Buffer?: { from(data: ArrayBuffer, offset: number, length: number): Bytes } };
  return Buffer ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) : bytes;
}

function outOfBounds(): FsError {
  return new FsError(403, 'Out of Bounds');
}

function decoderOf(encoding: string): TextDecoder {
  const name = encoding.toLowerCase();
  try {
    return new TextDecoder(
      { utf16le: 'utf-16le', ucs2: 'utf-16le', 'ucs-2': 'utf-16le', binary: 'latin1' }[name] ?? name,
    );
  } catch {
    throw new FsError(
      400,
      `There is no text encoding “${encoding}”. For another file's text: walk(path).text(encoding).`,
    );
  }
}

export class Directory {
  readonly name: string;
  /** On the server the whole path on disk, in a page the path from the root, with a leading "/". */
  readonly absolutePath: string;
  /** From the root; "" is the root. */
  readonly relativePath: string;
  readonly path: string;
  readonly #tree: Tree;

  private constructor(tree: Tree, path: string) {
    const { root } = tree.backing;
    this.#tree = tree;
    this.path = path;
    this.relativePath = path;
    this.absolutePath = resolveAbsolute(root, path);
    this.name = baseName(this.absolutePath);
  }

  /** The root node over a backing whose `root` is known by now. */
  static over(backing: Backing): Directory {
    return new Directory({ backing, moduleOf: null }, '');
  }

  /** Gives every node of this folder its `module`. */
  static injectModule(node: Directory, moduleOf: (path: string) => unknown): void {
    node.#tree.moduleOf = moduleOf;
  }

  /** The same, for a module tree that came in another bundle (web/module-tree). */
  [Symbol.for('owndir.injectModule')](moduleOf: (path: string) => unknown): void {
    this.#tree.moduleOf = moduleOf;
  }

  static backingOf(node: Directory): Backing {
    return node.#tree.backing;
  }

  /** The module whose folder this is, or which is nearest; undefined before the module tree was set up. */
  get module(): unknown {
    return this.#tree.moduleOf?.(this.path);
  }

  get parent(): Directory {
    return this.walk('..');
  }

  get root(): Directory {
    return this.walk('/');
  }

  /**
   * "/" is the folder's root; an absolutePath leads to its node. A path that leads outside gives a node whose every
   * operation fails with 403.
   */
  walk(path: string): Directory {
    if (typeof path !== 'string') throw new FsError(400, 'walk needs a path, as text.');
    const { root } = this.#tree.backing;
    const fromRoot =
      root !== '' && (path === root || path.startsWith(`${root}/`)) ? `/${path.slice(root.length)}` : path;
    return new Directory(this.#tree, resolvePath(this.path, fromRoot));
  }

  async children(path?: Optional<string>): Promise<Directory[]> {
    const node = this.#at(path);
    return (await node.#backing.children(node.path)).map(entry => node.#child(entry));
  }

  async files(path?: Optional<string>): Promise<Directory[]> {
    return this.#at(path).#childrenWhere(info => info.isFile);
  }

  async folders(path?: Optional<string>): Promise<Directory[]> {
    return this.#at(path).#childrenWhere(info => info.isDirectory);
  }

  /** The children with what is known of each, in one call. */
  async entries(path?: Optional<string>): Promise<{ node: Directory; info: Info | null }[]> {
    const node = this.#at(path);
    const entries = await node.#backing.children(node.path, { info: true });
    return entries.map(entry => ({ node: node.#child(entry), info: entry.info }));
  }

  async info(path?: Optional<string>): Promise<Info | null> {
    const node = this.#at(path);
    return node.#backing.info(node.path);
  }

  /** `start` and `end` are byte offsets, both inclusive. Cancel the stream if you do not read it to its end. */
  read(start?: Optional<number>, end?: Optional<number>, options?: CallOptions): Promise<ReadableStream<Bytes>>;
  read(
    path: string,
    start?: Optional<number>,
    end?: Optional<number>,
    options?: CallOptions,
  ): Promise<ReadableStream<Bytes>>;
  async read(...given: unknown[]): Promise<ReadableStream<Bytes>> {
    const [node, [start, end, options]] = this.#leadingPath(given);
    const { signal } = (options ?? {}) as CallOptions;
    const { stream } = await node.#backing.read(node.path, { start: offset(start), end: offset(end), signal });
    return stream;
  }

  readAll(start?: Optional<number>, end?: Optional<number>, options?: CallOptions): Promise<Bytes>;
  readAll(path: string, start?: Optional<number>, end?: Optional<number>, options?: CallOptions): Promise<Bytes>;
  async readAll(...given: unknown[]): Promise<Bytes> {
    return asBuffer(await readToEnd(await this.read(...(given as [number]))));
  }

  /** With one argument it is the encoding; with two, the path and the encoding. */
  text(encoding?: Optional<string>): Promise<string>;
  text(path: string, encoding: Optional<string>): Promise<string>;
  async text(...given: Optional<string>[]): Promise<string> {
    const node = given.length > 1 ? this.#at(given[0]) : this;
    const decoder = decoderOf(given.at(-1) ?? 'utf-8');
    return decoder.decode(await node.readAll());
  }

  /** Data null opens the file and closes it again. */
  write(data: WriteData, options?: Optional<WriteOpts>): Promise<Directory>;
  write(path: string, data: WriteData, options?: Optional<WriteOpts>): Promise<Directory>;
  async write(...given: unknown[]): Promise<Directory> {
    const [first, second] = given;
    const hasPath = typeof first === 'string' && (isWriteData(second) || (second === null && given.length > 1));
    const node = hasPath ? this.walk(first) : this;
    const [data, options] = (hasPath ? given.slice(1) : given) as [WriteData | undefined, Optional<WriteOpts>];
    const { encoding, flags = 'w+', ...rest } = options ?? {};
    if (!writeFlags.includes(flags)) throw new FsError(400, `There are no flags “${String(flags)}” to write with.`);
    offset(rest.start);
    const pieces = toPieces(data ?? null, encoding ?? 'utf8');
    await node.#backing.write(node.path, pieces, { flags, ...rest });
    return node;
  }

  /** As `mv`: into `destination` if that is a folder, else to that name; relative to the parent. Makes missing folders. */
  async move(destination: string, options?: Optional<MoveOptions>): Promise<Directory> {
    const target = this.parent.walk(destination);
    target.#inside();
    return this.root.walk(await this.#backing.move(this.path, target.path, options ?? {}));
  }

  /** With all that is in it. What is not there is deleted. */
  async delete(path?: Optional<string>): Promise<Directory> {
    const node = this.#at(path);
    await node.#backing.delete(node.path);
    return node;
  }

  /** With the folders above it. One that is there is fine. */
  async makeDir(path?: Optional<string>): Promise<Directory> {
    const node = this.#at(path);
    await node.#backing.makeDir(node.path);
    return node;
  }

  /** Sets the modification time to now, or makes an empty file. */
  async touch(path?: Optional<string>): Promise<Directory> {
    const node = this.#at(path);
    await node.#backing.touch(node.path);
    return node;
  }

  /** sub(listener, opts?), sub(paths, listener, opts?) or sub(events, paths, listener, opts?): chokidar's events. */
  sub(...given: SubArguments): () => void {
    this.#inside();
    const { listener, accepts, paths, ...options } = prepareSub(given);
    const below = paths.map(path => this.walk(path));
    for (const node of below) node.#inside();
    const tell = this.#teller(listener, accepts);
    // Paths may lead above this node (`../b`), which the wire does not have: then from the root.
    const prefix = this.path === '' ? '' : `${this.path}/`;
    const beneath = below.every(node => node.path === this.path || node.path.startsWith(prefix));
    const from = beneath ? this.path : '';
    const relative = below.map(node => (from === '' ? node.path : node.path.slice(from.length + 1)));
    return this.#tree.backing.sub(from, { ...options, paths: relative }, tell);
  }

  async canRead(): Promise<boolean> {
    return Promise.resolve(!isOutside(this.path));
  }

  async canReadAll(): Promise<boolean> {
    return this.canRead();
  }

  /** False below `.owndir`, outside the folder, and where the folder as a whole cannot be written. */
  async canWrite(): Promise<boolean> {
    return (await this.canRead()) && this.#tree.backing.writable && !isCode(this.path);
  }

  async canWriteAll(): Promise<boolean> {
    return this.canWrite();
  }

  /** The backing, for operations on this node, which must be inside. */
  get #backing(): Backing {
    this.#inside();
    return this.#tree.backing;
  }

  #inside(): void {
    if (isOutside(this.path)) throw outOfBounds();
    checkPath(this.path);
  }

  #at(path: Optional<string>): Directory {
    return path === undefined || path === null || path === '' ? this : this.walk(path);
  }

  #leadingPath(given: unknown[]): [node: Directory, rest: unknown[]] {
    return typeof given[0] === 'string' ? [this.walk(given[0]), given.slice(1)] : [this, given];
  }

  #child(entry: Entry): Directory {
    return new Directory(this.#tree, this.path === '' ? entry.name : `${this.path}/${entry.name}`);
  }

  async #childrenWhere(wanted: (info: Info) => boolean): Promise<Directory[]> {
    const entries = await this.#backing.children(this.path, { info: true });
    return entries.filter(({ info }) => info && wanted(info)).map(entry => this.#child(entry));
  }

  #teller(listener: SubListener, accepts: (event: string, path: string) => boolean): Parameters<Backing['sub']>[2] {
    return told => {
      const path = 'path' in told ? told.path : this.path;
      if (!accepts(told.event, path)) {
        // Nobody hears it: it must not pass in silence.
        if (told.event === 'error' && told.final) reportFault(told.error);
        return;
      }
      const node = 'path' in told ? new Directory(this.#tree, path) : this;
      const detail = told.event === 'error' ? told.error : 'info' in told ? told.info : undefined;
      try {
        listener(told.event, node, detail);
      } catch (error) {
        reportFault(error);
      }
    };
  }
}

function resolveAbsolute(root: string, path: string): string {
  const above = root === '/' ? '' : root;
  if (!isOutside(path)) return path === '' ? root || '/' : `${above}/${path}`;
  return `/${resolvePath(above.slice(1), path).replace(/^(\.\.\/)+/, '')}`;
}

function offset(value: unknown): number | undefined {
  if (value === undefined || value === null || value === Infinity) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new FsError(400, 'Offsets are whole numbers from 0.');
}
