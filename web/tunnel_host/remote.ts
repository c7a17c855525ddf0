// The page's end of a tunnel that runs in the worker: the same interface over a session's port.

import { utf8 } from '../base/bytes.ts';
import { Deferred } from '../base/deferred.ts';
import { BrokerPort, type PortErrors } from '../intercept/client.ts';
import type { FailCode, Fault, FetchHead, Port } from '../intercept/port.ts';
import {
  StreamedResponse,
  TunnelError,
  type SocketOptions,
  type Tunnel,
  type TunnelErrorCode,
  type TunnelRequest,
  type TunnelResponse,
  type TunnelSocket,
} from '../tunnel/index.ts';
import { RemoteSocket } from './remote_socket.ts';

export function errorOf({ code, message, repeatable, status }: Fault): TunnelError {
  return new TunnelError(code, message, { repeatable, ...(status === null ? {} : { status }) });
}

const codes: Partial<Record<FailCode, TunnelErrorCode>> = {
  cancelled: 'cancelled',
  timeout: 'timeout',
  refused: 'refused',
  tooLarge: 'tooLarge',
};

const aborted = (signal: AbortSignal | undefined): TunnelError =>
  new TunnelError('cancelled', 'The request was cancelled.', { cause: signal?.reason as unknown });

const connectionClosed = (): TunnelError => new TunnelError('closed', 'The connection was closed.');

const errors: PortErrors = {
  failed: (code, message, fault) => (fault ? errorOf(fault) : new TunnelError(codes[code] ?? 'internal', message)),
  aborted,
  lost: connectionClosed,
};

/** Owns its port. */
export class RemoteTunnel implements Tunnel {
  readonly #port: BrokerPort;
  readonly #ready = new Deferred<void>();
  readonly #closed = new Deferred<TunnelError>();
  #over: TunnelError | null = null;
  readonly #stop: () => void;

  /** `stop`: tells the worker that it is closed. */
  constructor(port: Port, stop: () => void) {
    this.#port = new BrokerPort(port, errors);
    this.#stop = stop;
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }
  get closed(): Promise<TunnelError> {
    return this.#closed.promise;
  }

  /** The worker's has had its hello. */
  becomeReady(): void {
    this.#ready.resolve();
  }

  /** The worker's has ended: what was open ends by itself, and what has come whole can still be read. */
  ended(error: TunnelError): void {
    if (this.#over) return;
    this.#over = error;
    this.#ready.reject(error);
    this.#closed.resolve(error);
  }

  /** Everything ends now. */
  fail(error: TunnelError): void {
    this.ended(error);
    this.#port.close();
  }

  close(): void {
    if (this.#over) return;
    this.#stop();
    this.fail(connectionClosed());
  }

  async fetch(request: TunnelRequest, { signal }: { signal?: AbortSignal } = {}): Promise<TunnelResponse> {
    if (this.#over) throw this.#notStarted();
    const { method, target, fields = [] } = request;
    const body = typeof request.body === 'string' ? utf8(request.body) : (request.body ?? null);
    const head: FetchHead = {
      ...{ method, target, fields, redirect: 'manual', credentials: false, cache: 'no-store', site: 'same' },
      ...{ navigation: false, cookies: false },
    };
    const answer = await this.#port.fetch(head, { body, ...(signal ? { signal } : {}) });
    const { status, reason } = answer.head;
    const own = answer.head.fields.map(([name, value]): [string, string] => [name, value]);
    return new StreamedResponse({ status, reason, fields: own }, answer.body);
  }

  openSocket(target: string, options: SocketOptions = {}): Promise<TunnelSocket> {
    if (this.#over) return Promise.reject(this.#notStarted());
    const { protocols = [], headers = [], signal } = options;
    if (signal?.aborted) return Promise.reject(aborted(signal));
    const socket: RemoteSocket = new RemoteSocket(signal, events =>
      this.#port.openSocket(target, { protocols, fields: headers }, events),
    );
    return socket.opened;
  }

  #notStarted(): TunnelError {
    const { code, message, cause } = this.#over ?? connectionClosed();
    return new TunnelError(code, message, { repeatable: true, cause });
  }
}
