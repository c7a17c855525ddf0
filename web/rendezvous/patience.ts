// Keeping on while the page is hidden: browsers throttle a hidden tab's timers to one a minute and may freeze the tab. A
// dedicated worker's timers keep their pace, and a held Web Lock keeps the tab from being frozen.

export interface Ticker {
  close(): void;
}

/** Calls `onTick` every `ms` milliseconds from a blob worker's timer (from a plain timer where workers fail). */
export declare function startTicker(ms: number, onTick: () => void): Ticker;

/** As setTimeout, from a worker's timer, for waits that must not be stretched in a hidden tab. Rejects as `sleep` does. */
export declare function patientSleep(ms: number, signal?: AbortSignal): Promise<void>;

/** Holds a Web Lock of a unique name until the returned function is called. Does nothing where there are no locks. */
export declare function stayAwake(): () => void;
