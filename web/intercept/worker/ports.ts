// The worker's way to the page: a port for each app, asked for through the worker's windows when there is none, as after a restart of
// the worker. Requests wait for it, for a bounded time.

import { BrokerPort } from '../client.ts';
import { noteOf } from './messages.ts';
import type { ClientLike, MessageEventLike, WorkerScope } from './environment.ts';

const kWaitMs = 20_000;
const kAskEveryMs = 2_000;

interface Live {
  readonly port: BrokerPort;
  /** Id of the window that brought it, which lies in the page that it leads to. */
  readonly from: string;
}

export class Ports {
  readonly #scope: WorkerScope;
  readonly #live = new Map<string, Live>();
  readonly #waiting = new Map<string, Promise<BrokerPort>>();
  readonly #arrived = new Map<string, (port: BrokerPort) => void>();

  constructor(scope: WorkerScope) {
    this.#scope = scope;
    scope.addEventListener('message', event => this.#onMessage(event));
  }

  /** Rejects with a TypeError when no page gives one. `sure`: not one whose page is gone and did not say so. */
  async get(app: string, sure: boolean): Promise<BrokerPort> {
    const live = this.#live.get(app);
    if (live && (!sure || (await this.#scope.clients.get(live.from)))) return live.port;
    live?.port.close();
    let waiting = this.#waiting.get(app);
    if (!waiting) {
      waiting = this.#ask(app).finally(() => this.#waiting.delete(app));
      this.#waiting.set(app, waiting);
    }
    return waiting;
  }

  async #ask(app: string): Promise<BrokerPort> {
    let found: BrokerPort | null = null;
    const arrived = new Promise<void>(resolve => {
      this.#arrived.set(app, port => {
        found = port;
        resolve();
      });
    });
    try {
      for (let waited = 0; waited < kWaitMs && !found; waited += kAskEveryMs) {
        const windows = await this.#scope.clients.matchAll({ includeUncontrolled: true, type: 'window' });
        for (const client of windows) client.postMessage({ owndir: 'wanted', app });
        await Promise.race([arrived, new Promise(resolve => setTimeout(resolve, kAskEveryMs))]);
      }
    } finally {
      this.#arrived.delete(app);
    }
    if (!found) throw new TypeError('The page that holds the connection is gone.');
    return found;
  }

  #onMessage(event: MessageEventLike): void {
    const note = noteOf(event.data);
    const [end] = event.ports;
    if (note?.owndir !== 'serve' || !end) return;
    const port = new BrokerPort(end);
    // A page that is gone takes the port and never answers.
    void port.ready.then(
      () => this.#take(note.app, port, event.source),
      () => undefined,
    );
  }

  #take(app: string, port: BrokerPort, source: ClientLike | null): void {
    // The newest page is the one in front; what runs over the older port goes on there.
    this.#live.set(app, { port, from: source?.id ?? '' });
    port.onlost = () => {
      if (this.#live.get(app)?.port === port) this.#live.delete(app);
    };
    this.#arrived.get(app)?.(port);
    source?.postMessage({ owndir: 'served', app });
  }
}
