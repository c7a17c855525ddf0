// A client's end of a port to the broker: requests and WebSockets as promises, streams and callbacks. For service workers,
// documents and dedicated workers alike. Whoever makes it owns the port.

import type { Bytes } from '../base/bytes.ts';
import { Deferred } from '../base/deferred.ts';
import {
  portLimits,
  type AnswerHead,
  type FailCode,
  type Fault,
  type Field,
  type FetchHead,
  type FromBroker,
  type Port,
  type ScriptCookie,
  type ToBroker,
} from './port.ts';

export interface PortAnswer {
  readonly head: AnswerHead;
  /** Null when the answer has none; errors when it breaks off. */
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
  /** A promise that it returns holds back the other end, some messages later. */
  message(data: string | Uint8Array): void | Promise<void>;
  /** Bytes of messages that have left. */
  sent(bytes: number): void;
  closed(code: number, reason: string, clean: boolean, fault: Fault | null): void;
}

export interface PortSocketOptions {
  readonly protocols: readonly string[];
  readonly fields?: readonly Field[];
}

/** What requests reject with. */
export interface PortErrors {
  failed(code: FailCode, message: string, fault: Fault | null): Error;
  aborted(signal: AbortSignal): Error;
  lost(): Error;
}

/** As fetch does. */
const fetchErrors: PortErrors = {
  failed: (code, message) =>
    code === 'cancelled' ? new DOMException(message, 'AbortError') : new TypeError(`${message} (${code})`),
  aborted: signal => signal.reason as Error,
  lost: () => new TypeError('The page that holds the connection is gone.'),
};

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
  readonly #port: Port;
  readonly #receivers = new Map<number, Receiver>();
  #nextId = 1;
  #lost = false;
  readonly #ready = new Deferred<void>();
  readonly #errors: PortErrors;
  /** Called with what scripts may see, and how many of this port's `setCookie` that contains. */
  oncookies: ((cookies: readonly ScriptCookie[], turn: number) => void) | null = null;
  /** The page's end is gone. */
  onlost: (() => void) | null = null;

  constructor(port: Port, errors: PortErrors = fetchErrors) {
    this.#port = port;
    this.#errors = errors;
    port.onmessage = event => this.#onMessage(event.data as FromBroker);
    port.addEventListener('close', () => this.#onLost());
  }

  /** Resolves when the broker has the port; rejects when it is lost before. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get isLost(): boolean {
    return this.#lost;
  }

  /** Resolves with the final head; unless told otherwise, rejects with a TypeError (as fetch does) or the signal's reason. */
  fetch(head: FetchHead, { body = null, signal, onSent }: PortFetchOptions = {}): Promise<PortAnswer> {
    const errors = this.#errors;
    if (this.#lost) return Promise.reject(errors.lost());
    if (signal?.aborted) return Promise.reject(errors.aborted(signal));
    const id = this.#nextId++;
    const stream = body instanceof ReadableStream ? body : null;
    const over = () => this.#forget(id);
    const exchange = new FetchReceiver(id, this.#post, { stream, signal, onSent, errors, over });
    this.#receivers.set(id, exchange);
    this.#post({ type: 'fetch', id, head, body: stream ? 'stream' : (body as Uint8Array | null), credit: window_ });
    return exchange.answer;
  }

  openSocket(target: string, { protocols, fields = [] }: PortSocketOptions, events: PortSocketEvents): PortSocket {
    const id = this.#nextId++;
    const receiver: Receiver = {
      handle: message => {
        switch (message.type) {
          case 'opened':
            return events.opened(message.protocol);
          case 'message': {
            const { data } = message;
            const bytes = typeof data === 'string' ? utf8Length(data) : data.byteLength;
            const taken = () => this.#post({ type: 'taken', id, bytes: bytes + portLimits.messageCost });
            const held = events.message(data);
            if (held instanceof Promise) return void held.then(taken, taken);
            return taken();
          }
          case 'sent':
            return events.sent(message.bytes);
          case 'closed':
            this.#forget(id);
            return events.closed(message.code, message.reason, message.clean, message.fault);
          default:
        }
      },
      lost: () => events.closed(1006, '', false, null),
    };
    this.#receivers.set(id, receiver);
    if (this.#lost) queueMicrotask(() => receiver.lost());
    this.#post({ type: 'socket', id, target, protocols, fields });
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

  readonly #post = (message: ToBroker, transfer: Transferable[] = []): void => {
    if (!this.#lost) this.#port.postMessage(message, transfer);
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
    this.#ready.reject(this.#errors.lost());
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
  errors: PortErrors;
  over: () => void;
}

class FetchReceiver implements Receiver {
  readonly #id: number;
  readonly #post: (message: ToBroker, transfer?: Transferable[]) => void;
  readonly #settings: FetchSettings;
  readonly #answer = new Deferred<PortAnswer>();
  #controller: ReadableStreamDefaultController<Bytes> | null = null;
  /** Bytes that the other end may still send. */
  #credit = window_;
  /** Everything has come. */
  #ended = false;
  #over = false;
  #uploadReader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  #uploadCredit: number = portLimits.bodyCredit;
  #uploadWaits: Deferred<void> | null = null;

  constructor(id: number, post: (message: ToBroker, transfer?: Transferable[]) => void, settings: FetchSettings) {
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
        this.#credit -= message.bytes.length;
        this.#controller?.enqueue(message.bytes as Bytes);
        return;
      case 'end':
        this.#ended = true;
        this.#stopUpload();
        this.#settings.over();
        return this.#closeIfRead();
      case 'fail':
        return this.#fail(this.#settings.errors.failed(message.code, message.message, message.fault));
      case 'credit':
        this.#uploadCredit += message.bytes;
        this.#settings.onSent?.(message.bytes);
        return this.#uploadWaits?.resolve();
      default:
    }
  }

  lost(): void {
    if (!this.#ended) this.#fail(this.#settings.errors.lost());
  }

  readonly #onAbort = (): void => {
    const { signal, errors } = this.#settings;
    if (!this.#ended) this.#post({ type: 'cancel', id: this.#id });
    if (signal) this.#fail(errors.aborted(signal));
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
    this.#stopUpload();
    this.#settings.over();
  }

  #stopUpload(): void {
    this.#uploadWaits?.resolve();
    void this.#uploadReader?.cancel().catch(() => undefined);
  }

  /** Queued and promised bytes stay below the window: what the reader has taken may come again. */
  #bodyStream(): ReadableStream<Bytes> {
    return new ReadableStream<Bytes>(
      {
        start: controller => {
          this.#controller = controller;
        },
        // After each piece that is read.
        pull: controller => {
          if (this.#ended) return this.#closeIfRead();
          const more = (controller.desiredSize ?? 0) - this.#credit;
          if (more < window_ / 4) return;
          this.#credit += more;
          this.#post({ type: 'credit', id: this.#id, bytes: more });
        },
        cancel: () => {
          this.#controller = null;
          if (!this.#ended) this.#post({ type: 'cancel', id: this.#id });
          this.#finish();
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: window_ }),
    );
  }

  /** An abort takes away what has come and was not read: it is over when that is gone. */
  #closeIfRead(): void {
    const left = window_ - (this.#controller?.desiredSize ?? window_);
    if (left > 0) return;
    this.#controller?.close();
    this.#finish();
  }

  async #upload(stream: ReadableStream<Uint8Array>): Promise<void> {
    const reader = stream.getReader();
    this.#uploadReader = reader;
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (this.#over || this.#ended) return;
        if (done) return this.#post({ type: 'end', id: this.#id });
        for (let at = 0; at < value.length;) {
          while (this.#uploadCredit <= 0) {
            this.#uploadWaits = new Deferred<void>();
            await this.#uploadWaits.promise;
            if (this.#over || this.#ended) return;
          }
          const piece = value.slice(at, at + Math.min(this.#uploadCredit, 64 * 1024));
          at += piece.length;
          this.#uploadCredit -= piece.length;
          this.#post({ type: 'data', id: this.#id, bytes: piece }, [piece.buffer]);
        }
      }
    } catch (error) {
      if (this.#over || this.#ended) return;
      this.#post({ type: 'cancel', id: this.#id });
      this.#fail(error instanceof Error ? error : new TypeError('The body of the request could not be read.'));
    }
  }
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}
