import { tunnelLimits } from '../generated/protocol.ts';
import type { Bytes } from '../base/bytes.ts';
import type { MessageChannel } from './channel.ts';
import { headerSize, writeDataFrame, writeMessageFrame, type MessagePiece } from './frames.ts';

export interface Piece {
  payload: Uint8Array;
  /** The source has nothing after it. */
  end: boolean;
  /** Of a WebSocket's message, not of a body. */
  message?: MessagePiece;
}

/** Something with a body, or messages, to send. */
export interface DataSource {
  readonly id: number;
  /** The next piece, at most `limit` bytes; null when there is none now (it calls `ready` again when there is). */
  nextPiece(limit: number): Piece | null;
}

// A browser takes 16 MiB for all channels of a peer and throws beyond; this leaves the kernel something to do meanwhile.
const highWater = 1024 * 1024;
const lowWater = 256 * 1024;

/**
 * What goes out on one channel: frames without body bytes first and in order, then the bodies in turn, one frame each.
 * Holds back while the channel's buffer is full or it is not open yet.
 */
export class ChannelSender {
  readonly channel: MessageChannel;
  readonly #urgent: Bytes[] = [];
  readonly #turns: DataSource[] = [];
  readonly #onFault: (error: unknown) => void;
  #scratch: Bytes = new Uint8Array();
  #sending = false;
  /** Body bytes in one frame, from the other end's hello. */
  pieceLimit: number = 16 * 1024;
  bodyBytes = 0;

  /** `onFault`: the channel refused a message, the connection is over. */
  constructor(channel: MessageChannel, onFault: (error: unknown) => void) {
    this.channel = channel;
    this.#onFault = onFault;
    channel.bufferedAmountLowThreshold = lowWater;
  }

  /** Frames that wait because the channel is full or closed. */
  get waiting(): number {
    return this.#urgent.length;
  }

  send(frame: Bytes): void {
    this.#urgent.push(frame);
    this.flush();
  }

  /** The source has something to send now. */
  ready(source: DataSource): void {
    if (!this.#turns.includes(source)) this.#turns.push(source);
    this.flush();
  }

  /** Sends as much as the channel takes. Called when it opens and when its buffer has drained. */
  flush(): void {
    // A source may call `ready` while it is asked for a piece.
    if (this.#sending) return;
    this.#sending = true;
    try {
      while (this.channel.open && this.channel.bufferedAmount < highWater && this.#sendOne());
    } catch (error) {
      this.#onFault(error);
    } finally {
      this.#sending = false;
    }
  }

  #sendOne(): boolean {
    const frame = this.#urgent.shift();
    if (frame) {
      this.channel.send(frame);
      return true;
    }
    const source = this.#turns.shift();
    if (!source) return false;
    const piece = source.nextPiece(this.pieceLimit);
    if (!piece) return true;
    if (!piece.end) this.#turns.push(source);
    const size = headerSize + piece.payload.length;
    if (this.#scratch.length < size) this.#scratch = new Uint8Array(Math.min(2 * size, tunnelLimits.maxFrame));
    const { payload, message } = piece;
    this.channel.send(
      message
        ? writeMessageFrame(this.#scratch, source.id, payload, message)
        : writeDataFrame(this.#scratch, source.id, payload, piece.end),
    );
    this.bodyBytes += piece.payload.length;
    return true;
  }
}
