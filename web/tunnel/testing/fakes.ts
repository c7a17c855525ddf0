// What the tests of the client stand on: channels in memory, a scripted server behind them, and timers that are turned by
// hand. Delivery is by microtask, as an event would be.
import { tunnelLimits } from '../../generated/protocol.ts';
import type { Bytes } from '../../base/bytes.ts';
import type { Timers } from '../../base/time.ts';
import type { MessageChannel } from '../channel.ts';
import { decodeFrame, encodeFrame, type Frame, type Settings } from '../frames.ts';
import type { Field } from '../head.ts';

export class FakeChannel implements MessageChannel {
  readonly id: number;
  open = false;
  closed = false;
  bufferedAmount = 0;
  bufferedAmountLowThreshold = 0;
  /** Keeps what is sent in the buffer until `drain`. */
  holding = false;
  throws = false;
  onopen: (() => void) | null = null;
  onmessage: ((data: Bytes) => void) | null = null;
  onbufferedamountlow: (() => void) | null = null;
  onclose: (() => void) | null = null;
  readonly #deliver: (id: number, data: Bytes) => void;
  #held: Bytes[] = [];

  constructor(id: number, deliver: (id: number, data: Bytes) => void) {
    this.id = id;
    this.#deliver = deliver;
  }
  send(data: Uint8Array): void {
    if (this.throws || !this.open) throw new Error('the channel takes nothing');
    const copy = new Uint8Array(data);
    if (!this.holding) {
      this.#deliver(this.id, copy);
      return;
    }
    this.#held.push(copy);
    this.bufferedAmount += copy.length;
  }
  drain(): void {
    for (const data of this.#held.splice(0)) this.#deliver(this.id, data);
    this.bufferedAmount = 0;
    this.onbufferedamountlow?.();
  }
  close(): void {
    this.open = false;
    this.closed = true;
  }
  /** As the browser does. */
  becomeOpen(): void {
    this.open = true;
    this.onopen?.();
  }
}

export class FakeServer {
  readonly channels: FakeChannel[];
  /** What came from the client, in order. */
  readonly received: { channel: number; frame: Frame }[] = [];

  constructor() {
    this.channels = Array.from(
      { length: tunnelLimits.channels },
      (_, id) => new FakeChannel(id, (at, data) => this.received.push({ channel: at, frame: decodeFrame(data) })),
    );
  }

  open(): void {
    for (const channel of this.channels) channel.becomeOpen();
  }

  channel(index: number): FakeChannel {
    const channel = this.channels[index];
    if (!channel) throw new Error(`no channel ${index}`);
    return channel;
  }

  send(index: number, frame: Frame): void {
    this.sendBytes(index, encodeFrame(frame));
  }

  sendBytes(index: number, bytes: Bytes): void {
    this.channel(index).onmessage?.(bytes);
  }

  hello(settings: Settings = {}, versions: [number, number] = [1, 1]): void {
    this.send(0, { type: 'hello', exchange: 0, versionMin: versions[0], versionMax: versions[1], settings });
  }

  /** The channel of an exchange that the client has opened. */
  channelOf(exchange: number): number {
    const found = this.received.find(
      ({ frame }) => (frame.type === 'request' || frame.type === 'socketOpen') && frame.exchange === exchange,
    );
    if (!found) throw new Error(`exchange ${exchange} was not opened`);
    return found.channel;
  }

  respond(exchange: number, status: number, options: { fields?: Field[]; end?: boolean; reason?: string } = {}): void {
    const { fields = [], end = false, reason = '' } = options;
    this.send(this.channelOf(exchange), { type: 'response', exchange, end, head: { status, reason, fields } });
  }

  data(exchange: number, payload: Uint8Array | string, end = false): void {
    const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload;
    this.send(this.channelOf(exchange), { type: 'data', exchange, end, payload: bytes });
  }

  reset(exchange: number, code: number, text = ''): void {
    this.send(this.channelOf(exchange), { type: 'reset', exchange, code, text });
  }

  of<Type extends Frame['type']>(type: Type): Extract<Frame, { type: Type }>[] {
    return this.received.map(({ frame }) => frame).filter(frame => frame.type === type) as Extract<
      Frame,
      { type: Type }
    >[];
  }

  bodyOf(exchange: number): string {
    const pieces = this.of('data').filter(frame => frame.exchange === exchange);
    return pieces.map(frame => new TextDecoder().decode(frame.payload)).join('');
  }
}

export class FakeTimers implements Timers {
  #now = 1000;
  #next = 1;
  readonly #due = new Map<number, { at: number; callback: () => void }>();

  now(): number {
    return this.#now;
  }
  wallNow(): number {
    return 1_760_000_000_000 + this.#now;
  }
  setTimeout(callback: () => void, ms: number): unknown {
    const id = this.#next++;
    this.#due.set(id, { at: this.#now + Math.max(0, ms), callback });
    return id;
  }
  clearTimeout(id: unknown): void {
    this.#due.delete(id as number);
  }
  get pending(): number {
    return this.#due.size;
  }
  /** Runs what falls due, each at its time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = [...this.#due].sort(([, a], [, b]) => a.at - b.at)[0];
      if (!next || next[1].at > end) break;
      this.#due.delete(next[0]);
      this.#now = Math.max(this.#now, next[1].at);
      next[1].callback();
    }
    this.#now = end;
  }
  /** The clock goes on and nothing runs, as in a frozen tab; what fell due runs late. */
  freeze(ms: number): void {
    this.#now += ms;
    this.advance(0);
  }
}

/** Lets everything that is ready run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>(resolve => setImmediate(resolve));
}
