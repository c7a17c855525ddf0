import type { Bytes } from '../base/bytes.ts';

export interface Info {
  isFile: boolean;
  isDirectory: boolean;
  isSymLink: boolean;
  /** Bytes; 0 for folders. */
  size: number;
  /** Milliseconds since 1970, possibly with a fraction; 0 where it cannot be known (folders of a directory handle). */
  mtime: number;
  ctime: number;
  mode: number;
  mime: string | null;
}

export interface Entry {
  name: string;
  /** Null when it was not asked for, or the entry vanished meanwhile. */
  info: Info | null;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

export interface ReadOptions extends CallOptions {
  /** First byte, 0 by default. */
  start?: number | undefined;
  /** Last byte, inclusive; the end of the file by default. */
  end?: number | undefined;
}

export interface ReadHead {
  /** Of the whole file. */
  size: number;
  mtime: number;
  start: number;
  /** Last byte that will come; start - 1 when none will. */
  end: number;
}

export interface OpenRead {
  head: ReadHead;
  /** Cancel it when you do not read it to its end: it holds a place of the connection. */
  stream: ReadableStream<Bytes>;
}

export const writeFlags = ['w', 'w+', 'wx', 'wx+', 'a', 'a+', 'ax', 'ax+', 'r+'] as const;
export type WriteFlags = (typeof writeFlags)[number];

export interface WriteOptions extends CallOptions {
  flags: WriteFlags;
  start?: number | undefined;
  /** Permission bits of a new file. */
  mode?: number | undefined;
  overwrite?: boolean | undefined;
}

/** What is to be written, in pieces of any size; `size` in bytes where it is known beforehand. */
export interface Pieces extends AsyncIterable<Bytes> {
  readonly size: number | undefined;
}

export interface MoveOptions extends CallOptions {
  overwrite?: boolean | undefined;
}

export const subEvents = ['add', 'addDir', 'change', 'unlink', 'unlinkDir', 'ready', 'raw', 'error', 'all'] as const;
export type SubEvent = (typeof subEvents)[number];

export interface SubOptions {
  /** Relative to the watched path; `['']` is itself. */
  paths: readonly string[];
  events: readonly SubEvent[];
  ignoreInitial?: boolean | undefined;
  depth?: number | undefined;
}

export type Change = 'add' | 'addDir' | 'change' | 'unlink' | 'unlinkDir';

/** Paths are whole ones, from the root. */
export type Told =
  | { event: Change; path: string; info: Info | null }
  | { event: 'raw'; path: string }
  | { event: 'ready' }
  /** `final`: nothing more will come. */
  | { event: 'error'; error: Error; final: boolean };

export interface UploadOptions extends CallOptions {
  /** 16 to 64 characters a–z 0–9, the same for the same content. */
  upload: string;
  size: number;
  overwrite?: boolean | undefined;
}

/** The sending side of an upload, which the backing drives. */
export interface UploadSource {
  /** The bytes from `offset` to the end. */
  from(offset: number): AsyncIterable<Bytes>;
  /** The SHA-256 of the whole in hexadecimal, once all was taken. */
  digest(): Promise<string>;
  /** How many bytes of the whole are on their way or there. */
  progress(bytes: number): void;
}

/**
 * Where a folder's nodes get their answers from. Paths are resolved and inside (path.ts). Every operation fails with an
 * FsError; ConnectionLost means that the outcome is not known.
 */
export interface Backing {
  /** The folder's name, "" as long as it is not known. */
  readonly name: string;
  /** The root's absolute path, "" where it is not to be known. */
  readonly root: string;
  readonly writable: boolean;
  /** Resolves when nothing can be had from it any more; never rejects. */
  readonly closed: Promise<void>;
  info(path: string, options?: CallOptions): Promise<Info | null>;
  /** Sorted by the names' bytes. */
  children(path: string, options?: CallOptions & { info?: boolean }): Promise<Entry[]>;
  read(path: string, options?: ReadOptions): Promise<OpenRead>;
  write(path: string, data: Pieces, options: WriteOptions): Promise<Info>;
  /** The path where it is now. */
  move(path: string, to: string, options?: MoveOptions): Promise<string>;
  delete(path: string, options?: CallOptions): Promise<void>;
  makeDir(path: string, options?: CallOptions): Promise<void>;
  touch(path: string, options?: CallOptions): Promise<void>;
  /** Returns the function that ends it; never calls the listener before it returns, nor after that function was called. */
  sub(path: string, options: SubOptions, listener: (told: Told) => void): () => void;
  /** Missing where there is no such thing: write then. */
  upload?(path: string, source: UploadSource, options: UploadOptions): Promise<Info>;
  close(): void;
}
