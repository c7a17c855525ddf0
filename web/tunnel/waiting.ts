import { Deferred } from '../base/deferred.ts';
import { TunnelError } from './error.ts';
import { aborted } from './exchange.ts';

const waitingLimit = 10_000;

interface Waiting<Start> {
  start: Start;
  fail: (error: Error) => void;
  leave: () => void;
}

/** Exchanges that wait until they may be opened, first come first. */
export class WaitingList<Place> {
  #waiting: Waiting<(place: Place) => void>[] = [];

  get length(): number {
    return this.#waiting.length;
  }

  /** Resolves as `start` does, which is called when there is a place. */
  add<Value>(start: (place: Place) => Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
    if (signal?.aborted) return Promise.reject(aborted(signal));
    if (this.#waiting.length >= waitingLimit)
      return Promise.reject(new TunnelError('refused', 'Too many requests are waiting.', { repeatable: true }));
    const started = new Deferred<Value>();
    const onAbort = (): void => {
      this.#waiting = this.#waiting.filter(other => other !== waiting);
      started.reject(aborted(signal));
    };
    const waiting = {
      start: (place: Place) => started.resolve(start(place)),
      fail: (error: Error) => started.reject(error),
      leave: () => signal?.removeEventListener('abort', onAbort),
    };
    signal?.addEventListener('abort', onAbort);
    this.#waiting.push(waiting);
    return started.promise;
  }

  /** Gives the first one its place. */
  admit(place: Place): void {
    const waiting = this.#waiting.shift();
    if (!waiting) return;
    waiting.leave();
    try {
      waiting.start(place);
    } catch (error) {
      waiting.fail(error as Error);
    }
  }

  failAll(error: Error): void {
    const all = this.#waiting;
    this.#waiting = [];
    for (const { leave, fail } of all) {
      leave();
      fail(error);
    }
  }
}
