import { tunnelLimits } from '../generated/protocol.ts';
import type { Timers } from '../base/time.ts';

// A timer that comes later than this says that the page was throttled, frozen or asleep: what the other end sent meanwhile
// may not have been handled yet.
const lateMs = 3000;
const lateRounds = 3;

export interface LivenessActions {
  ping(opaque: Uint8Array): void;
  dead(): void;
}

/**
 * Tells whether the other end is alive (docs/protocol.md, Liveness): pings after silence, and calls the connection dead
 * when a ping went unanswered over a time in which the page really ran.
 */
export class Liveness {
  readonly #timers: Timers;
  readonly #actions: LivenessActions;
  #timer: unknown = null;
  #heardAt: number;
  #pingedAt: number | null = null;
  #counter = 0;
  #late = 0;
  #stopped = false;
  roundTripMs: number | null = null;

  constructor(timers: Timers, actions: LivenessActions) {
    this.#timers = timers;
    this.#actions = actions;
    this.#heardAt = timers.now();
  }

  start(): void {
    this.#heardAt = this.#timers.now();
    this.#ping();
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#timers.clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** A frame came. */
  heard(): void {
    this.#heardAt = this.#timers.now();
  }

  pong(opaque: Uint8Array): void {
    if (this.#pingedAt === null || opaque[7] !== this.#counter % 256) return;
    this.roundTripMs = this.#timers.now() - this.#pingedAt;
    this.#pingedAt = null;
    this.#timers.clearTimeout(this.#timer);
    this.#schedule();
  }

  #ping(): void {
    this.#counter++;
    const opaque = new Uint8Array(8);
    new DataView(opaque.buffer).setUint32(4, this.#counter);
    this.#pingedAt = this.#timers.now();
    this.#actions.ping(opaque);
  }

  #schedule(): void {
    if (this.#stopped) return;
    const silentSince = this.#silentPing() ?? this.#heardAt;
    const wait = this.#silentPing() === null ? tunnelLimits.pingAfterMs : this.#answerMs();
    const due = Math.max(silentSince + wait, this.#timers.now());
    this.#timer = this.#timers.setTimeout(() => this.#onTimer(due), due - this.#timers.now());
  }

  /** When the ping was sent that nothing has been heard since; null when there is none. */
  #silentPing(): number | null {
    return this.#pingedAt !== null && this.#pingedAt >= this.#heardAt ? this.#pingedAt : null;
  }

  #answerMs(): number {
    return tunnelLimits.deadAfterMs - tunnelLimits.pingAfterMs;
  }

  #onTimer(due: number): void {
    const now = this.#timers.now();
    const pinged = this.#silentPing();
    const late = now - due > lateMs;
    if (pinged !== null && now - pinged >= this.#answerMs()) {
      if (!late || ++this.#late >= lateRounds) {
        this.#actions.dead();
        return;
      }
      this.#ping();
    } else if (pinged === null) {
      this.#late = 0;
      if (now - this.#heardAt >= tunnelLimits.pingAfterMs) this.#ping();
    }
    this.#schedule();
  }
}
