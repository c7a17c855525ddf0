/** What a component needs of clocks and timers; tests give their own. */
export interface Timers {
  /** Milliseconds of a clock that is never set, for durations. */
  now(): number;
  /** Unix milliseconds, for what people and other devices see. */
  wallNow(): number;
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(id: unknown): void;
}

export const systemTimers: Timers = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: id => clearTimeout(id as ReturnType<typeof setTimeout>),
};

/** Rejects with the signal's reason when it is aborted before the time has passed. */
export function sleep(ms: number, signal?: AbortSignal, timers: Timers = systemTimers): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(asError(signal.reason));
      return;
    }
    const abort = () => {
      timers.clearTimeout(id);
      reject(asError(signal?.reason));
    };
    const id = timers.setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', abort, { once: true });
  });
}

export function asError(reason: unknown): Error {
  if (reason instanceof Error) return reason;
  return new Error(typeof reason === 'string' ? reason : 'cancelled', { cause: reason });
}
