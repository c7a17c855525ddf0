// The client's end of the tunnel (docs/protocol.md, section 2): the connection's rules, and which exchange runs where.
// One exchange's rules are in exchange.ts and upload.ts, a WebSocket's in socket.ts, what goes out when in sender.ts.
import { Code, tunnelLimits, tunnelVersion } from '../generated/protocol.ts';
import { Deferred } from '../base/deferred.ts';
import { systemTimers, type Timers } from '../base/time.ts';
import { utf8, type Bytes } from '../base/bytes.ts';
import type { MessageChannel } from './channel.ts';
import { codeName, TunnelError, type CodeName } from './error.ts';
import { Exchange, type ExchangeFrame } from './exchange.ts';
import { codeOf, decodeFrame, encodeFrame, headerSize, shownText, wireText, type Frame } from './frames.ts';
import { contentLength, FrameError } from './head.ts';
import { Lane, quietest } from './lane.ts';
import { Liveness } from './liveness.ts';
import { encodeOpening, fieldsOf, socketFields, type Opening } from './opening.ts';
import type { TunnelResponse } from './response.ts';
import { ResetPace } from './pace.ts';
import { ChannelSender } from './sender.ts';
import { SocketExchange, type TunnelSocket } from './socket.ts';
import {
  remoteOf,
  type FetchOptions,
  type Remote,
  type SocketOptions,
  type Tunnel,
  type TunnelClientOptions,
  type TunnelRequest,
  type TunnelStats,
} from './types.ts';
import { WaitingList } from './waiting.ts';
import { ReceiveBudget } from './window.ts';

/** An exchange of whichever kind, as the connection sees it. */
interface Carried {
  handle(frame: ExchangeFrame): void;
  reset(error: TunnelError): void;
  fail(error: TunnelError): void;
}

/** A pong may wait for this much; an end that pings without reading gets none. */
const pongBuffer = 64 * 1024;

/** Owns its channels from construction on. */
export class TunnelClient implements Tunnel {
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
  readonly #exchanges = new Map<number, { exchange: Carried; lane: Lane }>();
  readonly #waiting = new WaitingList<Lane>();
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
    this.#dataPiece = options.dataPiece ?? 64 * 1024;
    this.#initialCredit = options.initialCredit ?? tunnelLimits.initialCredit;
    this.#pace = new ResetPace(this.#timers, () => this.#startWaiting());
    this.#liveness = new Liveness(this.#timers, {
      ping: opaque => this.#control.send(encodeFrame({ type: 'ping', exchange: 0, opaque })),
      dead: () => this.#end(new TunnelError('timeout', 'The other end no longer answers.')),
    });
    const [control, ...lanes] = channels.map(channel => this.#adopt(channel));
    if (!control) throw new TypeError('no channels');
    this.#control = control;
    this.#lanes = lanes.map(sender => new Lane(sender, this.#timers));
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
    return this.#admit(lane => this.#open(lane, request, options), options.signal);
  }

  /**
   * Resolves when the WebSocket is open. Waits as `fetch` does. Rejects with a TunnelError: `refused`, with the `status`, for
   * a response that came instead.
   */
  openSocket(target: string, options: SocketOptions = {}): Promise<TunnelSocket> {
    return this.#admit(lane => this.#openSocket(lane, target, options), options.signal);
  }

  /** Takes no new exchanges, lets the open ones finish, then closes. */
  async shutDown(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#drain(new TunnelError('closed', 'The connection is being closed.', { repeatable: true }));
    for (const { exchange } of [...this.#exchanges.values()])
      if (exchange instanceof SocketExchange) exchange.close(1001, 'The connection is being closed.');
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
    if (frame.type === 'data' || frame.type === 'socketMessage') this.#bytesReceived += frame.payload.length;
    found.exchange.handle(frame);
  }

  #admit<Value>(start: (lane: Lane) => Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
    if (this.#state !== 'open') return Promise.reject(this.#notStarted());
    const started = this.#waiting.add(start, signal);
    this.#startWaiting();
    return started;
  }

  #startWaiting(): void {
    while (this.#remote && this.#exchanges.size < this.#remote.maxExchanges && this.#waiting.length > 0) {
      const lane = quietest(this.#lanes);
      if (!lane || !this.#pace.mayOpen()) return;
      this.#waiting.admit(lane);
    }
  }

  #open(lane: Lane, request: TunnelRequest, options: FetchOptions): Promise<TunnelResponse> {
    const body = typeof request.body === 'string' ? utf8(request.body) : request.body;
    const fields = fieldsOf(request, body);
    const { method, target } = request;
    const { signal, onProgress } = options;
    const { id, remote, head } = this.#prepare({
      type: 'request',
      end: body === undefined,
      head: { method, target, fields },
    });
    const settings = { id, method, budget: this.#budget, initialCredit: this.#initialCredit, signal, onProgress };
    const exchange = new Exchange(settings, {
      send: frame => this.#sendOn(lane, frame),
      over: () => this.#exchangeOver(id),
    });
    this.#carry(lane, exchange, id, head);
    const length = contentLength(fields);
    exchange.begin(body === undefined ? null : lane.makeUpload(exchange, body, length, remote.initialCredit));
    return exchange.response;
  }

  #openSocket(lane: Lane, target: string, options: SocketOptions): Promise<TunnelSocket> {
    const { protocols = [], signal } = options;
    const fields = socketFields(options);
    const { id, remote, head } = this.#prepare({ type: 'socketOpen', head: { method: 'GET', target, fields } });
    const { initialCredit: credit } = remote;
    const budget = this.#budget;
    const settings = {
      id,
      protocols,
      budget,
      initialCredit: this.#initialCredit,
      credit,
      timers: this.#timers,
      signal,
    };
    const socket: SocketExchange = new SocketExchange(settings, {
      send: frame => this.#sendOn(lane, frame),
      ready: source => lane.sender.ready(source),
      stalled: lane.stallClock(() =>
        socket.reset(new TunnelError('timeout', 'The other end takes no more of the WebSocket.')),
      ),
      congested: () => lane.sender.waiting > 0,
      over: () => this.#exchangeOver(id),
    });
    this.#carry(lane, socket, id, head);
    return socket.opened;
  }

  /** The next exchange's number, and its opening frame. */
  #prepare(opening: Opening): { id: number; remote: Remote; head: Bytes } {
    const remote = this.#remote;
    if (!remote || this.#opened >= 0xffffffff) throw this.#notStarted();
    const id = this.#opened + 1;
    return { id, remote, head: encodeOpening(opening, id, remote) };
  }

  #carry(lane: Lane, exchange: Carried, id: number, head: Bytes): void {
    this.#opened = id;
    lane.lastExchange = id;
    lane.open++;
    this.#exchanges.set(id, { exchange, lane });
    lane.sender.send(head);
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
    this.#waiting.failAll(this.#notStarted());
    if (this.#exchanges.size === 0) this.#idle.resolve();
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
    this.#waiting.failAll(this.#notStarted());
    for (const { exchange } of [...this.#exchanges.values()]) exchange.fail(error);
    for (const { channel } of [this.#control, ...this.#lanes.map(lane => lane.sender)]) {
      channel.onclose = channel.onmessage = channel.onopen = channel.onbufferedamountlow = null;
      channel.close();
    }
    this.#ready.reject(error);
    this.#closed.resolve(error);
  }
}
