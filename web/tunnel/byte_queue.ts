import type { Bytes } from '../base/bytes.ts';

const small = 1024;
const tailSize = 16 * 1024;

/** Pieces that wait for a reader. Small ones are joined, so that a flood of one-byte pieces costs no more than its bytes. */
export class ByteQueue {
  #pieces: Bytes[] = [];
  #tail: Bytes | null = null;
  #tailEnd = 0;

  push(piece: Bytes): void {
    if (this.#pieces.length === 0 || piece.length >= small) {
      this.#pieces.push(piece);
      this.#tail = null;
      return;
    }
    if (!this.#tail || this.#tailEnd + piece.length > this.#tail.length) {
      this.#tail = new Uint8Array(tailSize);
      this.#tailEnd = 0;
      this.#pieces.push(this.#tail.subarray(0, 0));
    }
    this.#tail.set(piece, this.#tailEnd);
    this.#tailEnd += piece.length;
    this.#pieces[this.#pieces.length - 1] = this.#tail.subarray(0, this.#tailEnd);
  }

  shift(): Bytes | undefined {
    const piece = this.#pieces.shift();
    // Whoever has it owns it: nothing more is written behind it.
    if (this.#pieces.length === 0) this.#tail = null;
    return piece;
  }

  clear(): void {
    this.#pieces = [];
    this.#tail = null;
  }
}
