// The folder at the other end of a connection.
import { Deferred } from '../base/deferred.ts';
import { reportFault } from '../base/emitter.ts';
import { Connection, type CallHandlers, type ConnectionOptions } from './connection.ts';
import { cancelled, FsError, throwIfAborted } from './error.ts';
import { fsnodeLimits } from './limits.ts';
import { encodePath } from './path.ts';
import { readRemote } from './remote_read.ts';
import { uploadRemote, writeRemote } from './remote_write.ts';
import { malformed, parseEvents, parseInfo, parseMoved, parsePart } from './wire.ts';
import type { Transport } from './transport.ts';
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
} from './types.ts';

/** `connection.ts` says what happens to calls beyond the limits (they wait) and when the connection ends (503). */
export class RemoteBacking implements Backing {
  readonly #connection: Connection;
  readonly #ready: Promise<void>;
  #name = '';
  #root = '';
  #writable = false;
  #closedHere = false;

  constructor(transport: Transport, options: ConnectionOptions = {}) {
    this.#connection = new Connection(transport, options);
    this.#ready = this.#connection.hello.then(hello => {
      this.#name = hello.name;
      this.#root = hello.root;
      this.#writable = hello.writable;
    });
    this.#ready.catch(() => undefined);
  }

  /** The server has greeted: name, root and writable are known. Rejects when the connection ends before. */
  get ready(): Promise<void> {
    return this.#ready;
  }

  get closed(): Promise<void> {
    return this.#connection.closed;
  }

  get name(): string {
    return this.#name;
  }

  get root(): string {
    return this.#root;
  }

  get writable(): boolean {
    return this.#writable;
  }

  async info(path: string, options: CallOptions = {}): Promise<Info | null> {
    const info = parseInfo(await this.#ask({ op: 'info', path: encodePath(path) }, options));
    if (info === undefined) throw malformed();
    return info;
  }

  async children(path: string, options: CallOptions & { info?: boolean } = {}): Promise<Entry[]> {
    const all: Entry[] = [];
    const request = { op: 'children', path: encodePath(path), info: options.info === true };
    const count = await this.#ask(request, options, {
      part: (value, fail) => {
        const entries = parsePart(value);
        if (!entries || all.length + entries.length > fsnodeLimits.children) return fail(malformed());
        for (const entry of entries) all.push(entry);
      },
    });
    if (count !== all.length) throw malformed();
    return all;
  }

  async read(path: string, options: ReadOptions = {}): Promise<OpenRead> {
    return readRemote(this.#connection, path, options);
  }

  async write(path: string, data: Pieces, options: WriteOptions): Promise<Info> {
    return writeRemote(this.#connection, path, data, options);
  }

  async upload(path: string, source: UploadSource, options: UploadOptions): Promise<Info> {
    return uploadRemote(this.#connection, path, source, options);
  }

  async move(path: string, to: string, options: MoveOptions = {}): Promise<string> {
    const request = { op: 'move', path: encodePath(path), to: encodePath(to), overwrite: options.overwrite };
    const moved = parseMoved(await this.#ask(request, options));
    if (moved === null) throw malformed();
    return moved;
  }

  async delete(path: string, options: CallOptions = {}): Promise<void> {
    await this.#ask({ op: 'delete', path: encodePath(path) }, options);
  }

  async makeDir(path: string, options: CallOptions = {}): Promise<void> {
    await this.#ask({ op: 'makeDir', path: encodePath(path) }, options);
  }

  async touch(path: string, options: CallOptions = {}): Promise<void> {
    await this.#ask({ op: 'touch', path: encodePath(path) }, options);
  }

  sub(path: string, options: SubOptions, listener: (told: Told) => void): () => void {
    if (options.paths.length > fsnodeLimits.subPaths)
      throw new FsError(413, `One sub watches at most ${fsnodeLimits.subPaths} paths.`);
    const { events, ignoreInitial, depth } = options;
    const paths = options.paths.map(encodePath);
    let over = false;
    const tell = (told: Told) => {
      if (over || this.#closedHere) return;
      try {
        listener(told);
      } catch (error) {
        reportFault(error);
      }
    };
    const end = (error: FsError) => {
      tell({ event: 'error', error, final: true });
      over = true;
    };
    const call = this.#connection.call(
      'sub',
      { op: 'sub', path: encodePath(path), paths, events, ignoreInitial, depth },
      {
        events: value => {
          const all = parseEvents(value);
          if (all) for (const told of all) tell(told);
          else queueMicrotask(() => call.cancel(malformed()));
        },
        done: outcome => {
          const error = outcome instanceof FsError ? outcome : new FsError(500, 'The server stopped watching.');
          // The listener is not called before sub has returned.
          queueMicrotask(() => end(error));
        },
      },
    );
    return () => {
      if (over) return;
      over = true;
      call.cancel();
    };
  }

  close(): void {
    this.#closedHere = true;
    this.#connection.close();
  }

  /** A call with one answer. */
  async #ask(
    request: Record<string, unknown> & { op: string },
    { signal }: CallOptions,
    more: { part?: (value: unknown, fail: (error: FsError) => void) => void } = {},
  ): Promise<unknown> {
    throwIfAborted(signal);
    const answer = new Deferred<unknown>();
    const handlers: CallHandlers = {
      done: outcome => (outcome instanceof FsError ? answer.reject(outcome) : answer.resolve(outcome.ok)),
    };
    if (more.part) handlers.part = value => more.part?.(value, error => call.cancel(error));
    const call = this.#connection.call('short', request, handlers);
    const abort = () => call.cancel(cancelled(signal?.reason));
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return await answer.promise;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }
}
