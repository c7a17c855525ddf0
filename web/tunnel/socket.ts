import { Code, tunnelLimits } from '../generated/protocol.ts';
import { concat, fromUtf8, utf8, type Bytes } from '../base/bytes.ts';
import { Deferred } from '../base/deferred.ts';
import { reportFault } from '../base/emitter.ts';
import type { Timers } from '../base/time.ts';
import { codeName, TunnelError } from './error.ts';
import { aborted, type ExchangeFrame } from './exchange.ts';
import { closeCodeMayBeSent, shownText, wireText, type Frame } from './frames.ts';
import type { ResponseHead } from './head.ts';
import type { DataSource, Piece } from './sender.ts';
import { ReceiveWindow, type ReceiveBudget } from './window.ts';

const maxOutstanding = 0x7fffffff;
/** Bytes that may wait here for a caller that does not wait for `send`. */
const sendQueue = 16 * 1024 * 1024;
const closeReason = tunnelLimits.socketControl - 2;

/** An open WebSocket at the other end. */
export interface TunnelSocket {
  /** The one that the server chose, or "". */
  readonly protocol: string;
  /** Of the acceptance. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /**
   * Resolves when the message is on its way and there is room for the next. Rejects with a TunnelError: `closed`, or
   * `tooLarge` for one beyond the limit or with too many waiting, which are not sent and leave the socket open.
   */
  send(data: string | Uint8Array): Promise<void>;
  /** Messages wait until it is set. A promise that it returns holds back the next ones. */
  onmessage: ((data: string | Bytes) => void | Promise<void>) | null;
  /** Once, after the last message; 1005: without a code, 1006: not in order, and the reason says why. */
  onclose: ((code: number, reason: string) => void) | null;
  /** After what was sent. A code that may not be sent counts as none. */
  close(code?: number, reason?: string): void;
}

export interface SocketActions {
  send(frame: Frame): void;
  /** There is something to send now. */
  ready(source: DataSource): void;
  /** Waiting for credit began or ended. */
  stalled(waiting: boolean): void;
  /** A pong would have to wait. */
  congested(): boolean;
  /** Once. */
  over(): void;
}

export interface SocketSettings {
  id: number;
  protocols: readonly string[];
  budget: ReceiveBudget;
  initialCredit: number;
  /** What the other end lets us send at first. */
  credit: number;
  timers: Timers;
  signal?: AbortSignal | undefined;
}

interface Outgoing {
  payload: Uint8Array;
  text: boolean;
  at: number;
  sent: Deferred<void>;
}

/** A WebSocket as its client sees it (docs/protocol.md, WebSocket). */
export class SocketExchange implements TunnelSocket, DataSource {
  readonly id: number;
  readonly #settings: SocketSettings;
  readonly #actions: SocketActions;
  readonly #opened = new Deferred<TunnelSocket>();
  readonly #window: ReceiveWindow;
  readonly #onAbort = () => this.reset(aborted(this.#settings.signal));
  #state: 'asked' | 'open' | 'closing' | 'over' = 'asked';
  #protocol = '';
  #fields: TunnelSocket['fields'] = [];
  #credit: number;
  #outgoing: Outgoing[] = [];
  #queued = 0;
  #close: { code: number | null; reason: string } | null = null;
  #closeSent = false;
  #closeTimer: unknown = null;

  #pieces: { payload: Uint8Array; text: boolean; end: boolean }[] = [];
  #parts: Uint8Array[] = [];
  #text = false;
  #messageIn = 0;
  /** What of it the connection's budget holds. */
  #counted = 0;
  #delivering = false;
  #end: { code: number; reason: string } | null = null;
  #onmessage: TunnelSocket['onmessage'] = null;
  #onclose: TunnelSocket['onclose'] = null;

