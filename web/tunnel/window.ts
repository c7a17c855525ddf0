import { tunnelLimits } from '../generated/protocol.ts';

/** Body bytes buffered or promised by credit, over all exchanges of a connection. */
export class ReceiveBudget {
  readonly limit: number;
  used = 0;
  /** Of WebSocket messages that are not whole yet. */
  assembling = 0;

  constructor(limit: number = tunnelLimits.receiveBudget) {
    this.limit = limit;
  }
}

/**
 * The credit of one exchange's response body: what the other end may still send, what waits for the reader, and how much
 * to promise next. A reader that keeps up gets a window that doubles up to the limit, within the connection's budget; one
 * that stalls keeps the other end at what is outstanding.
 */
export class ReceiveWindow {
  readonly #budget: ReceiveBudget;
  readonly #initial: number;
  readonly #max: number;
  #size: number;
  #outstanding: number;
  #buffered = 0;
  #released = false;

  constructor(budget: ReceiveBudget, initial: number, max: number = tunnelLimits.maxCredit) {
    this.#budget = budget;
    this.#initial = initial;
    this.#size = initial;
    this.#max = Math.max(initial, max);
    this.#outstanding = initial;
    budget.used += initial;
  }

  get buffered(): number {
    return this.#buffered;
  }
  get size(): number {
    return this.#size;
  }

  /** False when the other end sent more than it may. */
  received(bytes: number): boolean {
    if (bytes > this.#outstanding) return false;
    this.#outstanding -= bytes;
    this.#buffered += bytes;
    return true;
  }

  /** The reader took bytes. Returns the credit to send now, 0 when none is due; `remaining` is what is still to come at most. */
  consumed(bytes: number, remaining: number): number {
    this.#buffered -= bytes;
    this.#budget.used -= bytes;
    if (this.#released || remaining <= this.#outstanding) return 0;
    const held = this.#outstanding + this.#buffered;
    if (this.#size - held < this.#size / 4) return 0;
    // Nearly everything that came has been read: what limits the transfer is the window.
    if (this.#buffered <= this.#size / 8) this.#size = Math.min(this.#size * 2, this.#max);
    // The initial credit is always given back, so that no exchange starves; only growth stops at the budget.
    const room = Math.max(0, this.#budget.limit - this.#budget.used, this.#initial - held);
    const grant = Math.min(this.#size - held, room, remaining - this.#outstanding);
    this.#outstanding += grant;
    this.#budget.used += grant;
    return grant;
  }

  /** Nothing more will come; what is buffered stays counted until it is consumed. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#budget.used -= this.#outstanding;
    this.#outstanding = 0;
  }

  /** The buffered bytes were thrown away. */
  discard(): void {
    this.#budget.used -= this.#buffered;
    this.#buffered = 0;
  }
}
