// The server's end of the tunnel, as little of it as browser tests need: it answers each request from a function and
// heeds credit. Not the product: that server is C++.
import type { MessageChannel } from '../channel.ts';
import { decodeFrame, encodeFrame, writeDataFrame } from '../frames.ts';
import type { Field, RequestHead } from '../head.ts';

export interface MiniResponse {
  status: number;
  fields?: Field[];
  body: Uint8Array;
}

interface Sending {
  channel: MessageChannel;
  body: Uint8Array;
  at: number;
  credit: number;
}

interface Receiving {
  head: RequestHead;
  size: number;
  unreturned: number;
}

const piece = 16 * 1024;
const highWater = 1024 * 1024;

export class MiniServer {
  readonly #channels: MessageChannel[];
  readonly #respond: (head: RequestHead, bodySize: number) => MiniResponse;
  readonly #sending = new Map<number, Sending>();
  readonly #receiving = new Map<number, Receiving>();
  readonly #scratch = new Uint8Array(piece + 6);
  #initialCredit = 0;

  constructor(channels: MessageChannel[], respond: (head: RequestHead, bodySize: number) => MiniResponse) {
    this.#channels = channels;
    this.#respond = respond;
    const [control] = channels;
    if (!control) throw new Error('no channels');
    const hello = () =>
      control.send(
        encodeFrame({ type: 'hello', exchange: 0, versionMin: 1, versionMax: 1, settings: { dataPiece: 64 * 1024 } }),
      );
    control.onopen = hello;
    if (control.open) hello();
    for (const channel of channels) {
      channel.bufferedAmountLowThreshold = highWater / 4;
      channel.onmessage = data => this.#onMessage(channel, data);
      channel.onbufferedamountlow = () => this.#pump();
    }
  }

  #onMessage(channel: MessageChannel, data: Uint8Array): void {
    const frame = decodeFrame(data);
    switch (frame.type) {
      case 'hello':
        this.#initialCredit = frame.settings.initialCredit ?? 0;
        return;
      case 'ping':
        return this.#channels[0]?.send(encodeFrame({ ...frame, type: 'pong' }));
      case 'request':
        if (frame.end) return this.#answer(channel, frame.exchange, frame.head, 0);
        this.#receiving.set(frame.exchange, { head: frame.head, size: 0, unreturned: 0 });
        return;
      case 'data':
        return this.#onData(channel, frame.exchange, frame.payload.length, frame.end);
      case 'credit': {
        const sending = this.#sending.get(frame.exchange);
        if (sending) sending.credit += frame.bytes;
        return this.#pump();
      }
      case 'reset':
        this.#sending.delete(frame.exchange);
        this.#receiving.delete(frame.exchange);
        return;
      default:
        return;
    }
  }

  #onData(channel: MessageChannel, exchange: number, size: number, end: boolean): void {
    const receiving = this.#receiving.get(exchange);
    if (!receiving) return;
    receiving.size += size;
    receiving.unreturned += size;
    if (end) {
      this.#receiving.delete(exchange);
      this.#answer(channel, exchange, receiving.head, receiving.size);
    } else if (receiving.unreturned >= 64 * 1024) {
      channel.send(encodeFrame({ type: 'credit', exchange, bytes: receiving.unreturned }));
      receiving.unreturned = 0;
    }
  }

  #answer(channel: MessageChannel, exchange: number, request: RequestHead, bodySize: number): void {
    const { status, fields = [], body } = this.#respond(request, bodySize);
    const head = { status, reason: '', fields: [...fields, ['content-length', String(body.length)] satisfies Field] };
    channel.send(encodeFrame({ type: 'response', exchange, end: body.length === 0, head }));
    if (body.length > 0) this.#sending.set(exchange, { channel, body, at: 0, credit: this.#initialCredit });
    this.#pump();
  }

  #pump(): void {
    for (const [exchange, sending] of this.#sending) {
      const { channel, body } = sending;
      while (sending.credit > 0 && sending.at < body.length && channel.bufferedAmount < highWater) {
        const size = Math.min(piece, sending.credit, body.length - sending.at);
        const end = sending.at + size === body.length;
        channel.send(writeDataFrame(this.#scratch, exchange, body.subarray(sending.at, sending.at + size), end));
        sending.at += size;
        sending.credit -= size;
      }
      if (sending.at === body.length) this.#sending.delete(exchange);
    }
  }
}
