import { Code } from '../generated/protocol.ts';
import { Deferred } from '../base/deferred.ts';
import { reportFault } from '../base/emitter.ts';
import type { Bytes } from '../base/bytes.ts';
import { ByteQueue } from './byte_queue.ts';
import { codeName, TunnelError } from './error.ts';
import { shownText, wireText, type Frame } from './frames.ts';
import { contentLength, type ResponseHead } from './head.ts';
import { StreamedResponse, type TunnelResponse } from './response.ts';
import type { Upload } from './upload.ts';
import type { ReceiveBudget } from './window.ts';
import { ReceiveWindow } from './window.ts';

export interface ExchangeActions {
  send(frame: Frame): void;
  /** Both directions have ended, or the exchange was reset. Once. */
  over(): void;
}

export interface ExchangeOptions {
  id: number;
  method: string;
  budget: ReceiveBudget;
  initialCredit: number;
  signal?: AbortSignal | undefined;
  onProgress?: ((received: number, total: number | null) => void) | undefined;
}

export type ExchangeFrame = Exclude<Frame, { type: 'hello' | 'ping' | 'pong' | 'goaway' }>;

/**
 * One exchange as its client sees it: the rules of docs/protocol.md on what may come when, and the response body's queue.
 * The receiving half and the sending half end on their own; a reset ends both.
 */
export class Exchange {
  readonly id: number;
  readonly #actions: ExchangeActions;
  readonly #options: ExchangeOptions;
  readonly #head = new Deferred<TunnelResponse>();
  readonly #window: ReceiveWindow;
  readonly #onAbort = () => this.#abort();
  /** Null when the request has no body or it has been sent. */
  #upload: Upload | null = null;
  #receiving: 'head' | 'body' | 'ended' = 'head';
  #over = false;
  #received = 0;
  #length: number | null = null;
  readonly #queue = new ByteQueue();
  #controller: ReadableStreamDefaultController<Bytes> | null = null;
  #pulled: Deferred<void> | null = null;