  constructor(settings: SocketSettings, actions: SocketActions) {
    this.id = settings.id;
    this.#settings = settings;
    this.#actions = actions;
    this.#credit = settings.credit;
    this.#window = new ReceiveWindow(settings.budget, settings.initialCredit);
    settings.signal?.addEventListener('abort', this.#onAbort);
  }

  /** Resolves when it is open. */
  get opened(): Promise<TunnelSocket> {
    return this.#opened.promise;
  }
  get protocol(): string {
    return this.#protocol;
  }
  get fields(): TunnelSocket['fields'] {
    return this.#fields;
  }
  get onmessage(): TunnelSocket['onmessage'] {
    return this.#onmessage;
  }
  set onmessage(listener: TunnelSocket['onmessage']) {
    this.#onmessage = listener;
    this.#deliver();
  }
  get onclose(): TunnelSocket['onclose'] {
    return this.#onclose;
  }
  set onclose(listener: TunnelSocket['onclose']) {
    this.#onclose = listener;
    this.#deliver();
  }

  send(data: string | Uint8Array): Promise<void> {
    if (this.#state !== 'open') return Promise.reject(new TunnelError('closed', 'The WebSocket is closed.'));
    const payload = typeof data === 'string' ? utf8(data) : data;
    if (payload.length > tunnelLimits.socketMessage) {
      const message = `A message of ${payload.length} bytes; the limit is ${tunnelLimits.socketMessage}.`;
      return Promise.reject(new TunnelError('tooLarge', message));
    }
    const cost = payload.length + tunnelLimits.socketPiece;
    if (this.#queued + cost > sendQueue)
      return Promise.reject(new TunnelError('tooLarge', 'Too many messages wait to be sent.'));
    const outgoing = { payload, text: typeof data === 'string', at: 0, sent: new Deferred<void>() };
    this.#queued += cost;
    this.#outgoing.push(outgoing);
    this.#offer();
    return outgoing.sent.promise;
  }

  close(code = 1000, reason = ''): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    const known = closeCodeMayBeSent(code);
    this.#close = { code: known ? code : null, reason: known ? wireText(reason, closeReason) : '' };
    this.#dropReceived();
    this.#closeTimer = this.#settings.timers.setTimeout(
      () => this.reset(new TunnelError('timeout', 'The close of the WebSocket was not answered.')),
      tunnelLimits.socketCloseMs,
    );
    if (this.#outgoing.length === 0) this.#sendClose();
  }

  nextPiece(limit: number): Piece | null {
    const outgoing = this.#outgoing[0];
    if (!outgoing || this.#state === 'over' || this.#closeSent) return null;
    const room = this.#credit - tunnelLimits.socketPiece;
    if (room <= 0) {
      this.#actions.stalled(true);
      return null;
    }
    const { payload, text, at } = outgoing;
    const size = Math.min(payload.length - at, limit, room);
    const last = at + size === payload.length;
    this.#credit -= size + tunnelLimits.socketPiece;
    outgoing.at += size;
    if (last) {
      this.#outgoing.shift();
      this.#queued -= payload.length + tunnelLimits.socketPiece;
      outgoing.sent.resolve();
      // After the piece that is about to be sent.
      if (this.#close && this.#outgoing.length === 0) queueMicrotask(() => this.#sendClose());
    }
    return { payload: payload.subarray(at, at + size), end: false, message: { text, last } };
  }

  handle(frame: ExchangeFrame): void {
    if (this.#state === 'over') return;
    switch (frame.type) {
      case 'socketAccept':
        return this.#onAccept(frame.head);
      case 'response':
        return this.#onResponse(frame.head, frame.end);
      case 'reset':
        return this.#onReset(frame.code, frame.text);
      case 'unknown':
        return;
      default:
    }
    if (this.#state === 'asked') return frame.type === 'credit' ? undefined : this.#broken(`${frame.type} too early`);
    switch (frame.type) {
      case 'credit':
        return this.#onCredit(frame.bytes);
      case 'socketMessage':
        return this.#onMessage(frame);
      case 'socketControl':
        if (!frame.pong && !this.#closeSent && !this.#actions.congested())
          this.#actions.send({ type: 'socketControl', exchange: this.id, pong: true, payload: frame.payload });
        return;
      case 'socketClose':
        return this.#onClose(frame.code, frame.reason);
      default:
        return this.#broken(`${frame.type} on a WebSocket`);
    }
  }

  /** Ends it from this end and tells the other one. */
  reset(error: TunnelError): void {
    if (this.#state === 'over') return;
    const code = error.code === 'closed' ? Code.cancelled : Code[error.code];
    this.#actions.send({ type: 'reset', exchange: this.id, code, text: wireText(error.message) });
    this.fail(error);
  }

  /** Ends it without a word to the other end. */
  fail(error: TunnelError): void {
    if (this.#state === 'over') return;
    this.#opened.reject(error);
    this.#finish(1006, error.message, error);
  }

  #broken(what: string, code: 'protocol' | 'flow' | 'tooLarge' = 'protocol'): void {
    this.reset(new TunnelError(code, `The other end broke the protocol: ${what}.`));
  }

  #onAccept(head: ResponseHead): void {
    if (this.#state !== 'asked') return this.#broken('a second acceptance');
    const chosen = head.fields.find(([name]) => name.toLowerCase() === 'sec-websocket-protocol')?.[1] ?? '';
    if (chosen !== '' && !this.#settings.protocols.includes(chosen))
      return this.#broken('a protocol that was not offered');
    this.#protocol = chosen;
    this.#fields = head.fields;
    this.#state = 'open';
    this.#opened.resolve(this);
  }

  #onResponse(head: ResponseHead, end: boolean): void {
    if (this.#state !== 'asked') return this.#broken('a response on a WebSocket');
    if (head.status < 200) return end ? this.#broken('an interim response that ends the exchange') : undefined;
    const message = `The server answered with status ${head.status} instead of opening a WebSocket.`;
    const error = new TunnelError('refused', message, { status: head.status });
    if (end) return this.fail(error);
    this.#actions.send({ type: 'reset', exchange: this.id, code: Code.cancelled, text: '' });
    this.fail(error);
  }

  #onReset(code: number, text: string): void {
    const name = codeName(code);
    const detail = text === '' ? '' : `: ${shownText(text)}`;
    const repeatable = name === 'refused' && this.#state === 'asked';
    this.fail(new TunnelError(name, `The other end ended the WebSocket (${name})${detail}`, { repeatable }));
  }

  #onCredit(bytes: number): void {
    if (this.#closeSent) return;
    this.#credit += bytes;
    if (this.#credit > maxOutstanding) return this.#broken('credit beyond 2^31-1');
    this.#offer();
  }

  #offer(): void {
    if (this.#outgoing.length === 0) return;
    const waiting = this.#credit <= tunnelLimits.socketPiece;
    this.#actions.stalled(waiting);
    if (!waiting) this.#actions.ready(this);
  }

  #onMessage(frame: Extract<Frame, { type: 'socketMessage' }>): void {
    const { payload, text, end } = frame;
    if (payload.length === 0 && !end) return this.#broken('a piece without a byte');
    this.#messageIn += payload.length;
    if (this.#messageIn > tunnelLimits.socketMessage) return this.#broken('a message beyond its limit', 'tooLarge');
    const { budget } = this.#settings;
    if (!end && budget.assembling + payload.length > tunnelLimits.socketAssembly)
      return this.#broken('too many messages at once that are not whole', 'tooLarge');
    this.#assembling(end ? 0 : this.#messageIn);
    if (end) this.#messageIn = 0;
    if (!this.#window.received(payload.length + tunnelLimits.socketPiece))
      return this.#broken('more data than credit', 'flow');
    if (this.#state === 'closing') return this.#taken(payload.length);
    this.#pieces.push({ payload, text, end });
    this.#deliver();
  }

  #assembling(bytes: number): void {
    this.#settings.budget.assembling += bytes - this.#counted;
    this.#counted = bytes;
  }

  #taken(size: number): void {
    const credit = this.#window.consumed(size + tunnelLimits.socketPiece, Infinity);
    if (credit > 0 && this.#state !== 'over') this.#actions.send({ type: 'credit', exchange: this.id, bytes: credit });
  }

  #onClose(code: number | null, reason: string): void {
    if (!this.#closeSent) this.#actions.send({ type: 'socketClose', exchange: this.id, code, reason: '' });
    this.#closeSent = true;
    this.#finish(code ?? 1005, shownText(reason), new TunnelError('closed', 'The other end closed the WebSocket.'));
  }

  #sendClose(): void {
    if (this.#closeSent || this.#state === 'over' || !this.#close) return;
    this.#closeSent = true;
    this.#actions.send({ type: 'socketClose', exchange: this.id, ...this.#close });
  }

  #dropReceived(): void {
    this.#assembling(0);
    this.#pieces = [];
    this.#parts = [];
    this.#window.discard();
  }

  #finish(code: number, reason: string, error: TunnelError): void {
    const asked = this.#state === 'asked';
    this.#state = 'over';
    this.#window.release();
    this.#actions.stalled(false);
    this.#settings.timers.clearTimeout(this.#closeTimer);
    this.#settings.signal?.removeEventListener('abort', this.#onAbort);
    for (const { sent } of this.#outgoing) sent.reject(error);
    this.#outgoing = [];
    this.#actions.over();
    if (asked) return;
    this.#end = { code, reason };
    // Of a broken one, nothing more is wanted.
    if (code === 1006) this.#dropReceived();
    this.#deliver();
  }

  /** Hands out what is complete, in order, and at last the end. */
  #deliver(): void {
    if (this.#delivering) return;
    while (this.#onmessage && this.#pieces.length > 0) {
      const message = this.#take();
      if (message === null) continue;
      const held = this.#call(this.#onmessage, message);
      if (held instanceof Promise) {
        this.#delivering = true;
        void held.catch(reportFault).finally(() => {
          this.#delivering = false;
          this.#deliver();
        });
        return;
      }
    }
    if (!this.#end || !this.#onclose || (this.#onmessage && this.#pieces.length > 0)) return;
    const { code, reason } = this.#end;
    this.#dropReceived();
    const listener = this.#onclose;
    this.#onclose = null;
    try {
      listener(code, reason);
    } catch (error) {
      reportFault(error);
    }
  }

  /** The next message when it is whole. */
  #take(): string | Bytes | null {
    const piece = this.#pieces.shift();
    if (!piece) return null;
    if (this.#parts.length === 0) this.#text = piece.text;
    this.#parts.push(piece.payload);
    this.#taken(piece.payload.length);
    if (!piece.end) return null;
    const data = concat(this.#parts);
    this.#parts = [];
    if (!this.#text) return data;
    const text = fromUtf8(data);
    if (text === null) this.close(1007, 'text that is not UTF-8');
    return text;
  }

  #call(listener: (data: string | Bytes) => void | Promise<void>, message: string | Bytes): unknown {
    try {
      return listener(message);
    } catch (error) {
      reportFault(error);
      return undefined;
    }
  }
}
