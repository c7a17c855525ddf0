// Where a page's tunnels and brokers run: in a dedicated worker where the browser lets data channels go there (Chromium), so that a
// busy page stalls neither transfers nor signs of life; on the page's own thread elsewhere. Those above see no difference.

import { reportFault } from '../base/emitter.ts';
import { Broker, type AppBroker, type BrokerOptions } from '../intercept/broker.ts';
import type { Cookie } from '../intercept/jar.ts';
import type { Identity } from '../intercept/request.ts';
import type { AskLogin } from '../intercept/sign_in.ts';
import {
  fromDataChannel,
  TunnelClient,
  TunnelError,
  type MessageChannel as TunnelChannel,
  type Tunnel,
} from '../tunnel/index.ts';
import { startMs } from './limits.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { startHostWorker } from './program.ts';
import { errorOf, RemoteTunnel } from './remote.ts';
import { WorkerPort } from './worker_port.ts';

export interface TunnelHostOptions {
  /** Makes the worker; null: everything stays on the page. */
  startWorker?: (() => Worker | null) | null;
  /** What a tunnel on the page makes of a channel. */
  adopt?: (channel: RTCDataChannel) => TunnelChannel;
}

/** Lives as long as its page. */
export class TunnelHost {
  /** Resolves when it is known where tunnels run. Never rejects. */
  readonly ready: Promise<void>;
  readonly #adopt: (channel: RTCDataChannel) => TunnelChannel;
  #worker: WorkerHost | null = null;

  constructor({ startWorker = startHostWorker, adopt = fromDataChannel }: TunnelHostOptions = {}) {
    this.#adopt = adopt;
    this.ready = this.#start(startWorker);
  }

  /** Tunnels and brokers that are opened now are in the worker. */
  get inWorker(): boolean {
    return this.#worker !== null;
  }

  /** Takes over the channels, in the task in which they were made: later they cannot leave the page. */
  openTunnel(channels: RTCDataChannel[]): Tunnel {
    if (this.#worker) {
      try {
        return this.#worker.openTunnel(channels);
      } catch (error) {
        if (!(error instanceof DOMException || error instanceof TypeError)) throw error;
        this.#worker = null;
      }
    }
    return new TunnelClient(channels.map(this.#adopt));
  }

  /** `connected`: asked where the broker is on the page; in the worker it takes the tunnel of the moment there. */
  openBroker(options: BrokerOptions): AppBroker {
    return this.#worker ? this.#worker.openBroker(options) : new Broker(options);
  }

  async #start(startWorker: TunnelHostOptions['startWorker']): Promise<void> {
    const worker = startWorker?.();
    if (!worker) return;
    const host = new WorkerHost(worker);
    if (await host.isAble()) this.#worker = host;
    else worker.terminate();
  }
}

/** Of an app to the person. */
interface Questions {
  readonly ask: AskLogin;
  readonly open: Map<number, AbortController>;
}

class WorkerHost {
  readonly #worker: Worker;
  readonly #tunnels = new Map<number, RemoteTunnel>();
  readonly #ports = new Map<number, WorkerPort>();
  readonly #keepers = new Map<number, (cookies: Cookie[]) => void>();
  readonly #questions = new Map<number, Questions>();
  #nextId = 1;
  #answered: (able: boolean) => void = () => undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = (event: MessageEvent<FromWorker[]>) => event.data.forEach(message => this.#onMessage(message));
    worker.onerror = event => {
      event.preventDefault();
      this.#onFault(event.message, false);
    };
    worker.onmessageerror = () => this.#onFault('a message could not be read', true);
  }

  /** Whether it runs and takes data channels. */
  isAble(): Promise<boolean> {
    return new Promise(resolve => {
      const late = setTimeout(() => resolve(false), startMs);
      this.#answered = able => {
        clearTimeout(late);
        resolve(able);
      };
    });
  }

  /** Throws when the channels cannot be given away. */
  openTunnel(channels: RTCDataChannel[]): Tunnel {
    const id = this.#nextId++;
    this.#post({ type: 'tunnel', id, channels }, channels);
    const port = new WorkerPort((message, transfer) => this.#post({ type: 'message', id, message }, transfer));
    this.#ports.set(id, port);
    const tunnel = new RemoteTunnel(port, () => this.#post({ type: 'close', id }));
    this.#tunnels.set(id, tunnel);
    void tunnel.closed.then(() => this.#tunnels.delete(id));
    return tunnel;
  }

  openBroker({ app, origin, keep, askLogin }: BrokerOptions): AppBroker {
    const id = this.#nextId++;
    const identity: Identity = { app, origin: new URL(origin).origin };
    if (keep) this.#keepers.set(id, cookies => keep.save(cookies));
    const questions: Questions = { ask: askLogin ?? (() => Promise.resolve(null)), open: new Map() };
    this.#questions.set(id, questions);
    this.#post({ type: 'broker', id, identity, cookies: keep?.load() ?? null });
    let sessions = 0;
    return {
      identity,
      attach: port => {
        const session = ++sessions;
        this.#post({ type: 'attach', id, session, port }, [port]);
        return () => this.#post({ type: 'detach', id, session });
      },
      close: () => {
        this.#keepers.delete(id);
        this.#questions.delete(id);
        for (const stop of questions.open.values()) stop.abort();
        this.#post({ type: 'closeBroker', id });
      },
    };
  }

  #post(message: ToWorker, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #onMessage(message: FromWorker): void {
    switch (message.type) {
      case 'up':
        return this.#answered(message.able);
      case 'ready':
        return this.#tunnels.get(message.id)?.becomeReady();
      case 'closed':
        return this.#tunnels.get(message.id)?.ended(errorOf(message.fault));
      case 'message':
        return this.#ports.get(message.id)?.receive(message.message);
      case 'over':
        this.#ports.get(message.id)?.end();
        this.#ports.delete(message.id);
        return;
      case 'cookies':
        return this.#keepers.get(message.id)?.(message.cookies);
      case 'challenge':
        return void this.#ask(message);
      case 'unasked':
        return this.#questions.get(message.id)?.open.get(message.question)?.abort();
      case 'fault':
        return this.#onFault(message.message, message.broken);
    }
  }

  async #ask({ id, question, challenge }: Extract<FromWorker, { type: 'challenge' }>): Promise<void> {
    const questions = this.#questions.get(id);
    if (!questions) return;
    const stop = new AbortController();
    questions.open.set(question, stop);
    const login = await questions.ask(challenge, stop.signal);
    questions.open.delete(question);
    this.#post({ type: 'login', id, question, login });
  }

  /** Broken: the tunnels end, so that nobody waits for them, and the page connects anew. */
  #onFault(what: string, broken: boolean): void {
    // Of a worker that could not even start.
    this.#answered(false);
    reportFault(new Error(`In the connection's worker: ${what}`));
    if (!broken) return;
    const error = new TunnelError('internal', 'The connection failed because of an error in this page.');
    for (const tunnel of [...this.#tunnels.values()]) tunnel.fail(error);
  }
}
