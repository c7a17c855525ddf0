// A client's end of a port to the broker: requests and WebSockets as promises, streams and callbacks. For service workers,
// documents and dedicated workers alike. Whoever makes it owns the port.

import type { Bytes } from '../base/bytes.ts';
import { Deferred } from '../base/deferred.ts';
import {
  portLimits,
  type AnswerHead,
  type FetchHead,
  type FromBroker,
  type ScriptCookie,
  type ToBroker,
} from './port.ts';

export interface PortAnswer {
  readonly head: AnswerHead;
  /** Null when the answer has none; errors with a TypeError when it breaks off. */
  readonly body: ReadableStream<Bytes> | null;
}

export interface PortFetchOptions {
  readonly body?: ReadableStream<Uint8Array> | Uint8Array | null;
  readonly signal?: AbortSignal | null;
  /** Bytes of a streamed body that have been taken. */
  readonly onSent?: (bytes: number) => void;
}

export interface PortSocketEvents {
  opened(protocol: string): void;
  message(data: string | Uint8Array): void;
  /** Bytes of messages that have left. */
  sent(bytes: number): void;
  closed(code: number, reason: string, clean: boolean): void;
}

export interface PortSocket {
  send(data: string | Uint8Array): void;
  close(code: number | null, reason: string): void;
  /** Drops it without a close. */
  cancel(): void;
}

interface Receiver {
  handle(message: FromBroker): void;
  lost(): void;
}

/** Response bytes on their way to a reader. */
const window_ = 1024 * 1024;

export class BrokerPort {
  readonly #port: MessagePort;
  readonly #receivers = new Map<number, Receiver>();
  #nextId = 1;
  #lost = false;
  readonly #ready = new Deferred<void>();
  /** Called with what scripts may see, and how many of this port's `setCookie` that contains. */
  oncookies: ((cookies: readonly ScriptCookie[], turn: number) => void) | null = null;
  /** The page's end is gone. */
  onlost: (() => void) | null = null;

  constructor(port: MessagePort) {
    this.#port = port;
    port.onmessage = (event: MessageEvent<FromBroker>) => this.#onMessage(event.data);
    port.addEventListener('close', () => this.#onLost());
  }

  /** Resolves when the broker has the port; rejects when it is lost before. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get isLost(): boolean {
    return this.#lost;
  }

  /** Resolves with the final head; rejects with a TypeError (as fetch does) or the signal's reason. */
  fetch(head: FetchHead, { body = null, signal, onSent }: PortFetchOptions = {}): Promise<PortAnswer> {
    if (this.#lost) return Promise.reject(new TypeError('The page that holds the connection is gone.'));
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const id = this.#nextId++;
    const stream = body instanceof ReadableStream ? body : null;
    const exchange = new FetchReceiver(id, this.#post, { stream, signal, onSent, over: () => this.#forget(id) });
    this.#receivers.set(id, exchange);
    this.#post({ type: 'fetch', id, head, body: stream ? 'stream' : (body as Uint8Array | null), credit: window_ });
    return exchange.answer;
  }

  openSocket(target: string, protocols: readonly string[], events: PortSocketEvents): PortSocket {
    const id = this.#nextId++;
    const receiver: Receiver = {
      handle: message => {
        switch (message.type) {
          case 'opened':
            return events.opened(message.protocol);
          case 'message': {
            const { data } = message;
            const bytes = typeof data === 'string' ? utf8Length(data) : data.byteLength;
            this.#post({ type: 'taken', id, bytes: bytes + portLimits.messageCost });
            return events.message(data);
          }
          case 'sent':
            return events.sent(message.bytes);
          case 'closed':
            this.#forget(id);
            return events.closed(message.code, message.reason, message.clean);
          default:
        }
      },
      lost: () => events.closed(1006, '', false),
    };
    this.#receivers.set(id, receiver);
    if (this.#lost) queueMicrotask(() => receiver.handle({ type: 'closed', id, code: 1006, reason: '', clean: false }));
    this.#post({ type: 'socket', id, target, protocols });
    return {
      send: data => this.#post({ type: 'send', id, data }),
      close: (code, reason) => this.#post({ type: 'close', id, code, reason }),
      cancel: () => this.#post({ type: 'cancel', id }),
    };
  }

  watchCookies(): void {
    this.#post({ type: 'watch' });
  }

  setCookie(text: string, path: string): void {
    this.#post({ type: 'cookie', path, text });
  }

  close(): void {
    this.#port.postMessage({ type: 'bye' });
    this.#onLost();
    this.#port.close();
  }

  readonly #post = (message: ToBroker): void => {
    if (!this.#lost) this.#port.postMessage(message);
  };

  #forget(id: number): void {
    this.#receivers.delete(id);
  }

  #onMessage(message: FromBroker): void {
    if (message.type === 'ready') this.#ready.resolve();
    else if (message.type === 'cookies') this.oncookies?.(message.cookies, message.turn);
    else this.#receivers.get(message.id)?.handle(message);
  }

  #onLost(): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#ready.reject(new TypeError('The page that holds the connection is gone.'));
    const receivers = [...this.#receivers.values()];
    this.#receivers.clear();
    for (const receiver of receivers) receiver.lost();
    this.onlost?.();
  }
}

interface FetchSettings {
  stream: ReadableStream<Uint8Array> | null;
  signal: AbortSignal | null | undefined;
  onSent: ((bytes: number) => void) | undefined;
  over: () => void;
}

class FetchReceiver implements Receiver {
  readonly #id: number;
  readonly #post: (message: ToBroker) => void;
  readonly #settings: FetchSettings;
  readonly #answer = new Deferred<PortAnswer>();
  #controller: ReadableStreamDefaultController<Bytes> | null = null;
  #over = false;
  #uploadReader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  #uploadCredit: number = portLimits.bodyCredit;
  #uploadWaits: Deferred<void> | null = null;

  constructor(id: number, post: (message: ToBroker) => void, settings: FetchSettings) {
    this.#id = id;
    this.#post = post;
    this.#settings = settings;
    settings.signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (settings.stream) void this.#upload(settings.stream);
  }

  get answer(): Promise<PortAnswer> {
    return this.#answer.promise;
  }

  handle(message: FromBroker): void {
    switch (message.type) {
      case 'head':
        return this.#answer.resolve({ head: message.head, body: message.head.hasBody ? this.#bodyStream() : null });
      case 'data':
        this.#controller?.enqueue(message.bytes as Bytes);
        return;
      case 'end':
        this.#controller?.close();
        return this.#finish();
      case 'fail':
        return this.#fail(
          message.code === 'cancelled'
            ? new DOMException(message.message, 'AbortError')
            : new TypeError(`${message.message} (${message.code})`),
        );
      case 'credit':
        this.#uploadCredit += message.bytes;
        this.#settings.onSent?.(message.bytes);
        return this.#uploadWaits?.resolve();
      default:
    }
  }

  lost(): void {
    this.#fail(new TypeError('The page that holds the connection is gone.'));
  }

  readonly #onAbort = (): void => {
    this.#post({ type: 'cancel', id: this.#id });
    this.#fail(this.#settings.signal?.reason as Error);
  };

