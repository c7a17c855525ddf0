// Reading a file from a source, taken up again where it broke off as long as the file is still the same version.

import { concat } from '../base/bytes.ts';
import { SourceError, type Opened, type Source } from './source.ts';

export interface Progress {
  readonly done: number;
  readonly total: number | null;
}

const kBreaks = 5;

export class SourceReader {
  readonly #source: Source;
  readonly #path: string;
  readonly #signal: AbortSignal;
  mime = '';
  size: number | null = null;
  #version: string | null = null;
  #at = 0;
  readonly #end: number | null;

  /** `end`: only the first bytes are wanted. */
  constructor(source: Source, path: string, signal: AbortSignal, end: number | null = null) {
    this.#source = source;
    this.#path = path;
    this.#signal = signal;
    this.#end = end;
  }

  get done(): number {
    return this.#at;
  }

  /** The pieces in order. Throws a SourceError, or the signal's reason. */
  async *pieces(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for (let breaks = 0; ;) {
      const opened = await this.#open();
      const reader = opened.body.getReader();
      try {
        for (;;) {
          const { done, value } = await this.#read(reader);
          if (done) break;
          if (value.length > 0) breaks = 0;
          const piece = this.#end === null ? value : value.subarray(0, this.#end - this.#at);
          this.#at += piece.length;
          if (piece.length > 0) yield piece;
          if (this.#end !== null && this.#at >= this.#end) return;
        }
        if (this.size !== null && this.#end === null && this.#at < this.size) throw new Error('the file ended early');
        return;
      } catch (error) {
        if (this.#signal.aborted) throw error;
        breaks += 1;
        if (!this.#source.comesBack || breaks >= kBreaks)
          throw new SourceError('lost', 'The transfer broke off. What had come so far is not kept; try again.', error);
      } finally {
        void reader.cancel().catch(() => undefined);
      }
    }
  }

  async #open(): Promise<Opened> {
    const last = this.#end === null ? {} : { end: this.#end - 1 };
    const ranged = this.#at > 0 || this.#end !== null;
    const range = ranged ? { start: this.#at, version: this.#at > 0 ? this.#version : null, ...last } : null;
    const opened = await this.#source.open(this.#path, range, this.#signal);
    if (this.#at > 0 && (opened.start !== this.#at || opened.version !== this.#version)) {
      void opened.body.cancel().catch(() => undefined);
      throw new SourceError(
        'changed',
        'The file was changed at home while it was read. Start again for the new version.',
      );
    }
    this.mime = opened.mime;
    this.size = opened.size;
    this.#version = opened.version;
    return opened;
  }

  async #read(
    reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  ): Promise<ReadableStreamReadResult<Uint8Array<ArrayBuffer>>> {
    this.#signal.throwIfAborted();
    return reader.read();
  }
}

/** Joins small pieces: each write to disk is a round trip through the browser, whatever its size. */
export async function* inPieces(
  pieces: AsyncIterable<Uint8Array<ArrayBuffer>>,
  bytes: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let held: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const piece of pieces) {
    held.push(piece);
    size += piece.length;
    if (size < bytes) continue;
    yield concat(held);
    held = [];
    size = 0;
  }
  if (size > 0) yield concat(held);
}

export interface Collected {
  readonly blob: Blob;
  readonly complete: boolean;
  /** Size of the whole file. */
  readonly size: number | null;
}

/** Up to `limit` bytes of the file in memory; `cut`: what is larger is cut, else refused. */
export async function collect(
  source: Source,
  path: string,
  options: {
    limit: number;
    cut: boolean;
    mime: string;
    signal: AbortSignal;
    onProgress?: (progress: Progress) => void;
  },
): Promise<Collected> {
  const reader = new SourceReader(source, path, options.signal, options.cut ? options.limit : null);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of reader.pieces()) {
    pieces.push(piece);
    if (reader.done > options.limit)
      throw new SourceError('unreadable', 'The file is larger than what can be shown here.');
    const total = reader.size === null || !options.cut ? reader.size : Math.min(reader.size, options.limit);
    options.onProgress?.({ done: reader.done, total });
  }
  const complete = reader.size === null ? reader.done < options.limit : reader.done >= reader.size;
  return { blob: new Blob(pieces, { type: options.mime }), complete, size: reader.size };
}
