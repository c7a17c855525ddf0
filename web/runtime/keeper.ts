// Keeps one socket open: opens it, uses it until it closes, and opens the next after a pause that grows while it fails.
// Owned by the runtime; ends with its signal.

import { sleep, systemTimers, type Timers } from '../base/time.ts';

const kPausesMs = [250, 500, 1_000, 2_000, 5_000, 10_000];
/** A socket that has lived for so long was a success: the next pause is the shortest again. */
const kSettledMs = 5_000;

export interface KeeperHooks<Socket> {
  /** Rejects when it cannot be opened now. */
  open(signal: AbortSignal): Promise<Socket>;
  /** Returns when the socket has closed, and closes it when the signal says so. */
  use(socket: Socket, signal: AbortSignal): Promise<void>;
  /** It is closed; the next try is then. */
  onAway?(retryAt: number, error: unknown): void;
}

export class Keeper<Socket> {
  readonly #hooks: KeeperHooks<Socket>;
  readonly #timers: Timers;
  #pause: AbortController | null = null;
  #failures = 0;

  constructor(hooks: KeeperHooks<Socket>, timers: Timers = systemTimers) {
    this.#hooks = hooks;
    this.#timers = timers;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let failure: unknown = null;
      const started = this.#timers.now();
      try {
        const socket = await this.#hooks.open(signal);
        await this.#hooks.use(socket, signal);
        if (this.#timers.now() - started >= kSettledMs) this.#failures = 0;
      } catch (error) {
        failure = error;
      }
      if (signal.aborted) return;
      const pause = kPausesMs[Math.min(this.#failures, kPausesMs.length - 1)] ?? 0;
      this.#failures += 1;
      this.#hooks.onAway?.(this.#timers.wallNow() + pause, failure);
      await this.#wait(pause, signal);
    }
  }

  /** There is reason to think that it works now: ends the pause. */
  hurry(): void {
    this.#pause?.abort();
  }

  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    const pause = new AbortController();
    const stop = () => pause.abort();
    signal.addEventListener('abort', stop, { once: true });
    this.#pause = pause;
    await sleep(ms, pause.signal, this.#timers).catch(() => undefined);
    this.#pause = null;
    signal.removeEventListener('abort', stop);
  }
}
