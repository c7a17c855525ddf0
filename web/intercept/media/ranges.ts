// A file on the other side read in parts: Range requests over whatever `AskPart` is, each answer checked against the first, so that
// what is put together is one version of the file or an error. Goes on after a reset; holds at most `kLanes` answers open.
// Whoever makes it ends it with `close`.

import type { Bytes } from '../../base/bytes.ts';

export interface PartAnswer {
  readonly status: number;
  /** By a name in lower case. */
  field(name: string): string | null;
  readonly body: ReadableStream<Bytes> | null;
}

/** Asks for the file with these fields beside the usual ones. */
export type AskPart = (
  fields: readonly (readonly [name: string, value: string])[],
  signal: AbortSignal,
) => Promise<PartAnswer>;

export type MediaFailure =
  /** The app's answer is no file: 404 and the like. */
  | 'missing'
  /** Connection lost for too long, or an answer that is not what was asked for. */
  | 'network'
  /** Another version of the file than the one it began with. */
  | 'changed'
  /** Not a film or a sound that this browser plays. */
  | 'unplayable'
  /** Playable only as a whole, and too large for that. */
  | 'tooLarge';

export class MediaError extends Error {
  override readonly name = 'MediaError';
  readonly kind: MediaFailure;

  constructor(kind: MediaFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

export interface RangeTimes {
  /** Without a byte an answer counts as lost. */
  readonly silentMs: number;
  /** Before the next try, doubled each time. */
  readonly retryMs: number;
}

export const kLanes = 3;
const kTries = 6;
const kFirstPart = 512 * 1024;
const kLargestPart = 8 * 1024 * 1024;
/** Read over rather than asked for anew. */
const kSkip = 512 * 1024;
const usualTimes: RangeTimes = { silentMs: 30_000, retryMs: 250 };

interface Version {
  readonly size: number;
  readonly etag: string | null;
  readonly modified: string | null;
}

/** The server gives no parts: the whole answer, not yet read. */
export interface WholeAnswer {
  readonly type: string;
  readonly size: number | null;
  readonly body: ReadableStream<Bytes> | null;
}

/** One answer that is read from front to back. */
class Lane {
  readonly abort = new AbortController();
  position: number;
  /** Where the answer ends. */
  readonly end: number;
  readonly #reader: ReadableStreamDefaultReader<Bytes>;
  #rest: Bytes | null = null;
  busy = false;
  used = 0;
  /** Asked for when it goes on. */
  readonly part: number;

  constructor(position: number, end: number, part: number, body: ReadableStream<Bytes>) {
    this.position = position;
    this.end = end;
    this.part = part;
    this.#reader = body.getReader();
  }

  /** The next bytes, at most that many; null: it has ended. */
  async take(most: number, silentMs: number): Promise<Bytes | null> {
    let piece = this.#rest;
    this.#rest = null;
    while (!piece || piece.length === 0) {
      const { done, value } = await within(this.#reader.read(), silentMs);
      if (done) return null;
      piece = value;
    }
    const room = Math.min(most, this.end - this.position);
    if (piece.length > room) {
      this.#rest = piece.subarray(room);
      piece = piece.subarray(0, room);
    }
    this.position += piece.length;
    return piece;
  }

  close(): void {
    this.#rest = null;
    this.abort.abort(new DOMException('no longer needed', 'AbortError'));
    void this.#reader.cancel().catch(() => undefined);
  }
}

export class RangeFile {
  readonly #ask: AskPart;
  readonly #times: RangeTimes;
  readonly #life = new AbortController();
  #lanes: Lane[] = [];
  #version: Version | null = null;
  #type = '';
  #uses = 0;
  /** Aborted by `stop`; reads begun later have the next one. */
  #turn = new AbortController();

  constructor(ask: AskPart, times: RangeTimes = usualTimes) {
    this.#ask = ask;
    this.#times = times;
  }

  get size(): number {
    return this.#version?.size ?? 0;
  }

  /** The content type of the first answer. */
  get type(): string {
    return this.#type;
  }

  /** The first part; null when the file comes in parts. */
  async open(): Promise<WholeAnswer | null> {
    return this.#again(this.#life.signal, async signal => {
      const { answer, abort } = await this.#request(0, kFirstPart, signal);
      this.#type = answer.field('content-type') ?? '';
      if (answer.status === 206) {
        this.#lanes.push(this.#laneOf(answer, 0, kFirstPart, abort));
        return null;
      }
      if (answer.status === 200) {
        this.#life.signal.addEventListener('abort', () => abort.abort(), { once: true });
        return { type: this.#type, size: count(answer.field('content-length')), body: answer.body };
      }
      throw await refusal(answer);
    });
  }

  /** Exactly these bytes. Rejects with an AbortError after `stop` or `close`. */
  async read(start: number, end: number): Promise<Bytes> {
    if (start < 0 || end > this.size || end < start) throw new RangeError(`${start} to ${end} of ${this.size}`);
    const signal = AbortSignal.any([this.#life.signal, this.#turn.signal]);
    const bytes = new Uint8Array(end - start);
    let at = start;
    while (at < end) {
      const before = at;
      await this.#again(signal, async turn => {
        const lane = await this.#laneAt(at, turn);
        const stop = () => lane.close();
        turn.addEventListener('abort', stop, { once: true });
        lane.busy = true;
        try {
          at = await this.#fill(lane, bytes, start, at, turn);
        } finally {
          lane.busy = false;
          turn.removeEventListener('abort', stop);
        }
      });
      if (at === before && at < end) throw new MediaError('network', 'The answer has no bytes.');
    }
    return bytes;
  }

  /** Ends what is under way; later reads are as ever. */
  stop(): void {
    this.#turn.abort(new DOMException('no longer needed', 'AbortError'));
    this.#turn = new AbortController();
    this.rest();
  }

  /** Lets go of answers that nobody reads. */
  rest(): void {
    for (const lane of this.#lanes) if (!lane.busy) lane.close();
    this.#lanes = this.#lanes.filter(lane => lane.busy);
  }

  close(): void {
    this.#life.abort(new DOMException('closed', 'AbortError'));
    for (const lane of this.#lanes) lane.close();
    this.#lanes = [];
  }

  /** Reads on until the wanted bytes are there or the lane has ended; gives where it came to. */
  async #fill(lane: Lane, bytes: Bytes, start: number, from: number, turn: AbortSignal): Promise<number> {
    let at = from;
    const end = start + bytes.length;
    try {
      while (lane.position < lane.end && at < end) {
        const skip = Math.max(0, at - lane.position);
        const piece = await lane.take(skip > 0 ? skip : end - at, this.#times.silentMs);
        turn.throwIfAborted();
        if (!piece) throw new TypeError('The answer ended before its end.');
        if (skip > 0) continue;
        bytes.set(piece, at - start);
        at += piece.length;
      }
    } catch (error) {
      this.#drop(lane);
      if (turn.aborted) throw turn.reason;
      // What has come counts; the rest is asked for again.
      if (at === from) throw error;
    }
    return at;
  }

  #drop(lane: Lane): void {
    lane.close();
    this.#lanes = this.#lanes.filter(one => one !== lane);
  }

  /** One that comes by there soon, or a new one. */
  async #laneAt(at: number, signal: AbortSignal): Promise<Lane> {
    const near = this.#lanes.find(lane => !lane.busy && lane.position <= at && at - lane.position <= kSkip);
    if (near && near.position < near.end && at < near.end) {
      near.used = ++this.#uses;
      return near;
    }
    // Twice as much where one part is read after the other.
    const part = near ? Math.min(near.part * 2, kLargestPart) : kFirstPart;
    if (near) this.#drop(near);
    const idle = this.#lanes.filter(lane => !lane.busy).sort((a, b) => a.used - b.used);
    for (const lane of idle.slice(0, Math.max(0, this.#lanes.length + 1 - kLanes))) this.#drop(lane);
    const { answer, abort } = await this.#request(at, part, signal);
    if (answer.status !== 206) throw await this.#unexpected(answer);
    const lane = this.#laneOf(answer, at, part, abort);
    lane.used = ++this.#uses;
    this.#lanes.push(lane);
    return lane;
  }

  async #request(
    start: number,
    length: number,
    signal: AbortSignal,
  ): Promise<{ answer: PartAnswer; abort: AbortController }> {
    const last = start + length - 1;
    const size = this.#version?.size;
    const fields: [string, string][] = [
      ['range', `bytes=${start}-${size === undefined ? last : Math.min(last, size - 1)}`],
    ];
    const validator = this.#validator();
    if (validator !== null) fields.push(['if-range', validator]);
    const abort = new AbortController();
    const stop = () => abort.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    try {
      signal.throwIfAborted();
      const answer = await within(this.#ask(fields, abort.signal), this.#times.silentMs);
      return { answer, abort };
    } catch (error) {
      abort.abort();
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** A weak tag may not stand in If-Range (RFC 9110, 13.1.5). */
  #validator(): string | null {
    const { etag = null, modified = null } = this.#version ?? {};
    if (etag) return etag.startsWith('W/') ? null : etag;
    return modified || null;
  }

  /** Checks a 206 against what was asked for and what came before. */
  #laneOf(answer: PartAnswer, start: number, length: number, abort: AbortController): Lane {
    const refuse = (kind: MediaFailure, message: string) => {
      abort.abort();
      void answer.body?.cancel().catch(() => undefined);
      return new MediaError(kind, message);
    };
    const range = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(answer.field('content-range') ?? '');
    const [first, last, size] = (range?.slice(1) ?? []).map(Number);
    if (first === undefined || last === undefined || size === undefined || !answer.body)
      throw refuse('network', 'The answer does not say which part of the file it is.');
    if (first !== start || last < first || last >= size || last >= start + length)
      throw refuse('network', `Bytes ${start} to ${start + length - 1} were asked for; ${first} to ${last} came.`);
    const version: Version = { size, etag: answer.field('etag'), modified: answer.field('last-modified') };
    this.#version ??= version;
    const { size: oldSize, etag, modified } = this.#version;
    if (size !== oldSize || (etag ?? '') !== (version.etag ?? '') || (modified ?? '') !== (version.modified ?? ''))
      throw refuse('changed', 'The file has changed since it began to play.');
    const lane = new Lane(start, last + 1, length, answer.body);
    lane.abort.signal.addEventListener('abort', () => abort.abort(lane.abort.signal.reason), { once: true });
    return lane;
  }

  async #unexpected(answer: PartAnswer): Promise<Error> {
    if (answer.status !== 200) return refusal(answer, this.#version !== null);
    await answer.body?.cancel().catch(() => undefined);
    const same =
      (answer.field('etag') ?? '') === (this.#version?.etag ?? '') &&
      (answer.field('last-modified') ?? '') === (this.#version?.modified ?? '');
    return same
      ? new MediaError('network', 'The server has stopped giving parts of the file.')
      : new MediaError('changed', 'The file has changed since it began to play.');
  }

  /** Tries until it works, is of no use, or has failed too often in a row. */
  async #again<T>(signal: AbortSignal, action: (signal: AbortSignal) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      signal.throwIfAborted();
      try {
        return await action(signal);
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (error instanceof MediaError) throw error;
        if (tries >= kTries)
          throw new MediaError('network', `The file could not be read: ${(error as Error).message}`, { cause: error });
      }
      await pause(this.#times.retryMs * 2 ** (tries - 1), signal);
    }
  }
}

/** A plain error is worth another try. */
async function refusal(answer: PartAnswer, known = false): Promise<Error> {
  const { status } = answer;
  await answer.body?.cancel().catch(() => undefined);
  if (status === 416 && known) return new MediaError('changed', 'The file has become shorter since it began to play.');
  if (status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501))
    return new Error(`The server answered ${status}.`);
  return new MediaError('missing', `The server answered ${status}.`);
}

function count(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TypeError(`Nothing came for ${ms / 1000} seconds.`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const over = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', over);
      resolve();
    }, ms);
    signal.addEventListener('abort', over, { once: true });
  });
}
