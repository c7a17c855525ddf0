// What carries the messages between a RemoteBacking and its server, and the carriers there are.
import { concat, fromUtf8, utf8, type Bytes } from '../base/bytes.ts';
import { Deferred } from '../base/deferred.ts';
import { fsnodeLimits } from './limits.ts';

export type Message = string | Bytes;

/** An ordered stream of text and binary messages. */
export interface Transport {
  /** Keeps the order of the calls. A promise resolves when there is room for more. May be called before it is open. */
  send(message: Message): void | Promise<void>;
  onmessage: ((message: Message) => void) | null;
  /** Called once, also when it never opened. */
  onclose: ((reason: string) => void) | null;
  close(): void;
}

/** Keeps what comes before someone listens. */
abstract class Carrier implements Transport {
  #onmessage: Transport['onmessage'] = null;
  #onclose: Transport['onclose'] = null;
  #early: Message[] = [];
  #reason: string | null = null;

  abstract send(message: Message): void | Promise<void>;
  abstract close(): void;

  get onmessage(): Transport['onmessage'] {
    return this.#onmessage;
  }

  set onmessage(listener: Transport['onmessage']) {
    this.#onmessage = listener;
    if (!listener || this.#early.length === 0) return;
    for (const message of this.#early.splice(0)) listener(message);
  }

  get onclose(): Transport['onclose'] {
    return this.#onclose;
  }

  set onclose(listener: Transport['onclose']) {
    this.#onclose = listener;
    if (this.#reason !== null) listener?.(this.#reason);
  }

  protected get ended(): boolean {
    return this.#reason !== null;
  }

  protected deliver(message: Message): void {
    if (this.ended) return;
    if (this.#onmessage) this.#onmessage(message);
    else if (this.#early.length < 16) this.#early.push(message);
    else this.close();
  }

  protected end(reason: string): void {
    if (this.ended) return;
    this.#reason = reason;
    this.#onclose?.(reason);
  }
}

/** The part of a browser's WebSocket that we use. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(data: string | Bytes): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: string, listener: (event: never) => void): void;
}

const [connecting, open] = [0, 1];
/** Bytes in the browser's hands above which a sender waits. */
const highWater = 1024 * 1024;

class BrowserWebSocket extends Carrier {
  readonly #socket: WebSocketLike;
  readonly #waiting: Message[] = [];

  constructor(socket: WebSocketLike) {
    super();
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('open', () => {
      for (const message of this.#waiting.splice(0)) socket.send(message);
    });
    socket.addEventListener('message', (event: { data: unknown }) => {
      const { data } = event;
      if (typeof data === 'string') this.deliver(data);
      else if (data instanceof ArrayBuffer) this.deliver(new Uint8Array(data));
    });
    socket.addEventListener('close', (event: { code?: number; reason?: string }) =>
      this.end(closeSentence(event.code ?? 1006, event.reason ?? '')),
    );
    if (socket.readyState > open) this.end(closeSentence(1006, ''));
  }

  send(message: Message): void | Promise<void> {
    if (this.#socket.readyState === connecting) this.#waiting.push(message);
    else if (this.#socket.readyState === open) {
      this.#socket.send(message);
      if (this.#socket.bufferedAmount > highWater) return this.#room();
    }
  }

  close(): void {
    this.#socket.close(1000);
    this.end('closed here');
  }

  // A browser's WebSocket does not tell when it has sent: look.
  async #room(): Promise<void> {
    while (!this.ended && this.#socket.bufferedAmount > highWater / 2)
      await new Promise(resolve => setTimeout(resolve, 5));
  }
}

function closeSentence(code: number, reason: string): string {
  return reason === '' ? `code ${code}` : `${reason} (${code})`;
}

/** Also for a socket that is not open yet. */
export function fromBrowserWebSocket(socket: WebSocketLike): Transport {
  return new BrowserWebSocket(socket);
}

/** A WebSocket through the tunnel (web/tunnel). */
export interface TunnelSocketLike {
  onmessage: ((message: Message) => void) | null;
  onclose: ((code: number, reason: string) => void) | null;
  /** Resolves when there is room for the next. */
  send(message: Message): Promise<void>;
  close(code?: number, reason?: string): unknown;
}

class TunnelWebSocket extends Carrier {
  readonly #socket: TunnelSocketLike;

  constructor(socket: TunnelSocketLike) {
    super();
    this.#socket = socket;
    socket.onclose = (code, reason) => this.end(closeSentence(code, reason));
    socket.onmessage = message => this.deliver(message);
  }

  send(message: Message): Promise<void> {
    return this.#socket.send(message);
  }

  close(): void {
    this.#socket.close(1000, '');
    this.end('closed here');
  }
}

export function fromTunnelSocket(socket: TunnelSocketLike): Transport {
  return new TunnelWebSocket(socket);
}

/** The part of Node's Duplex that we use, so that nothing here needs Node. */
export interface NodeStreamLike {
  on(event: 'data', listener: (chunk: Uint8Array) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end' | 'close' | 'drain', listener: () => void): unknown;
  write(chunk: Uint8Array): boolean;
  destroy(): unknown;
}

const frameHeader = 5;
const [textKind, binaryKind] = [0, 1];

/** u32 length (little-endian), u8 kind (0 text, 1 binary), payload. */
export function frame(message: Message): Bytes {
  const payload = typeof message === 'string' ? utf8(message) : message;
  const whole = new Uint8Array(frameHeader + payload.length);
  const view = new DataView(whole.buffer);
  view.setUint32(0, payload.length, true);
  view.setUint8(4, typeof message === 'string' ? textKind : binaryKind);
  whole.set(payload, frameHeader);
  return whole;
}

/** Takes frames out of a byte stream however it is cut. */
export class FrameReader {
  #pieces: Uint8Array[] = [];
  #size = 0;
  #wanted = frameHeader;

  /** The messages that are whole now; null when this is no stream of frames. */
  push(bytes: Uint8Array): Message[] | null {
    this.#pieces.push(bytes);
    this.#size += bytes.length;
    if (this.#size < this.#wanted) return [];
    const all = concat(this.#pieces);
    const view = new DataView(all.buffer);
    const messages: Message[] = [];
    let at = 0;
    this.#wanted = frameHeader;
    while (all.length - at >= frameHeader) {
      const [length, kind] = [view.getUint32(at, true), view.getUint8(at + 4)];
      if (length > fsnodeLimits.messageOut || kind > binaryKind) return null;
      if (all.length - at < frameHeader + length) {
        this.#wanted = frameHeader + length;
        break;
      }
      const payload = all.subarray(at + frameHeader, (at += frameHeader + length));
      const message = kind === textKind ? fromUtf8(payload) : payload;
      if (message === null) return null;
      messages.push(message);
    }
    this.#pieces = [all.subarray(at)];
    this.#size = all.length - at;
    return messages;
  }
}

class NodeStream extends Carrier {
  readonly #stream: NodeStreamLike;
  readonly #reader = new FrameReader();
  #room: Deferred<void> | null = null;

  constructor(stream: NodeStreamLike) {
    super();
    this.#stream = stream;
    stream.on('data', chunk => this.#receive(chunk));
    stream.on('drain', () => this.#release());
    stream.on('error', error => this.#finish(error.message));
    stream.on('end', () => this.#finish('the other end closed'));
    stream.on('close', () => this.#finish('the stream closed'));
  }

  send(message: Message): void | Promise<void> {
    if (this.ended || this.#stream.write(frame(message))) return;
    this.#room ??= new Deferred<void>();
    return this.#room.promise;
  }

  close(): void {
    this.#finish('closed here');
  }

  #receive(chunk: Uint8Array): void {
    const messages = this.#reader.push(chunk);
    for (const message of messages ?? []) this.deliver(message);
    if (!messages) this.#finish('the stream carries no frames');
  }

  #release(): void {
    this.#room?.resolve();
    this.#room = null;
  }

  #finish(reason: string): void {
    if (this.ended) return;
    this.#release();
    this.end(reason);
    this.#stream.destroy();
  }
}

/** A Unix socket to the parent process, or any stream of bytes. */
export function fromNodeStream(stream: NodeStreamLike): Transport {
  return new NodeStream(stream);
}
