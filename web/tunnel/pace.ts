import { tunnelLimits } from '../generated/protocol.ts';
import type { Timers } from '../base/time.ts';

// Half of what the other end allows: it counts by its own clock.
const resetsPerSecond = tunnelLimits.opensPerSecond / 2;

/** Exchanges that are opened and reset at a high rate make the other end close the connection: this end waits instead. */
export class ResetPace {
  readonly #timers: Timers;
  readonly #resume: () => void;
  #timer: unknown = null;
  #since = 0;
  #resets = 0;

  /** `resume`: opening is allowed again. */
  constructor(timers: Timers, resume: () => void) {
    this.#timers = timers;
    this.#resume = resume;
  }

  count(): void {
    const now = this.#timers.now();
    if (now - this.#since >= 1000) {
      this.#since = now;
      this.#resets = 0;
    }
    this.#resets++;
  }

  mayOpen(): boolean {
    if (this.#resets < resetsPerSecond || this.#timers.now() - this.#since >= 1000) return true;
    this.#timer ??= this.#timers.setTimeout(() => {
      this.#timer = null;
      this.#resume();
    }, 1000);
    return false;
  }

  stop(): void {
    this.#timers.clearTimeout(this.#timer);
    this.#timer = null;
  }
}
