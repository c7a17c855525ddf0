import { utf8, type Bytes } from '../base/bytes.ts';
import { Deferred } from '../base/deferred.ts';
import { reportFault } from '../base/emitter.ts';
import type { PortSocket, PortSocketEvents } from '../intercept/client.ts';
import { portLimits, type Fault } from '../intercept/port.ts';
import { TunnelError, type TunnelSocket } from '../tunnel/index.ts';
import { sendQueue } from './limits.ts';

interface Outgoing {
  readonly data: string | Uint8Array;
  readonly cost: number;
  readonly sent: Deferred<void>;
}

interface Incoming {
  readonly data: string | Bytes;
  readonly taken: Deferred<void>;
}

/** The page's end of a WebSocket that is in the worker, with what TunnelSocket promises. */
export class RemoteSocket implements TunnelSocket {
  /** Brokers need them, and have the socket itself. */
  readonly fields = [];
  readonly #opened = new Deferred<TunnelSocket>();
  readonly #port: PortSocket;
  readonly #signal: AbortSignal | undefined;
  #state: 'asked' | 'open' | 'closing' | 'over' = 'asked';
  #protocol = '';
  /** In the worker, not sent yet; and those that are not there. */
  readonly #leaving: Outgoing[] = [];
  readonly #waiting: Outgoing[] = [];
  #leavingBytes = 0;
  #queued = 0;
  #close: { code: number | null; reason: string } | null = null;
  #incoming: Incoming[] = [];
  #delivering = false;
  #end: { code: number; reason: string } | null = null;
  #onmessage: TunnelSocket['onmessage'] = null;
  #onclose: TunnelSocket['onclose'] = null;

  constructor(signal: AbortSignal | undefined, open: (events: PortSocketEvents) => PortSocket) {
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onAbort);
    this.#port = open({
      opened: protocol => {
        this.#state = 'open';
        this.#protocol = protocol;
        this.#opened.resolve(this);
      },
      message: data => this.#onData(data as string | Bytes),
      sent: () => this.#onSent(),
      closed: (code, reason, _clean, fault) => this.#onClosed(code, reason, fault),
    });
  }

  /** Resolves when it is open. */
  get opened(): Promise<TunnelSocket> {
    return this.#opened.promise;
  }
  get protocol(): string {
    return this.#protocol;
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
    const size = typeof data === 'string' ? utf8(data).length : data.length;
    const cost = size + portLimits.messageCost;
    if (size > portLimits.socketMessage) {
      const message = `A message of ${size} bytes; the limit is ${portLimits.socketMessage}.`;
      return Promise.reject(new TunnelError('tooLarge', message));
    }
    if (this.#queued + cost > sendQueue + portLimits.messageCost)
      return Promise.reject(new TunnelError('tooLarge', 'Too many messages wait to be sent.'));
    const outgoing = { data, cost, sent: new Deferred<void>() };
    this.#queued += cost;
    this.#waiting.push(outgoing);
    this.#flush();
    return outgoing.sent.promise;
  }

  close(code = 1000, reason = ''): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#close = { code, reason };
    this.#dropReceived();
    this.#flush();
  }

  readonly #onAbort = (): void => {
    this.#port.cancel();
    const error = new TunnelError('cancelled', 'The request was cancelled.', {
      cause: this.#signal?.reason as unknown,
    });
    this.#finish(1006, error.message, error);
  };

  /** The worker takes only so much at once. */
  #flush(): void {
    while (this.#leavingBytes < portLimits.socketOutgoing) {
      const outgoing = this.#waiting.shift();
      if (!outgoing) break;
      this.#leaving.push(outgoing);
      this.#leavingBytes += outgoing.cost;
      this.#port.send(outgoing.data);
    }
    if (!this.#close || this.#waiting.length > 0) return;
    this.#port.close(this.#close.code, this.#close.reason);
    this.#close = null;
  }

  #onSent(): void {
    const outgoing = this.#leaving.shift();
    if (!outgoing) return;
    this.#leavingBytes -= outgoing.cost;
    this.#queued -= outgoing.cost;
    outgoing.sent.resolve();
    this.#flush();
  }

  #onData(data: string | Bytes): Promise<void> | void {
    if (this.#state !== 'open') return undefined;
    const taken = new Deferred<void>();
    this.#incoming.push({ data, taken });
    this.#deliver();
    return taken.promise;
  }

  #onClosed(code: number, reason: string, fault: Fault | null): void {
    const message = fault?.message ?? (reason === '' ? 'The WebSocket was closed.' : reason);
    const status = fault?.status ?? null;
    const error = new TunnelError(fault?.code ?? 'closed', message, {
      repeatable: fault?.repeatable ?? false,
      ...(status === null ? {} : { status }),
    });
    this.#finish(code, code === 1006 ? message : reason, error);
  }

  #finish(code: number, reason: string, error: TunnelError): void {
    if (this.#state === 'over') return;
    const asked = this.#state === 'asked';
    this.#state = 'over';
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#opened.reject(error);
    for (const { sent } of [...this.#leaving.splice(0), ...this.#waiting.splice(0)]) sent.reject(error);
    if (asked) return;
    this.#end = { code, reason };
    // Of a broken one, nothing more is wanted.
    if (code === 1006) this.#dropReceived();
    this.#deliver();
  }

  #dropReceived(): void {
    for (const { taken } of this.#incoming.splice(0)) taken.resolve();
  }

  /** Hands out what has come, in order, and at last the end. */
  #deliver(): void {
    if (this.#delivering) return;
    while (this.#onmessage && this.#incoming.length > 0) {
      const next = this.#incoming.shift();
      if (!next) break;
      const held = this.#call(this.#onmessage, next.data);
      if (!(held instanceof Promise)) {
        next.taken.resolve();
        continue;
      }
      this.#delivering = true;
      void held.catch(reportFault).finally(() => {
        next.taken.resolve();
        this.#delivering = false;
        this.#deliver();
      });
      return;
    }
    if (!this.#end || !this.#onclose || (this.#onmessage && this.#incoming.length > 0)) return;
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

  #call(listener: (data: string | Bytes) => void | Promise<void>, data: string | Bytes): unknown {
    try {
      return listener(data);
    } catch (error) {
      reportFault(error);
      return undefined;
    }
  }
}
