// The client's end of the tunnel (docs/protocol.md, section 2): the connection's rules, and which exchange runs where.
// One exchange's rules are in exchange.ts and upload.ts, what goes out when in sender.ts.
import { Code, tunnelLimits, tunnelVersion } from '../generated/protocol.ts';
import { Deferred } from '../base/deferred.ts';
import { systemTimers, type Timers } from '../base/time.ts';
import { utf8, type Bytes } from '../base/bytes.ts';
import type { MessageChannel } from './channel.ts';
import { codeName, TunnelError, type CodeName } from './error.ts';
import { aborted, Exchange } from './exchange.ts';
import { codeOf, decodeFrame, encodeFrame, headerSize, shownText, wireText, type Frame } from './frames.ts';
import { contentLength, forwardedFields, FrameError, type Field } from './head.ts';
import { Liveness } from './liveness.ts';
import type { TunnelResponse } from './response.ts';
import { ResetPace } from './pace.ts';
import { ChannelSender } from './sender.ts';
import {
  remoteOf,
  type FetchOptions,
  type Remote,
  type TunnelClientOptions,
  type TunnelRequest,
  type TunnelStats,
} from './types.ts';
import { Upload } from './upload.ts';
import { ReceiveBudget } from './window.ts';

interface Lane {
  sender: ChannelSender;
  /** The largest id opened on it. */
  lastExchange: number;
  open: number;
}

interface Waiting {
  request: TunnelRequest;
  options: FetchOptions;
  started: Deferred<TunnelResponse>;
  onAbort: () => void;
}

const waitingLimit = 10_000;
/** Heads that may wait in one channel's queue before no more exchanges are opened on it. */
const headsWaiting = 64;
/** A pong may wait for this much; an end that pings without reading gets none. */
const pongBuffer = 64 * 1024;

/** Owns its channels from construction on. */
export class TunnelClient {
  readonly #timers: Timers;
  readonly #dataPiece: number;
  readonly #initialCredit: number;
  readonly #control: ChannelSender;
  readonly #lanes: Lane[];
  readonly #liveness: Liveness;
  readonly #budget = new ReceiveBudget();
  readonly #ready = new Deferred<void>();
  readonly #closed = new Deferred<TunnelError>();
  readonly #idle = new Deferred<void>();
  readonly #exchanges = new Map<number, { exchange: Exchange; lane: Lane }>();
  #waiting: Waiting[] = [];
  #remote: Remote | null = null;
  #state: 'open' | 'draining' | 'closed' = 'open';
  #drainReason: TunnelError | null = null;
  #helloTimer: unknown = null;
  #opened = 0;
  #bytesReceived = 0;
  readonly #pace: ResetPace;

