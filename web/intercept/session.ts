// One client of a broker, or of a bare tunnel, behind a MessagePort. Everything that the client can make grow has a limit here: open requests, bytes on
// their way in either direction. A message that breaks the rules ends its request; one that is none of ours is ignored.

import { utf8, type Bytes } from '../base/bytes.ts';
import { Deferred } from '../base/deferred.ts';
import type { TunnelSocket } from '../tunnel/index.ts';
import type { Emitter } from '../base/emitter.ts';
import { Batch } from './batch.ts';
import { Failure, failureOf, faultOf } from './failure.ts';
import {
  parseToBroker,
  portLimits,
  type AnswerHead,
  type FetchHead,
  type FromBroker,
  type Port,
  type ScriptCookie,
  type ToBroker,
} from './port.ts';
import type { Body } from './request.ts';

export interface Answer {
  readonly head: AnswerHead;
  /** Errors when the answer breaks off. */
  readonly body: ReadableStream<Bytes> | null;
}

export type Asked = Pick<Of<'socket'>, 'target' | 'protocols' | 'fields'>;

/** What answers the client. */
export interface Backend {
  fetch(head: FetchHead, body: Body, signal: AbortSignal): Promise<Answer>;
  openSocket(asked: Asked, signal: AbortSignal): Promise<TunnelSocket>;
  readonly scriptCookies: readonly ScriptCookie[];
  readonly cookiesChanged: Emitter<void>;
  setScriptCookie(text: string, path: string): void;
}

export interface SessionHooks {
  /** Requests and WebSockets open at once; `portLimits.open` by default. */
  readonly open?: number;
  /** Buffers go through the port uncopied: pieces are not joined. */
  readonly uncopied?: boolean;
  /** Called once, when it serves nobody any more. */
  over(): void;
}

interface Exchange {
  readonly stop: AbortController;
  handle(message: ToBroker): void;
}

type Of<Type extends ToBroker['type']> = Extract<ToBroker, { type: Type }>;
type Send = (message: FromBroker, transfer?: Transferable[]) => void;

export class Session {
  readonly #backend: Backend;
  readonly #port: Port;
  readonly #exchanges = new Map<number, Exchange>();
  #stopWatching: (() => void) | null = null;
  /** How many cookie messages have been heeded. */
  #turn = 0;
  #closed = false;
  #retired = false;
  readonly #hooks: SessionHooks;

  constructor(backend: Backend, port: Port, hooks: SessionHooks) {
    this.#backend = backend;
    this.#port = port;
    this.#hooks = hooks;
    port.onmessage = event => this.#onMessage(event.data);
    // Where the browser tells: the client's document or worker is gone.
    port.addEventListener('close', () => this.close());
    this.#send({ type: 'ready' });
  }

  get open(): number {
    return this.#exchanges.size;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopWatching?.();
    for (const { stop } of this.#exchanges.values()) stop.abort(new DOMException('The client is gone.', 'AbortError'));
    this.#exchanges.clear();
    this.#port.close();
    this.#hooks.over();
  }

  /** Closes it when what is open now has ended. */
  retire(): void {
    this.#retired = true;
    if (this.#exchanges.size === 0) this.close();
  }

  readonly #send: Send = (message, transfer = []) => {
    if (!this.#closed) this.#port.postMessage(message, transfer);
  };

  #onMessage(data: unknown): void {
    if (typeof data === 'object' && data !== null && (data as { type?: unknown }).type === 'bye') return this.close();
    const message = parseToBroker(data);
    if (!message) return this.#refuse(data);
    switch (message.type) {
      case 'watch':
        return this.#watch();
      case 'cookie':
        this.#turn += 1;
        this.#backend.setScriptCookie(message.text, message.path);
        return this.#tellCookies();
      case 'fetch':
      case 'socket':
        return this.#begin(message);
      default:
        this.#exchanges.get(message.id)?.handle(message);
    }
  }

  /** A request that is none gets an end, so that nobody waits for it. */
  #refuse(data: unknown): void {
    const { type, id } = (typeof data === 'object' && data !== null ? data : {}) as Record<string, unknown>;
    if (typeof id !== 'number') return;
    const known = this.#exchanges.get(id);
    if (known) return known.stop.abort(new Failure('network', 'The message is malformed.'));
    const refusal = new Failure('network', 'The request is malformed.');
    if (type === 'fetch' || type === 'socket') this.#send(refusedAs(type, id, refusal));
  }

