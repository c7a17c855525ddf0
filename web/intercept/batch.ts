import type { Bytes } from '../base/bytes.ts';

const size = 64 * 1024;
const waitMs = 4;

/**
 * Joins the pieces of a body on their way through a port, where a message costs many times the copy of its bytes. What comes
 * alone goes at once; what comes soon after waits for more, a moment at most. `stop` it in the end.
 */
export class Batch {
  readonly #send: (bytes: Bytes) => void;
  #buffer: Bytes | null = null;
  #filled = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sentAt = -Infinity;

  /** `send`: the bytes and what is behind them are given away. */
  constructor(send: (bytes: Bytes) => void) {
    this.#send = send;
  }

  add(piece: Bytes): void {
    if (this.#buffer && this.#filled + piece.length > size) this.flush();
    if (!this.#buffer) {
      const now = performance.now();
      if (piece.length >= size / 2 || now - this.#sentAt > waitMs) {
        this.#sentAt = now;
        return this.#send(piece);
      }
      this.#buffer = new Uint8Array(size);
      this.#timer = setTimeout(() => this.flush(), waitMs);
    }
    this.#buffer.set(piece, this.#filled);
    this.#filled += piece.length;
    if (this.#filled === size) this.flush();
  }

  flush(): void {
    const buffer = this.#buffer;
    if (!buffer) return;
    const filled = this.#filled;
    this.stop();
    this.#sentAt = performance.now();
    // A few bytes do not hold the whole buffer.
    this.#send(filled > size / 2 ? buffer.subarray(0, filled) : buffer.slice(0, filled));
  }

  /** Throws away what waits. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#buffer = null;
    this.#filled = 0;
  }
}