  #fail(error: Error): void {
    if (this.#over) return;
    this.#answer.reject(error);
    this.#controller?.error(error);
    this.#finish();
  }

  #finish(): void {
    this.#over = true;
    this.#controller = null;
    this.#settings.signal?.removeEventListener('abort', this.#onAbort);
    this.#uploadWaits?.resolve();
    void this.#uploadReader?.cancel().catch(() => undefined);
    this.#settings.over();
  }

  /** What the reader has taken may come again: the queue stays below the window. */
  #bodyStream(): ReadableStream<Bytes> {
    let owed = 0;
    const stream = new ReadableStream<Bytes>(
      {
        start: controller => {
          this.#controller = controller;
        },
        cancel: () => {
          this.#controller = null;
          if (this.#over) return;
          this.#post({ type: 'cancel', id: this.#id });
          this.#finish();
        },
      },
      { highWaterMark: 0 },
    );
    const counted = new TransformStream<Bytes, Bytes>(
      {
        transform: (piece, controller) => {
          owed += piece.length;
          if (owed >= window_ / 4 && !this.#over) {
            this.#post({ type: 'credit', id: this.#id, bytes: owed });
            owed = 0;
          }
          controller.enqueue(piece);
        },
      },
      { highWaterMark: 1 },
      { highWaterMark: 0 },
    );
    return stream.pipeThrough(counted);
  }

  async #upload(stream: ReadableStream<Uint8Array>): Promise<void> {
    const reader = stream.getReader();
    this.#uploadReader = reader;
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (this.#over) return;
        if (done) return this.#post({ type: 'end', id: this.#id });
        for (let at = 0; at < value.length;) {
          while (this.#uploadCredit <= 0) {
            this.#uploadWaits = new Deferred<void>();
            await this.#uploadWaits.promise;
            if (this.#over) return;
          }
          const piece = value.slice(at, at + Math.min(this.#uploadCredit, 64 * 1024));
          at += piece.length;
          this.#uploadCredit -= piece.length;
          this.#post({ type: 'data', id: this.#id, bytes: piece });
        }
      }
    } catch (error) {
      this.#post({ type: 'cancel', id: this.#id });
      this.#fail(error instanceof Error ? error : new TypeError('The body of the request could not be read.'));
    }
  }
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}
