// A folder that is read from disk while there is no connection and from the server while there is one.
import { Emitter } from '../base/emitter.ts';
import { sleep } from '../base/time.ts';
import { CarriedSub, subKey } from './carried_sub.ts';
import { asFsError, ConnectionLost, FsError, throwIfAborted } from './error.ts';
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

/** `live` is preferred to `disk`. */
export type Mode = 'none' | 'disk' | 'live';

export interface SwitchingOptions {
  /** Milliseconds that an operation waits for a backing while there is none; 0 by default. */
  waitMs?: number;
}

/**
 * Looks (info, children, a read that has not begun) that the live connection took down with it are repeated on what is
 * there then. A write, or a stream that has begun, fails with ConnectionLost: nobody knows how far it came. Open subs are
 * carried over, and told what is different in the other copy. Backings that are set here are not closed by a switch.
 */
export class SwitchingBacking implements Backing {
  readonly root = '';
  readonly closed: Promise<void>;
  readonly #waitMs: number;
  readonly #modes = new Emitter<Mode>();
  readonly #subs = new Map<string, CarriedSub>();
  #disk: Backing | null = null;
  #live: Backing | null = null;
  #mode: Mode = 'none';
  #name = '';
  #isClosed = false;
  #close: () => void = () => undefined;

  constructor(options: SwitchingOptions = {}) {
    this.#waitMs = options.waitMs ?? 0;
    this.closed = new Promise(resolve => (this.#close = resolve));
  }

  get mode(): Mode {
    return this.#mode;
  }

  get disk(): Backing | null {
    return this.#disk;
  }

  get live(): Backing | null {
    return this.#live;
  }

  /** Of the folder, as the backing that was there last knew it. */
  get name(): string {
    return this.#name;
  }

  get writable(): boolean {
    return this.#current?.writable ?? false;
  }

  /** Called after each change of the mode; returns what ends it. */
  on(event: 'mode', listener: (mode: Mode) => void): () => void {
    if (event !== 'mode') throw new FsError(400, `There is no event “${String(event)}”.`);
    return this.#modes.on(listener);
  }

  setDisk(backing: Backing | null): void {
    this.#set(() => (this.#disk = backing));
    this.#watchEnd(backing);
  }

  /** A RemoteBacking that is ready. It leaves by itself when its connection ends. */
  setLive(backing: Backing | null): void {
    this.#set(() => (this.#live = backing));
    this.#watchEnd(backing);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const sub of this.#subs.values()) sub.attach(null);
    this.#subs.clear();
    this.#set(() => (this.#disk = this.#live = null));
    this.#close();
  }

  info(path: string, options: CallOptions = {}): Promise<Info | null> {
    return this.#look(options, backing => backing.info(path, options));
  }

  children(path: string, options: CallOptions & { info?: boolean } = {}): Promise<Entry[]> {
    return this.#look(options, backing => backing.children(path, options));
  }

  read(path: string, options: ReadOptions = {}): Promise<OpenRead> {
    return this.#look(options, backing => backing.read(path, options));
  }

  write(path: string, data: Pieces, options: WriteOptions): Promise<Info> {
    return this.#act(options, backing => backing.write(path, data, options));
  }

  move(path: string, to: string, options: MoveOptions = {}): Promise<string> {
    return this.#act(options, backing => backing.move(path, to, options));
  }

  delete(path: string, options: CallOptions = {}): Promise<void> {
    return this.#act(options, backing => backing.delete(path, options));
  }

  makeDir(path: string, options: CallOptions = {}): Promise<void> {
    return this.#act(options, backing => backing.makeDir(path, options));
  }

  touch(path: string, options: CallOptions = {}): Promise<void> {
    return this.#act(options, backing => backing.touch(path, options));
  }

  upload(path: string, source: UploadSource, options: UploadOptions): Promise<Info> {
    return this.#act(options, backing => {
      if (backing.upload) return backing.upload(path, source, options);
      const pieces: Pieces = {
        size: options.size,
        [Symbol.asyncIterator]: () => source.from(0)[Symbol.asyncIterator](),
      };
      return backing.write(path, pieces, { flags: options.overwrite === false ? 'wx' : 'w', signal: options.signal });
    });
  }

  sub(path: string, options: SubOptions, listener: (told: Told) => void): () => void {
    const key = subKey(path, options);
    const existing = this.#subs.get(key);
    const carried = existing ?? new CarriedSub(path, options);
    const off = carried.listen(listener, options.ignoreInitial === true);
    if (!existing) {
      this.#subs.set(key, carried);
      carried.attach(this.#current);
    }
    return () => {
      off();
      if (!carried.empty || this.#subs.get(key) !== carried) return;
      this.#subs.delete(key);
      carried.attach(null);
    };
  }

  /** Resolves when the mode is one of these; rejects when it takes longer than `ms`. */
  async whenMode(modes: readonly Mode[], ms: number, signal?: AbortSignal): Promise<void> {
    if (modes.includes(this.#mode)) return;
    const stop = new AbortController();
    const abort = () => stop.abort(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    const off = this.on('mode', mode => modes.includes(mode) && stop.abort('there'));
    try {
      throwIfAborted(signal);
      await sleep(ms, stop.signal);
    } catch (error) {
      throwIfAborted(signal);
      if (modes.includes(this.#mode)) return;
      throw asFsError(error);
    } finally {
      off();
      signal?.removeEventListener('abort', abort);
    }
    throw this.#nothing();
  }

  get #current(): Backing | null {
    return this.#live ?? this.#disk;
  }

  #nothing(): ConnectionLost {
    return new ConnectionLost(
      'There is neither a connection to the folder nor a copy of it at hand. Connect, or open the folder on this device.',
    );
  }

  #watchEnd(backing: Backing | null): void {
    void backing?.closed.then(() => this.#drop(backing));
  }

  #drop(backing: Backing): void {
    if (this.#live === backing) this.setLive(null);
    if (this.#disk === backing) this.setDisk(null);
  }

  #set(change: () => void): void {
    const before = this.#current;
    change();
    const now = this.#current;
    if (now && now.name !== '') this.#name = now.name;
    if (now !== before) for (const sub of this.#subs.values()) sub.attach(now);
    const mode = this.#live ? 'live' : this.#disk ? 'disk' : 'none';
    if (mode === this.#mode) return;
    this.#mode = mode;
    this.#modes.emit(mode);
  }

  async #backing(signal: AbortSignal | undefined): Promise<Backing> {
    if (!this.#current && this.#waitMs > 0 && !this.#isClosed)
      await this.whenMode(['disk', 'live'], this.#waitMs, signal);
    const backing = this.#current;
    if (!backing) throw this.#nothing();
    return backing;
  }

  /** An operation that changes nothing, and so can be repeated. */
  async #look<Value>({ signal }: CallOptions, run: (backing: Backing) => Promise<Value>): Promise<Value> {
    for (let attempt = 1; ; attempt++) {
      const backing = await this.#backing(signal);
      try {
        return await run(backing);
      } catch (error) {
        if (!(error instanceof ConnectionLost) || attempt >= 3) throw error;
        this.#drop(backing);
      }
    }
  }

  async #act<Value>({ signal }: CallOptions, run: (backing: Backing) => Promise<Value>): Promise<Value> {
    const backing = await this.#backing(signal);
    try {
      return await run(backing);
    } catch (error) {
      if (error instanceof ConnectionLost) this.#drop(backing);
      throw error;
    }
  }
}
