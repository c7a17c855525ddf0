import type { Message, Transport } from '../transport.ts';

/** One end of a connection in memory: messages arrive later and in order. */
export class MemoryTransport implements Transport {
  onmessage: Transport['onmessage'] = null;
  onclose: Transport['onclose'] = null;
  /** Every message that this end sent. */
  readonly sent: Message[] = [];
  /** Messages are held back while this is true. */
  #paused = false;
  #queue: Message[] = [];
  #other: MemoryTransport | null = null;
  #closed = false;

  static pair(): [MemoryTransport, MemoryTransport] {
    const [left, right] = [new MemoryTransport(), new MemoryTransport()];
    left.#other = right;
    right.#other = left;
    return [left, right];
  }

  send(message: Message): void {
    if (this.#closed) return;
    this.sent.push(message);
    const copy = typeof message === 'string' ? message : message.slice();
    const other = this.#other;
    queueMicrotask(() => {
      if (other) other.#receive(copy);
    });
  }

  pause(paused: boolean): void {
    this.#paused = paused;
    if (!paused) for (const message of this.#queue.splice(0)) this.#receive(message);
  }

  close(reason = 'closed'): void {
    if (this.#closed) return;
    this.#closed = true;
    queueMicrotask(() => {
      this.onclose?.(reason);
      this.#other?.close('the other end closed');
    });
  }

  #receive(message: Message): void {
    if (this.#closed) return;
    if (this.#paused || !this.onmessage) this.#queue.push(message);
    else this.onmessage(message);
  }
}