  constructor(channels: MessageChannel[], options: TunnelClientOptions = {}) {
    if (channels.length !== tunnelLimits.channels)
      throw new TypeError(`a tunnel has ${tunnelLimits.channels} channels`);
    this.#timers = options.timers ?? systemTimers;
    this.#dataPiece = options.dataPiece ?? 16 * 1024;
    this.#initialCredit = options.initialCredit ?? tunnelLimits.initialCredit;
    this.#pace = new ResetPace(this.#timers, () => this.#startWaiting());
    this.#liveness = new Liveness(this.#timers, {
      ping: opaque => this.#control.send(encodeFrame({ type: 'ping', exchange: 0, opaque })),
      dead: () => this.#end(new TunnelError('timeout', 'The other end no longer answers.')),
    });
    const [control, ...lanes] = channels.map(channel => this.#adopt(channel));
    if (!control) throw new TypeError('no channels');
    this.#control = control;
    this.#lanes = lanes.map(sender => ({ sender, lastExchange: 0, open: 0 }));
    channels.forEach((channel, index) => this.#listen(channel, index));
  }

  /** Resolves with the other end's hello; rejects with a TunnelError when the connection ends before. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Resolves, with why, when the connection is over. Never rejects. */
  get closed(): Promise<TunnelError> {
    return this.#closed.promise;
  }

  get stats(): TunnelStats {
    return {
      exchangesOpened: this.#opened,
      exchangesActive: this.#exchanges.size,
      bodyBytesSent: this.#lanes.reduce((sum, lane) => sum + lane.sender.bodyBytes, 0),
      bodyBytesReceived: this.#bytesReceived,
      roundTripMs: this.#liveness.roundTripMs,
    };
  }

  /**
   * Resolves when the final response head is there; its body streams after that. Waits while the other end's limit of open
   * exchanges is reached. Rejects with a TunnelError; `cancelled` (cause: the signal's reason) after an abort.
   */
  fetch(request: TunnelRequest, options: FetchOptions = {}): Promise<TunnelResponse> {
    if (this.#state !== 'open') return Promise.reject(this.#notStarted());
    if (options.signal?.aborted) return Promise.reject(aborted(options.signal));
    if (this.#waiting.length >= waitingLimit)
      return Promise.reject(new TunnelError('refused', 'Too many requests are waiting.', { repeatable: true }));
    const started = new Deferred<TunnelResponse>();
    const waiting: Waiting = { request, options, started, onAbort: () => this.#forget(waiting) };
    options.signal?.addEventListener('abort', waiting.onAbort);
    this.#waiting.push(waiting);
    this.#startWaiting();
    return started.promise;
  }

  /** Takes no new exchanges, lets the open ones finish, then closes. */
  async shutDown(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#drain(new TunnelError('closed', 'The connection is being closed.', { repeatable: true }));
    await Promise.race([this.#idle.promise, this.#closed.promise]);
    this.close();
  }

  /** At once; open exchanges fail with `closed`. */
  close(): void {
    this.#end(new TunnelError('closed', 'The connection was closed.'), 'noError');
  }

  #adopt(channel: MessageChannel): ChannelSender {
    return new ChannelSender(channel, cause =>
      this.#end(new TunnelError('closed', 'A channel no longer takes messages.', { cause })),
    );
  }

  #listen(channel: MessageChannel, index: number): void {
    const sender = index === 0 ? this.#control : this.#lanes[index - 1]?.sender;
    channel.onmessage = data => this.#onMessage(index, data);
    channel.onbufferedamountlow = () => {
      sender?.flush();
      this.#startWaiting();
    };
    channel.onclose = () => this.#end(new TunnelError('closed', 'The connection was lost.'));
    channel.onopen = () => this.#onOpen(index);
    if (channel.open) this.#onOpen(index);
  }

  #onOpen(index: number): void {
    if (this.#state === 'closed') return;
    this.#helloTimer ??= this.#timers.setTimeout(
      () => this.#end(new TunnelError('timeout', 'The other end did not say hello.')),
      tunnelLimits.helloWaitMs,
    );
    if (index > 0) {
      this.#lanes[index - 1]?.sender.flush();
      this.#startWaiting();
      return;
    }
    const settings = {
      maxFrame: tunnelLimits.maxFrame,
      dataPiece: this.#dataPiece,
      initialCredit: this.#initialCredit,
      maxExchanges: tunnelLimits.maxExchanges,
      maxHead: tunnelLimits.maxHead,
    };
    this.#control.send(
      encodeFrame({ type: 'hello', exchange: 0, versionMin: tunnelVersion, versionMax: tunnelVersion, settings }),
    );
  }

  #onMessage(index: number, data: Bytes): void {
    if (this.#state === 'closed') return;
    this.#liveness.heard();
    try {
      const frame = decodeFrame(data);
      if (index === 0) this.#onConnectionFrame(frame);
      else this.#onExchangeFrame(index, frame);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#onFrameError(index, error);
    }
  }

  #onFrameError(index: number, error: FrameError): void {
    const name = codeName(codeOf(error));
    const found = this.#exchanges.get(error.exchange);
    const fault = new TunnelError(name, `The other end broke the protocol: ${error.message}.`);
    if (found && found.lane === this.#lanes[index - 1]) found.exchange.reset(fault);
    else if (error.exchange === 0 || error.exchange > (this.#lanes[index - 1]?.lastExchange ?? 0))
      this.#end(fault, name);
  }

  #broken(what: string): void {
    this.#end(new TunnelError('protocol', `The other end broke the protocol: ${what}.`), 'protocol');
  }

  #onConnectionFrame(frame: Frame): void {
    if (!this.#remote && frame.type !== 'hello' && frame.type !== 'goaway')
      return this.#broken('a frame before its hello');
    switch (frame.type) {
      case 'hello':
        return this.#onHello(frame);
      case 'ping':
        if (this.#control.channel.bufferedAmount < pongBuffer)
          this.#control.send(encodeFrame({ type: 'pong', exchange: 0, opaque: frame.opaque }));
        return;
      case 'pong':
        return this.#liveness.pong(frame.opaque);
      case 'goaway':
        return this.#onGoaway(frame);
      case 'unknown':
        return;
      default:
        return this.#broken(`${frame.type} on channel 0`);
    }
  }

  #onHello(frame: Extract<Frame, { type: 'hello' }>): void {
    if (this.#remote) return this.#broken('a second hello');
    if (frame.versionMin > tunnelVersion || frame.versionMax < tunnelVersion) {
      const versions = `${frame.versionMin} to ${frame.versionMax}`;
      const message = `The other end speaks versions ${versions} of the tunnel, this page ${tunnelVersion}. Update the older one.`;
      return this.#end(new TunnelError('unsupported', message), 'unsupported');
    }
    this.#remote = remoteOf(frame.settings);
    const { dataPiece, maxFrame } = this.#remote;
    const piece = Math.min(dataPiece, maxFrame - headerSize, tunnelLimits.maxFrame - headerSize, 64 * 1024);
    for (const lane of this.#lanes) lane.sender.pieceLimit = piece;
    this.#timers.clearTimeout(this.#helloTimer);
    this.#liveness.start();
    this.#ready.resolve();
    this.#startWaiting();
  }

  #onGoaway(frame: Extract<Frame, { type: 'goaway' }>): void {
    const name = codeName(frame.code);
    const detail = frame.text === '' ? '' : `: ${shownText(frame.text)}`;
    const message = `The other end closes the connection (${name})${detail}`;
    if (frame.code !== Code.noError) return this.#end(new TunnelError(name, message));
    this.#drain(new TunnelError('closed', message, { repeatable: true }));
    for (const [id, { exchange }] of [...this.#exchanges])
      if (id > frame.lastExchange) exchange.fail(new TunnelError('refused', message, { repeatable: true }));
    if (this.#exchanges.size === 0) this.#end(new TunnelError('closed', message));
    else void this.#idle.promise.then(() => this.#end(new TunnelError('closed', message)));
  }

  #onExchangeFrame(index: number, frame: Frame): void {
    const lane = this.#lanes[index - 1];
    if (!lane) return;
    if (frame.type === 'request' || frame.type === 'socketOpen') return this.#broken(`${frame.type} from a server`);
    if (frame.type === 'hello' || frame.type === 'ping' || frame.type === 'pong' || frame.type === 'goaway')
      return this.#broken(`${frame.type} on an exchange's channel`);
    if (frame.exchange === 0 || frame.exchange > lane.lastExchange)
      return this.#broken(`a frame of exchange ${frame.exchange}, which was not opened here`);
    const found = this.#exchanges.get(frame.exchange);
    // What comes for an exchange that is over has crossed its end.
    if (found?.lane !== lane) return;
    if (frame.type === 'data') this.#bytesReceived += frame.payload.length;
    found.exchange.handle(frame);
  }

  #forget(waiting: Waiting): void {
    this.#waiting = this.#waiting.filter(other => other !== waiting);
    waiting.started.reject(aborted(waiting.options.signal));
  }

  #startWaiting(): void {
    while (this.#remote && this.#exchanges.size < this.#remote.maxExchanges && this.#waiting.length > 0) {
      const lane = this.#quietest();
      if (!lane || !this.#pace.mayOpen()) return;
      const waiting = this.#waiting.shift();
      if (!waiting) return;
      waiting.options.signal?.removeEventListener('abort', waiting.onAbort);
      try {
        waiting.started.resolve(this.#open(lane, waiting.request, waiting.options));
      } catch (error) {
        waiting.started.reject(error instanceof FrameError ? notSent(error) : (error as Error));
      }
    }
  }

  #open(lane: Lane, request: TunnelRequest, options: FetchOptions): Promise<TunnelResponse> {
    const remote = this.#remote;
    if (!remote || this.#opened >= 0xffffffff) throw this.#notStarted();
    const body = typeof request.body === 'string' ? utf8(request.body) : request.body;
    const fields = fieldsOf(request, body);
    const id = this.#opened + 1;
    const { method, target } = request;
    const head = encodeFrame(
      { type: 'request', exchange: id, end: body === undefined, head: { method, target, fields } },
      Math.min(remote.maxHead, remote.maxFrame),
    );
    const { signal, onProgress } = options;
    const settings = { id, method, budget: this.#budget, initialCredit: this.#initialCredit, signal, onProgress };
    const exchange = new Exchange(settings, {
      send: frame => this.#sendOn(lane, frame),
      over: () => this.#exchangeOver(id),
    });
    this.#opened = id;
    lane.lastExchange = id;
    lane.open++;
    this.#exchanges.set(id, { exchange, lane });
    lane.sender.send(head);
    const length = contentLength(fields);
    exchange.begin(body === undefined ? null : this.#makeUpload(exchange, lane, body, length, remote.initialCredit));
    return exchange.response;
  }

  /** The channel with the fewest open exchanges among those that take more. */
  #quietest(): Lane | undefined {
    let best: Lane | undefined;
    for (const lane of this.#lanes)
      if (lane.sender.waiting < headsWaiting && lane.open < (best?.open ?? Infinity)) best = lane;
    return best;
  }

  #makeUpload(
    exchange: Exchange,
    lane: Lane,
    body: ReadableStream<Uint8Array> | Uint8Array,
    length: number | null,
    credit: number,
  ): Upload {
    let stall: unknown = null;
    const upload: Upload = new Upload(exchange.id, body, length, credit, {
      ready: () => lane.sender.ready(upload),
      ended: () => exchange.uploadEnded(),
      failed: (message, cause) => exchange.reset(new TunnelError('upstream', message, { cause })),
      stalled: waiting => {
        if (waiting === (stall !== null)) return;
        this.#timers.clearTimeout(stall);
        stall = waiting ? this.#timers.setTimeout(() => exchange.reset(stalledError()), tunnelLimits.stallMs) : null;
      },
    });
    return upload;
  }

  #sendOn(lane: Lane, frame: Frame): void {
    if (this.#state === 'closed') return;
    if (frame.type === 'reset') this.#pace.count();
    lane.sender.send(encodeFrame(frame));
  }

  #exchangeOver(id: number): void {
    const found = this.#exchanges.get(id);
    if (!found) return;
    this.#exchanges.delete(id);
    found.lane.open--;
    if (this.#state === 'open') this.#startWaiting();
    else if (this.#exchanges.size === 0) this.#idle.resolve();
  }

  #notStarted(): TunnelError {
    return this.#drainReason ?? new TunnelError('closed', 'The connection is closed.', { repeatable: true });
  }

  #drain(reason: TunnelError): void {
    if (this.#state !== 'open') return;
    this.#state = 'draining';
    this.#drainReason = reason;
    this.#failWaiting();
    if (this.#exchanges.size === 0) this.#idle.resolve();
  }

  #failWaiting(): void {
    const all = this.#waiting;
    this.#waiting = [];
    for (const { options, onAbort, started } of all) {
      options.signal?.removeEventListener('abort', onAbort);
      started.reject(this.#notStarted());
    }
  }

  /** Ends everything. `goaway`: what the other end is told. */
  #end(error: TunnelError, goaway?: CodeName): void {
    if (this.#state === 'closed') return;
    if (goaway !== undefined && this.#control.channel.open) {
      const text = goaway === 'noError' ? '' : wireText(error.message);
      this.#control.send(encodeFrame({ type: 'goaway', exchange: 0, code: Code[goaway], lastExchange: 0, text }));
    }
    this.#state = 'closed';
    this.#liveness.stop();
    this.#timers.clearTimeout(this.#helloTimer);
    this.#pace.stop();
    this.#drainReason = new TunnelError(error.code, error.message, { repeatable: true, cause: error.cause });
    this.#failWaiting();
    for (const { exchange } of [...this.#exchanges.values()]) exchange.fail(error);
    for (const { channel } of [this.#control, ...this.#lanes.map(lane => lane.sender)]) {
      channel.onclose = channel.onmessage = channel.onopen = channel.onbufferedamountlow = null;
      channel.close();
    }
    this.#ready.reject(error);
    this.#closed.resolve(error);
  }
}

function fieldsOf(request: TunnelRequest, body: ReadableStream<Uint8Array> | Uint8Array | undefined): Field[] {
  const fields = forwardedFields(request.fields ?? []);
  const known = fields.some(([name]) => name.toLowerCase() === 'content-length');
  if (body instanceof Uint8Array && !known) fields.push(['content-length', String(body.length)]);
  return fields;
}

function notSent(error: FrameError): TunnelError {
  return new TunnelError(codeName(codeOf(error)), `The request cannot be sent: ${error.message}.`, { cause: error });
}

function stalledError(): TunnelError {
  return new TunnelError('timeout', 'The other end takes no more of the request.');
}
