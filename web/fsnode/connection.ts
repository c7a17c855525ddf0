// One connection to a server: its hello, the calls that are open on it, and those that wait for a place.
import { type Bytes } from '../base/bytes.ts';
import { Deferred } from '../base/deferred.ts';
import { reportFault } from '../base/emitter.ts';
import { systemTimers, type Timers } from '../base/time.ts';
import { asFsError, cancelled, ConnectionLost, FsError } from './error.ts';
import { fsnodeLimits, fsnodeVersion, helloWaitMs, maxStreams, maxWaitingCalls, silenceMs } from './limits.ts';
import { malformed, parseError, parseHello, parseMessage, type Hello } from './wire.ts';
import type { Transport } from './transport.ts';

/** How a call counts against the limits. */
export type CallKind = 'short' | 'stream' | 'sub';

export interface CallHandlers {
  head?(value: unknown): void;
  credit?(value: unknown): void;
  part?(value: unknown): void;
  events?(value: unknown): void;
  data?(bytes: Bytes): void;
  /** It was sent. */
  opened?(): void;
  /** Called once; nothing is called after it. */
  done(outcome: { ok: unknown } | FsError): void;
}

export interface ConnectionOptions {
  timers?: Timers | undefined;
  helloWaitMs?: number | undefined;
  silenceMs?: number | undefined;
}

type Request = Record<string, unknown> & { op: string };

export class Call {
  readonly kind: CallKind;
  readonly request: string;
  id = 0;
  /** Null once nobody waits for it any more. */
  handlers: CallHandlers | null;
  readonly #connection: Connection;

  constructor(connection: Connection, kind: CallKind, request: Request, handlers: CallHandlers) {
    this.#connection = connection;
    this.kind = kind;
    this.request = JSON.stringify(request).slice(1);
    this.handlers = handlers;
  }

  get over(): boolean {
    return this.handlers === null;
  }

  finish(outcome: { ok: unknown } | FsError): void {
    const { handlers } = this;
    this.handlers = null;
    handlers?.done(outcome);
  }

  send(message: Record<string, unknown>): void {
    if (!this.over && this.id !== 0) void this.#connection.send(JSON.stringify({ id: this.id, ...message }));
  }

  /** Resolves when there is room for more. */
  async sendData(bytes: Uint8Array): Promise<void> {
    if (this.over) return;
    const message = new Uint8Array(4 + bytes.length);
    new DataView(message.buffer).setUint32(0, this.id);
    message.set(bytes, 4);
    await this.#connection.send(message);
  }

  /** Ends it with `error`; the server is told. */
  cancel(error: FsError = cancelled(undefined)): void {
    if (this.over) return;
    this.send({ cancel: true });
    this.finish(error);
    this.#connection.withdraw(this);
  }
}

export class Connection {
  readonly #transport: Transport;
  readonly #timers: Timers;
  readonly #silenceMs: number;
  readonly #hello = new Deferred<Hello>();
  readonly #closed = new Deferred<void>();
  readonly #open = new Map<number, Call>();
  readonly #waiting: Record<CallKind, Call[]> = { short: [], stream: [], sub: [] };
  readonly #counts: Record<CallKind, number> = { short: 0, stream: 0, sub: 0 };
  #state: 'greeting' | 'open' | 'closed' = 'greeting';
  #nextId = 1;
  #warned = false;
  #timer: unknown;
  #silent: 'heard' | 'silent' | 'asked' = 'heard';

  constructor(transport: Transport, options: ConnectionOptions = {}) {
    this.#transport = transport;
    this.#timers = options.timers ?? systemTimers;
    this.#silenceMs = options.silenceMs ?? silenceMs;
    const wait = options.helloWaitMs ?? helloWaitMs;
    this.#schedule(wait, () => this.#fail('The server did not greet in time. Is this an owndir server?'));
    transport.onclose = reason => this.#fail(`The connection to the folder ended: ${reason}.`);
    transport.onmessage = message => this.#receive(message);
  }

