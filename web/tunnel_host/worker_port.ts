import type { Port } from '../intercept/port.ts';

/**
 * One end of a port between the page and its worker that goes over their own messages, which cost both threads less than those of
 * a MessagePort (docs/decisions/0011-the-tunnel-in-a-worker.md).
 */
export class WorkerPort implements Port {
  onmessage: Port['onmessage'] = null;
  readonly #post: (message: unknown, transfer: Transferable[]) => void;
  #onClose: (() => void) | null = null;
  #closed = false;

  constructor(post: (message: unknown, transfer: Transferable[]) => void) {
    this.#post = post;
  }

  postMessage(message: unknown, transfer: Transferable[] = []): void {
    if (!this.#closed) this.#post(message, transfer);
  }

  addEventListener(_type: 'close', listener: () => void): void {
    this.#onClose = listener;
  }

  close(): void {
    this.#closed = true;
  }

  /** From the other end. */
  receive(message: unknown): void {
    // No event of the browser's: making one costs more than the message.
    if (!this.#closed) this.onmessage?.({ data: message } as MessageEvent<unknown>);
  }

  /** The other end is closed. */
  end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose?.();
  }
}
