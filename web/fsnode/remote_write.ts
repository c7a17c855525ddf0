import type { Bytes } from '../base/bytes.ts';
import { Deferred } from '../base/deferred.ts';
import type { Call, CallHandlers, Connection } from './connection.ts';
import { cut } from './data.ts';
import { asFsError, cancelled, FsError, throwIfAborted } from './error.ts';
import { encodePath } from './path.ts';
import { malformed, parseCredit, parseInfo, parseOffset } from './wire.ts';
import type { Info, Pieces, UploadOptions, UploadSource, WriteOptions } from './types.ts';

/** What the server lets us send. */
class Credit {
  #bytes = 0;
  #more: Deferred<void> | null = null;
  #over = false;

  add(bytes: number): void {
    this.#bytes += bytes;
    this.#wake();
  }

  end(): void {
    this.#over = true;
    this.#wake();
  }

  /** At most `wanted` bytes, at least one; 0 when the call is over. */
  async take(wanted: number): Promise<number> {
    while (this.#bytes === 0 && !this.#over) {
      this.#more = new Deferred<void>();
      await this.#more.promise;
    }
    if (this.#over) return 0;
    const taken = Math.min(wanted, this.#bytes);
    this.#bytes -= taken;
    return taken;
  }

  #wake(): void {
    this.#more?.resolve();
    this.#more = null;
  }
}

/** Sends data into a call as its credit allows. What the source throws, and what the server answers, ends both. */
abstract class Sending {
  readonly credit = new Credit();
  readonly result = new Deferred<Info>();
  readonly #stopListening: () => void;
  call: Call | null = null;

  constructor(signal: AbortSignal | undefined) {
    const abort = () => this.call?.cancel(cancelled(signal?.reason));
    signal?.addEventListener('abort', abort, { once: true });
    this.#stopListening = () => signal?.removeEventListener('abort', abort);
  }

  get handlers(): CallHandlers {
    return {
      credit: value => this.#allow(parseCredit(value)),
      head: value => this.onHead(value),
      done: outcome => this.#finish(outcome),
    };
  }

  protected onHead(value: unknown): void {
    void value;
  }

  protected abstract onFirstCredit(): void;

  #allowed = false;

  #allow(bytes: number | null): void {
    if (bytes === null) return this.fail(malformed());
    this.credit.add(bytes);
    if (this.#allowed) return;
    this.#allowed = true;
    this.onFirstCredit();
  }

  /** Sends all of it; `sent` is told the size of each piece. */
  protected async pump(pieces: AsyncIterable<Bytes>, sent: (bytes: number) => void): Promise<boolean> {
    for await (const piece of cut(pieces)) {
      for (let rest = piece; rest.length > 0;) {
        const size = await this.credit.take(rest.length);
        if (size === 0) return false;
        await this.call?.sendData(rest.subarray(0, size));
        sent(size);
        rest = rest.subarray(size);
      }
    }
    return !(this.call?.over ?? true);
  }

  protected fail(error: unknown): void {
    this.call?.cancel(asFsError(error));
  }

  #finish(outcome: { ok: unknown } | FsError): void {
    this.#stopListening();
    this.credit.end();
    if (outcome instanceof FsError) return this.result.reject(outcome);
    const info = parseInfo(outcome.ok);
    if (info) this.result.resolve(info);
    else this.result.reject(malformed());
  }
}

class Writing extends Sending {
  readonly #data: Pieces;

  constructor(data: Pieces, signal: AbortSignal | undefined) {
    super(signal);
    this.#data = data;
  }

  protected override onFirstCredit(): void {
    this.pump(this.#data, () => undefined).then(
      whole => whole && this.call?.send({ end: true }),
      (error: unknown) => this.fail(error),
    );
  }
}

class Uploading extends Sending {
  readonly #source: UploadSource;
  #offset: number | null = null;

  constructor(source: UploadSource, signal: AbortSignal | undefined) {
    super(signal);
    this.#source = source;
  }

  protected override onHead(value: unknown): void {
    this.#offset = parseOffset(value);
  }

  protected override onFirstCredit(): void {
    if (this.#offset === null) return this.fail(malformed());
    this.#run(this.#offset).catch((error: unknown) => this.fail(error));
  }

  async #run(offset: number): Promise<void> {
    let sent = offset;
    this.#source.progress(sent);
    const tell = (bytes: number) => this.#source.progress((sent += bytes));
    if (!(await this.pump(this.#source.from(offset), tell))) return;
    this.call?.send({ end: true, sha256: await this.#source.digest() });
  }
}

async function run(sending: Sending, connection: Connection, request: Record<string, unknown> & { op: string }) {
  sending.call = connection.call('stream', request, sending.handlers);
  return sending.result.promise;
}

export async function writeRemote(connection: Connection, path: string, data: Pieces, options: WriteOptions) {
  const { flags, start, mode, overwrite, signal } = options;
  throwIfAborted(signal);
  const request = { op: 'write', path: encodePath(path), flags, start, mode, overwrite, size: data.size };
  return run(new Writing(data, signal), connection, request);
}

export async function uploadRemote(connection: Connection, path: string, source: UploadSource, options: UploadOptions) {
  const { upload, size, overwrite, signal } = options;
  throwIfAborted(signal);
  const request = { op: 'upload', path: encodePath(path), upload, size, overwrite };
  return run(new Uploading(source, signal), connection, request);
}
