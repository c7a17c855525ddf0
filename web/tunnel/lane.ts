import { tunnelLimits } from '../generated/protocol.ts';
import type { Timers } from '../base/time.ts';
import { TunnelError } from './error.ts';
import type { Exchange } from './exchange.ts';
import type { ChannelSender } from './sender.ts';
import { Upload, type BodySource } from './upload.ts';

/** Heads that may wait in one channel's queue before no more exchanges are opened on it. */
const headsWaiting = 64;

/** A channel for exchanges. */
export class Lane {
  readonly sender: ChannelSender;
  readonly #timers: Timers;
  /** The largest id opened on it. */
  lastExchange = 0;
  open = 0;

  constructor(sender: ChannelSender, timers: Timers) {
    this.sender = sender;
    this.#timers = timers;
  }

  get takesMore(): boolean {
    return this.sender.waiting < headsWaiting;
  }

  /** The body of a request on its way out; `credit` is what the other end gives at first. */
  makeUpload(exchange: Exchange, body: BodySource, length: number | null, credit: number): Upload {
    const upload: Upload = new Upload(exchange.id, body, length, credit, {
      ready: () => this.sender.ready(upload),
      ended: () => exchange.uploadEnded(),
      failed: (message, cause) => exchange.reset(new TunnelError('upstream', message, { cause })),
      stalled: this.stallClock(() =>
        exchange.reset(new TunnelError('timeout', 'The other end takes no more of the request.')),
      ),
    });
    return upload;
  }

  /** Is told when waiting for credit begins and ends; calls `expired` when it has lasted too long. */
  stallClock(expired: () => void): (waiting: boolean) => void {
    let stall: unknown = null;
    return waiting => {
      if (waiting === (stall !== null)) return;
      this.#timers.clearTimeout(stall);
      stall = waiting ? this.#timers.setTimeout(expired, tunnelLimits.stallMs) : null;
    };
  }
}

/** The one with the fewest open exchanges among those that take more. */
export function quietest(lanes: readonly Lane[]): Lane | undefined {
  let best: Lane | undefined;
  for (const lane of lanes) if (lane.takesMore && lane.open < (best?.open ?? Infinity)) best = lane;
  return best;
}