  #begin(message: Of<'fetch' | 'socket'>): void {
    const { id } = message;
    if (this.#exchanges.has(id)) return;
    if (this.#exchanges.size >= (this.#hooks.open ?? portLimits.open))
      return this.#send(refusedAs(message.type, id, new Failure('refused', 'Too many requests are open.')));
    const exchange =
      message.type === 'fetch'
        ? new FetchExchange(this.#backend, message, this.#send, this.#hooks.uncopied === true)
        : new SocketExchange(this.#backend, message, this.#send);
    this.#exchanges.set(id, exchange);
    void exchange.run().finally(() => {
      this.#exchanges.delete(id);
      if (this.#retired) this.retire();
    });
  }

  #watch(): void {
    this.#stopWatching ??= this.#backend.cookiesChanged.on(() => this.#tellCookies());
    this.#tellCookies();
  }

  #tellCookies(): void {
    if (!this.#stopWatching) return;
    this.#send({ type: 'cookies', cookies: this.#backend.scriptCookies, turn: this.#turn });
  }
}

/** The end of a request that has none of its own. */
function refusedAs(type: 'fetch' | 'socket', id: number, error: unknown): FromBroker {
  const { code, message } = failureOf(error);
  const fault = faultOf(error);
  return type === 'fetch'
    ? { type: 'fail', id, code, message, fault }
    : { type: 'closed', id, code: 1006, reason: '', clean: false, fault };
}

class FetchExchange implements Exchange {
  readonly stop = new AbortController();
  readonly #backend: Backend;
  readonly #message: Of<'fetch'>;
  readonly #uncopied: boolean;
  readonly #send: Send;
  #credit: number;
  #credited: Deferred<void> | null = null;
  #upload: ReadableStreamDefaultController<Uint8Array> | null = null;
  /** What the client may still send of its body. */
  #allowed: number = portLimits.bodyCredit;
  #waiting: Uint8Array[] = [];
  #bodyEnded = false;

  constructor(backend: Backend, message: Of<'fetch'>, send: Send, uncopied: boolean) {
    this.#backend = backend;
    this.#uncopied = uncopied;
    this.#message = message;
    this.#send = send;
    this.#credit = message.credit;
  }

  async run(): Promise<void> {
    const { id, head } = this.#message;
    const { signal } = this.stop;
    try {
      const body = this.#message.body === 'stream' ? this.#bodyStream() : this.#message.body;
      const answer = await this.#backend.fetch(head, body, signal);
      this.#send({ type: 'head', id, head: answer.head });
      if (answer.body) await this.#pump(answer.body);
      this.#send({ type: 'end', id });
    } catch (error) {
      this.#send(refusedAs('fetch', id, signal.aborted && signal.reason instanceof Failure ? signal.reason : error));
    } finally {
      this.#bodyEnded = true;
      this.#waiting = [];
      this.#upload = null;
    }
  }

  handle(message: ToBroker): void {
    switch (message.type) {
      case 'cancel':
        return this.stop.abort(new DOMException('The request was cancelled.', 'AbortError'));
      case 'credit':
        this.#credit = Math.min(this.#credit + message.bytes, portLimits.maxCredit);
        if (this.#credit > 0) this.#credited?.resolve();
        return;
      case 'data':
        return this.#onData(message.bytes);
      case 'end':
        this.#bodyEnded = true;
        return this.#feed();
      default:
        return this.stop.abort(new Failure('network', 'The message does not fit a request.'));
    }
  }

  readonly #give = (bytes: Bytes): void => this.#send({ type: 'data', id: this.#message.id, bytes }, [bytes.buffer]);

  async #pump(body: ReadableStream<Bytes>): Promise<void> {
    const { signal } = this.stop;
    const reader = body.getReader();
    const batch = new Batch(this.#give);
    const abort = () => {
      this.#credited?.resolve();
      void reader.cancel(signal.reason).catch(() => undefined);
    };
    signal.addEventListener('abort', abort, { once: true });
    try {
      for (;;) {
        if (this.#credit <= 0) batch.flush();
        while (this.#credit <= 0 && !signal.aborted) {
          this.#credited = new Deferred<void>();
          await this.#credited.promise;
        }
        const { done, value } = await reader.read();
        if (signal.aborted) throw signal.reason;
        if (done) return batch.flush();
        this.#credit -= value.length;
        if (this.#uncopied) this.#give(value);
        else batch.add(value);
      }
    } catch (error) {
      void reader.cancel(error).catch(() => undefined);
      throw error;
    } finally {
      batch.stop();
      signal.removeEventListener('abort', abort);
    }
  }

  #bodyStream(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        start: controller => {
          this.#upload = controller;
          this.stop.signal.addEventListener('abort', () => controller.error(this.stop.signal.reason), { once: true });
        },
        pull: () => this.#feed(),
        cancel: () => {
          this.#upload = null;
          this.#waiting = [];
        },
      },
      { highWaterMark: 0 },
    );
  }

  #onData(bytes: Uint8Array): void {
    if (this.#bodyEnded || this.#message.body !== 'stream') return;
    this.#allowed -= bytes.length;
    if (this.#allowed < 0) return this.stop.abort(new Failure('network', 'More of the body came than was allowed.'));
    if (bytes.length > 0) this.#waiting.push(bytes);
    this.#feed();
  }

  /** To whoever reads the body; each byte that is read may be followed by another. */
  #feed(): void {
    const upload = this.#upload;
    if (!upload) return;
    while ((upload.desiredSize ?? -1) >= 0) {
      const bytes = this.#waiting.shift();
      if (!bytes) break;
      upload.enqueue(bytes);
      this.#allowed += bytes.length;
      this.#send({ type: 'credit', id: this.#message.id, bytes: bytes.length });
    }
    if (!this.#bodyEnded || this.#waiting.length > 0) return;
    this.#upload = null;
    upload.close();
  }
}

class SocketExchange implements Exchange {
  readonly stop = new AbortController();
  readonly #backend: Backend;
  readonly #message: Of<'socket'>;
  readonly #send: Send;
  readonly #closed = new Deferred<void>();
  #socket: TunnelSocket | null = null;
  #outgoing = 0;
  #untaken = 0;
  #asked: { code: number; reason: string } | null = null;
  #taken: Deferred<void> | null = null;

  constructor(backend: Backend, message: Of<'socket'>, send: Send) {
    this.#backend = backend;
    this.#message = message;
    this.#send = send;
  }

  async run(): Promise<void> {
    const { id, protocols } = this.#message;
    const { signal } = this.stop;
    try {
      const socket = await this.#backend.openSocket(this.#message, signal);
      // What was asked for and not chosen fails the handshake (WebSockets standard).
      if (protocols.length > 0 && socket.protocol === '') {
        this.stop.abort(new Failure('network', 'The server has chosen none of the subprotocols.'));
        throw this.stop.signal.reason;
      }
      this.#socket = socket;
      this.#send({ type: 'opened', id, protocol: socket.protocol });
      socket.onclose = (code, reason) => {
        const clean = code !== 1006;
        // The tunnel's answer to a close has no reason; a server answers with the one that it got.
        const said = reason === '' && code === this.#asked?.code ? this.#asked.reason : reason;
        const fault = clean ? null : ({ code: 'closed', message: reason, repeatable: false, status: null } as const);
        this.#send({ type: 'closed', id, code, reason: clean ? said : '', clean, fault });
        this.#closed.resolve();
      };
      socket.onmessage = data => this.#onIncoming(data);
      await this.#closed.promise;
    } catch (error) {
      this.#send(refusedAs('socket', id, error));
    }
  }

  handle(message: ToBroker): void {
    switch (message.type) {
      case 'cancel':
        return this.stop.abort(new DOMException('The WebSocket was dropped.', 'AbortError'));
      case 'send':
        return this.#onOutgoing(message.data);
      case 'close':
        if (!this.#socket) return this.stop.abort(new DOMException('Closed before it was open.', 'AbortError'));
        this.#asked ??= { code: message.code ?? 1005, reason: message.reason };
        // 1005 may not be sent: a close without a code.
        return this.#socket.close(message.code ?? 1005, message.reason);
      case 'taken':
        this.#untaken = Math.max(0, this.#untaken - message.bytes);
        if (this.#untaken < portLimits.maxCredit) this.#taken?.resolve();
        return;
      default:
        return this.stop.abort(new Failure('network', 'The message does not fit a WebSocket.'));
    }
  }

  #onOutgoing(data: string | Uint8Array): void {
    const bytes = typeof data === 'string' ? utf8(data) : data;
    const cost = bytes.length + portLimits.messageCost;
    const beyond = this.#outgoing >= portLimits.socketOutgoing;
    if (!this.#socket || beyond || bytes.length > portLimits.socketMessage)
      return this.stop.abort(new Failure('tooLarge', 'The WebSocket takes no more.'));
    this.#outgoing += cost;
    const sent = () => {
      this.#outgoing -= cost;
      this.#send({ type: 'sent', id: this.#message.id, bytes: bytes.length });
    };
    void this.#socket.send(data).then(sent, sent);
  }

  #onIncoming(data: string | Bytes): Promise<void> | void {
    const size = typeof data === 'string' ? utf8(data).length : data.length;
    this.#untaken += size + portLimits.messageCost;
    const transfer = typeof data === 'string' || data.byteLength === 0 ? [] : [data.buffer];
    this.#send({ type: 'message', id: this.#message.id, data }, transfer);
    if (this.#untaken < portLimits.maxCredit || this.stop.signal.aborted) return undefined;
    this.#taken = new Deferred<void>();
    this.stop.signal.addEventListener('abort', () => this.#taken?.resolve(), { once: true });
    return this.#taken.promise;
  }
}
