// The requests whose answers have not begun: who may stop them before, and who is told of their upload. The browser tells a service
// worker of neither; so documents and workers say it themselves (ask.ts), and those that are gone are looked for.

import { kChannel, readNote, type Ask, type AskNote } from './ask.ts';
import type { WorkerScope } from './environment.ts';

/** Ids that were cancelled before their request was here. */
const kEarly = 256;
const kLookMs = 2_000;
const kTellMs = 50;

interface Waiting {
  readonly client: string;
  readonly stop: AbortController;
}

export interface Asked {
  readonly signal: AbortSignal;
  /** Of the body's bytes; `total`: of all of them. */
  sent(bytes: number, total: number): void;
  /** The answer has begun, or there will be none. */
  over(): void;
}

export class Asks {
  readonly #scope: WorkerScope;
  readonly #channel = new BroadcastChannel(kChannel);
  readonly #waiting = new Set<Waiting>();
  readonly #named = new Map<string, AbortController>();
  readonly #early = new Set<string>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(scope: WorkerScope) {
    this.#scope = scope;
    this.#channel.onmessage = (event: MessageEvent<unknown>) => {
      const note = readNote(event.data);
      if (note?.type === 'cancel') this.#cancel(note.id);
    };
  }

  /** `client`: whose going ends it; "" where it may outlive everybody. */
  begin(ask: Ask | null, client: string): Asked {
    const stop = new AbortController();
    const waiting = { client, stop };
    this.#waiting.add(waiting);
    this.#timer ??= setInterval(() => void this.#look(), kLookMs);
    if (ask) this.#named.set(ask.id, stop);
    if (ask && this.#early.delete(ask.id)) stop.abort();
    let taken = 0;
    let told = 0;
    return {
      signal: stop.signal,
      sent: (bytes, total) => {
        taken += bytes;
        if (!ask?.watched || (taken < total && Date.now() - told < kTellMs)) return;
        told = Date.now();
        this.#channel.postMessage({ type: 'sent', id: ask.id, bytes: taken, total } satisfies AskNote);
      },
      over: () => {
        this.#waiting.delete(waiting);
        if (ask && this.#named.get(ask.id) === stop) this.#named.delete(ask.id);
        if (this.#waiting.size > 0) return;
        clearInterval(this.#timer);
        this.#timer = undefined;
      },
    };
  }

  #cancel(id: string): void {
    const stop = this.#named.get(id);
    if (stop) return stop.abort();
    this.#early.add(id);
    for (const oldest of this.#early) if (this.#early.size > kEarly) this.#early.delete(oldest);
  }

  async #look(): Promise<void> {
    const clients = new Set([...this.#waiting].map(({ client }) => client));
    clients.delete('');
    for (const client of clients) {
      if (await this.#scope.clients.get(client)) continue;
      for (const { client: whose, stop } of this.#waiting) if (whose === client) stop.abort();
    }
  }
}
