import type { DataSource } from './sender.ts';

export type BodySource = ReadableStream<Uint8Array> | Uint8Array;

export interface UploadActions {
  /** There is something to send now. */
  ready(): void;
  /** Waiting for credit began or ended. */
  stalled(waiting: boolean): void;
  /** The last piece is on its way. */
  ended(): void;
  /** The source failed, or did not give what content-length says. */
  failed(message: string, cause?: unknown): void;
}

const maxOutstanding = 0x7fffffff;

/** A request body on its way out: read one chunk ahead, sent as credit allows. */
export class Upload implements DataSource {
  readonly id: number;
  readonly #actions: UploadActions;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | null;
  readonly #length: number | null;
  #chunk: Uint8Array;
  #at = 0;
  #sent = 0;
  #credit: number;
  #sourceEnded: boolean;
  #state: 'running' | 'ended' | 'stopped' = 'running';

  /** `length`: what the request's content-length says. */
  constructor(id: number, body: BodySource, length: number | null, credit: number, actions: UploadActions) {
    this.id = id;
    this.#actions = actions;
    this.#length = length;
    this.#credit = credit;
    this.#reader = body instanceof Uint8Array ? null : body.getReader();
    this.#chunk = body instanceof Uint8Array ? body : new Uint8Array();
    this.#sourceEnded = body instanceof Uint8Array;
  }

  start(): void {
    if (this.#sourceEnded) this.#offer();
    else void this.#read();
  }

  /** False when the credit is more than the protocol allows. */
  addCredit(bytes: number): boolean {
    if (this.#state !== 'running') return true;
    this.#credit += bytes;
    if (this.#credit > maxOutstanding) return false;
    this.#offer();
    return true;
  }

  /** The body is no longer wanted: its source is cancelled. */
  stop(reason: unknown): void {
    if (this.#state !== 'running') return;
    this.#state = 'stopped';
    this.#actions.stalled(false);
    this.#chunk = new Uint8Array();
    this.#reader?.cancel(reason).catch(() => undefined);
  }

  nextPiece(limit: number): { payload: Uint8Array; end: boolean } | null {
    if (this.#state !== 'running') return null;
    const left = this.#chunk.length - this.#at;
    const size = Math.min(left, limit, this.#credit);
    if (size === 0 && !(left === 0 && this.#sourceEnded)) {
      if (left > 0) this.#actions.stalled(true);
      return null;
    }
    const payload = this.#chunk.subarray(this.#at, this.#at + size);
    this.#at += size;
    this.#credit -= size;
    this.#sent += size;
    if (this.#length !== null && (this.#sent > this.#length || (this.#drained && this.#sent < this.#length))) {
      this.#fail(`the request's body is not the ${this.#length} bytes of its content-length`);
      return null;
    }
    if (this.#drained) {
      this.#state = 'ended';
      this.#actions.ended();
      return { payload, end: true };
    }
    if (this.#at === this.#chunk.length) void this.#read();
    return { payload, end: false };
  }

  get #drained(): boolean {
    return this.#sourceEnded && this.#at === this.#chunk.length;
  }

  /** Takes a turn if there is something that credit allows. */
  #offer(): void {
    if (this.#state !== 'running') return;
    const left = this.#chunk.length - this.#at;
    if (left > 0 && this.#credit === 0) {
      this.#actions.stalled(true);
    } else if (left > 0 || this.#sourceEnded) {
      this.#actions.stalled(false);
      this.#actions.ready();
    }
  }

  async #read(): Promise<void> {
    const reader = this.#reader;
    if (!reader) return;
    try {
      for (;;) {
        const { done, value } = (await reader.read()) as { done: boolean; value?: unknown };
        if (this.#state !== 'running') return;
        if (done) {
          this.#sourceEnded = true;
        } else {
          if (!(value instanceof Uint8Array)) throw new TypeError('a request body gives Uint8Array chunks only');
          if (value.length === 0) continue;
          this.#chunk = value;
          this.#at = 0;
        }
        break;
      }
    } catch (error) {
      if (this.#state === 'running') this.#fail("the request's body could not be read", error);
      return;
    }
    this.#offer();
  }

  #fail(message: string, cause?: unknown): void {
    this.stop(cause);
    this.#actions.failed(message, cause);
  }
}