  /** What the server said first; rejects when the connection ends before. */
  get hello(): Promise<Hello> {
    return this.#hello.promise;
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Sends a call, as soon as there is a place for it. */
  call(kind: CallKind, request: Request, handlers: CallHandlers): Call {
    const call = new Call(this, kind, request, handlers);
    // A sentence of ASCII as long as names are encoded: its length is its bytes.
    if (call.request.length + 20 > fsnodeLimits.messageIn)
      this.#refuse(call, 413, 'The paths of this call are too long.');
    else if (this.#state === 'closed') call.finish(new ConnectionLost('There is no connection to the folder.'));
    else if (this.#waiting[kind].length >= maxWaitingCalls)
      this.#refuse(call, 429, 'Too many calls wait for the server.');
    else {
      this.#waiting[kind].push(call);
      this.#sendWaiting();
    }
    return call;
  }

  close(): void {
    if (this.#state !== 'closed') this.#end(new ConnectionLost('The connection to the folder was closed here.'));
  }

  /** For calls only. */
  send(message: string | Bytes): void | Promise<void> {
    if (this.#state === 'closed') return;
    try {
      return Promise.resolve(this.#transport.send(message)).catch((error: unknown) => this.#broken(error));
    } catch (error) {
      this.#broken(error);
    }
  }

  /** For calls only: takes one that was never sent out of the line. One that was keeps its place until the server's last word. */
  withdraw(call: Call): void {
    if (call.id !== 0) return;
    const line = this.#waiting[call.kind];
    const at = line.indexOf(call);
    if (at >= 0) line.splice(at, 1);
  }

  #refuse(call: Call, status: 413 | 429, sentence: string): void {
    call.finish(new FsError(status, sentence));
  }

  #sendWaiting(): void {
    if (this.#state !== 'open') return;
    // One place is kept for the sign of life.
    const most = { short: fsnodeLimits.calls - 1, stream: maxStreams, sub: fsnodeLimits.subs };
    for (const kind of ['sub', 'short', 'stream'] as const) {
      const line = this.#waiting[kind];
      while (line.length > 0 && this.#open.size < fsnodeLimits.calls - 1 && this.#counts[kind] < most[kind]) {
        const call = line.shift();
        if (call) this.#start(call);
      }
    }
    if (this.#waiting.sub.length === 0 || this.#counts.sub < fsnodeLimits.subs || this.#warned) return;
    this.#warned = true;
    console.warn(`owndir: ${fsnodeLimits.subs} subs are open; a further one waits until one is ended.`);
  }

  #start(call: Call): void {
    while (this.#open.has(this.#nextId)) this.#advance();
    call.id = this.#nextId;
    this.#advance();
    this.#open.set(call.id, call);
    this.#counts[call.kind]++;
    void this.send(`{"id":${call.id},${call.request}`);
    call.handlers?.opened?.();
  }

  #advance(): void {
    this.#nextId = this.#nextId >= 0x7fff_ffff ? 1 : this.#nextId + 1;
  }

  #receive(message: string | Uint8Array): void {
    if (this.#state === 'closed') return;
    this.#silent = 'heard';
    try {
      if (typeof message === 'string') this.#receiveText(message);
      else this.#receiveData(message);
    } catch (error) {
      // A handler's fault is ours, and must not take the rest down in silence.
      reportFault(error);
      this.#fail(`This page failed: ${asFsError(error).error}`);
    }
  }

  #receiveText(text: string): void {
    const message = parseMessage(text);
    if (!message) return this.#fail(malformed().error);
    if (this.#state === 'greeting') return this.#greet(parseHello(message));
    const call = typeof message.id === 'number' ? this.#open.get(message.id) : undefined;
    if (!call) return;
    if ('ok' in message) this.#finish(call, { ok: message.ok });
    else if ('error' in message) this.#finish(call, parseError(message.error));
    else if ('head' in message) call.handlers?.head?.(message.head);
    else if ('credit' in message) call.handlers?.credit?.(message.credit);
    else if ('part' in message) call.handlers?.part?.(message.part);
    else if ('events' in message) call.handlers?.events?.(message.events);
  }

  #receiveData(bytes: Uint8Array): void {
    if (bytes.length < 5 || this.#state === 'greeting') return this.#fail(malformed().error);
    const id = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    this.#open.get(id)?.handlers?.data?.(bytes.subarray(4) as Bytes);
  }

  #greet(hello: Hello | null): void {
    if (!hello) return this.#fail('The server did not greet as an owndir server does.');
    if (hello.version !== fsnodeVersion)
      return this.#fail(
        `The server speaks version ${hello.version} of the folder API, this page version ${fsnodeVersion}. Reload the page.`,
      );
    this.#state = 'open';
    this.#hello.resolve(hello);
    this.#schedule(this.#silenceMs, () => this.#listen());
    this.#sendWaiting();
  }

  #finish(call: Call, outcome: { ok: unknown } | FsError): void {
    this.#open.delete(call.id);
    this.#counts[call.kind]--;
    call.finish(outcome);
    this.#sendWaiting();
  }

  /** Every `silenceMs`: by ticks and not by clock, which jumps when the machine slept. */
  #listen(): void {
    if (this.#silent === 'asked') return this.#fail('The server has stopped answering.');
    if (this.#silent === 'heard' || this.#open.size === 0) this.#silent = 'silent';
    else {
      this.#silent = 'asked';
      this.#start(new Call(this, 'short', { op: 'info', path: '' }, { done: () => undefined }));
    }
    this.#schedule(this.#silenceMs, () => this.#listen());
  }

  #schedule(ms: number, action: () => void): void {
    this.#timers.clearTimeout(this.#timer);
    this.#timer = this.#timers.setTimeout(action, ms);
    // In Node a connection that nobody uses does not keep the process.
    (this.#timer as { unref?: () => void } | undefined)?.unref?.();
  }

  #broken(error: unknown): void {
    this.#fail(`The connection to the folder broke: ${asFsError(error).error}`);
  }

  #fail(sentence: string): void {
    if (this.#state !== 'closed') this.#end(new ConnectionLost(sentence));
  }

  #end(error: ConnectionLost): void {
    this.#state = 'closed';
    this.#timers.clearTimeout(this.#timer);
    this.#hello.reject(error);
    const { short, stream, sub } = this.#waiting;
    const calls = [...this.#open.values(), ...short.splice(0), ...stream.splice(0), ...sub.splice(0)];
    this.#open.clear();
    for (const call of calls) call.finish(error);
    this.#closed.resolve();
    this.#transport.close();
  }
}