  constructor(options: ExchangeOptions, actions: ExchangeActions) {
    this.id = options.id;
    this.#options = options;
    this.#actions = actions;
    this.#window = new ReceiveWindow(options.budget, options.initialCredit);
    options.signal?.addEventListener('abort', this.#onAbort);
  }

  /** Resolves with the final response's head. */
  get response(): Promise<TunnelResponse> {
    return this.#head.promise;
  }
  get bytesReceived(): number {
    return this.#received;
  }

  begin(upload: Upload | null): void {
    this.#upload = upload;
    upload?.start();
  }

  uploadEnded(): void {
    this.#upload = null;
    this.#endIfDone();
  }

  handle(frame: ExchangeFrame): void {
    if (this.#over) return;
    switch (frame.type) {
      case 'response':
        return this.#onResponse(frame.head, frame.end);
      case 'data':
        return this.#onData(frame.payload as Bytes, frame.end);
      case 'credit':
        if (this.#upload?.addCredit(frame.bytes) === false) this.#broken('credit beyond 2^31-1');
        return;
      case 'reset':
        return this.#onReset(frame.code, frame.text);
      case 'unknown':
        return;
      default:
        return this.#broken(`${frame.type} on an HTTP exchange`);
    }
  }

  /** Ends both directions from this end and tells the other one. */
  reset(error: TunnelError): void {
    if (this.#over) return;
    const code = error.code === 'closed' ? Code.cancelled : Code[error.code];
    this.#actions.send({ type: 'reset', exchange: this.id, code, text: wireText(error.message) });
    this.fail(error);
  }

  /** Ends both directions without a word to the other end. */
  fail(error: TunnelError): void {
    if (this.#over) return;
    const complete = this.#receiving === 'ended';
    this.#upload?.stop(error);
    this.#upload = null;
    if (!complete) {
      this.#receiving = 'ended';
      this.#head.reject(error);
      this.#dropBody(error);
    }
    this.#finish();
  }

  #finish(): void {
    this.#window.release();
    this.#over = true;
    this.#forgetSignal();
    this.#actions.over();
  }

  /** An abort also takes away what has arrived and was not read yet. */
  #abort(): void {
    const error = aborted(this.#options.signal);
    this.reset(error);
    this.#dropBody(error);
  }

  #dropBody(error: TunnelError): void {
    this.#queue.clear();
    this.#window.discard();
    this.#controller?.error(error);
    this.#controller = null;
    this.#pulled?.resolve();
    this.#forgetSignal();
  }

  /** The signal may outlive many exchanges. */
  #forgetSignal(): void {
    if (this.#over && !this.#controller) this.#options.signal?.removeEventListener('abort', this.#onAbort);
  }

  #broken(what: string, code: 'protocol' | 'flow' = 'protocol'): void {
    this.reset(new TunnelError(code, `The other end broke the protocol: ${what}.`));
  }

  #endIfDone(): void {
    if (!this.#over && this.#receiving === 'ended' && !this.#upload) this.#finish();
  }

  #onResponse(head: ResponseHead, end: boolean): void {
    if (this.#receiving !== 'head') return this.#broken('a second final response');
    if (head.status < 200) return end ? this.#broken('an interim response that ends the exchange') : undefined;
    const bodiless = this.#options.method === 'HEAD' || head.status === 204 || head.status === 304;
    if (bodiless && !end) return this.#broken('a body where none may be');
    this.#length = bodiless ? null : contentLength(head.fields);
    if (end && this.#length) return this.#broken('a response shorter than its content-length');
    this.#receiving = end ? 'ended' : 'body';
    this.#head.resolve(new StreamedResponse(head, end ? null : this.#makeStream()));
    if (!end) return;
    this.#window.release();
    this.#endIfDone();
  }

  #onData(payload: Bytes, end: boolean): void {
    if (this.#receiving !== 'body') return this.#broken('data outside of a body');
    if (!this.#window.received(payload.length)) return this.#broken('more data than credit', 'flow');
    this.#received += payload.length;
    if (this.#length !== null && (this.#received > this.#length || (end && this.#received < this.#length)))
      return this.#broken(`a body that is not the ${this.#length} bytes of its content-length`);
    if (payload.length > 0) {
      this.#queue.push(payload);
      this.#report();
    }
    if (end) {
      this.#receiving = 'ended';
      this.#window.release();
    }
    this.#deliver();
    this.#endIfDone();
  }

  #report(): void {
    try {
      this.#options.onProgress?.(this.#received, this.#length);
    } catch (error) {
      reportFault(error);
    }
  }

  #onReset(code: number, text: string): void {
    const name = codeName(code);
    const detail = text === '' ? '' : `: ${shownText(text)}`;
    const repeatable = name === 'refused' && this.#receiving === 'head';
    this.fail(new TunnelError(name, `The other end ended the exchange (${name})${detail}`, { repeatable }));
  }

  #makeStream(): ReadableStream<Bytes> {
    return new ReadableStream<Bytes>(
      {
        start: controller => {
          this.#controller = controller;
        },
        pull: () => {
          this.#pulled = new Deferred<void>();
          const { promise } = this.#pulled;
          this.#deliver();
          return promise;
        },
        cancel: reason => {
          this.#controller = null;
          this.#queue.clear();
          this.#window.discard();
          this.reset(new TunnelError('cancelled', 'The response is no longer wanted.', { cause: reason }));
          this.#forgetSignal();
        },
      },
      // Nothing is queued in the stream itself: a byte counts as read when somebody asked for it.
      { highWaterMark: 0 },
    );
  }

  /** Hands the next piece to a reader that waits, and returns credit for it; closes the stream after the last. */
  #deliver(): void {
    const controller = this.#controller;
    if (!controller) return;
    if (this.#pulled) {
      const piece = this.#queue.shift();
      if (piece) {
        const remaining = this.#length === null ? Infinity : this.#length - this.#received;
        const credit = this.#window.consumed(piece.length, remaining);
        controller.enqueue(piece);
        this.#pulled.resolve();
        this.#pulled = null;
        if (credit > 0) this.#actions.send({ type: 'credit', exchange: this.id, bytes: credit });
      }
    }
    if (this.#receiving !== 'ended' || this.#window.buffered > 0) return;
    controller.close();
    this.#pulled?.resolve();
    this.#controller = null;
    this.#forgetSignal();
  }
}

export function aborted(signal: AbortSignal | undefined): TunnelError {
  return new TunnelError('cancelled', 'The request was cancelled.', { cause: signal?.reason as unknown });
}
