// Keeping on while the page is hidden: browsers throttle a hidden tab's timers to one a minute and may freeze the tab. A
// dedicated worker's timers keep their pace, and a held Web Lock keeps the tab from being frozen.
import { randomId } from '../base/ids.ts';
import { reportFault } from '../base/emitter.ts';
import { sleep, systemTimers, type Timers } from '../base/time.ts';
import workerSource from 'worker:./ticker_worker.ts';

export interface Ticker {
  close(): void;
}

interface Interval {
  ms: number;
  onTick: () => void;
  /** A plain timer, where there is no worker. */
  timer: ReturnType<typeof setInterval> | null;
}

const intervals = new Map<number, Interval>();
let nextId = 1;
/** One worker for all tickers of the page; undefined before the first, null where workers fail. */
let worker: Worker | null | undefined;

function tick(id: number): void {
  try {
    intervals.get(id)?.onTick();
  } catch (error) {
    reportFault(error);
  }
}

function giveUpWorker(): void {
  worker?.terminate();
  worker = null;
  for (const [id, interval] of intervals) interval.timer ??= setInterval(() => tick(id), interval.ms);
}

function startWorker(): Worker | null {
  if (typeof Worker === 'undefined' || typeof URL.createObjectURL !== 'function') return null;
  const url = URL.createObjectURL(new Blob([workerSource], { type: 'text/javascript' }));
  try {
    const started = new Worker(url);
    started.onmessage = event => tick(event.data as number);
    started.onerror = event => {
      event.preventDefault();
      giveUpWorker();
    };
    return started;
  } catch {
    return null;
  }
}

/** Calls `onTick` every `ms` milliseconds from a blob worker's timer (from a plain timer where workers fail). */
export function startTicker(ms: number, onTick: () => void): Ticker {
  if (worker === undefined) worker = startWorker();
  const id = nextId++;
  intervals.set(id, { ms, onTick, timer: worker ? null : setInterval(() => tick(id), ms) });
  worker?.postMessage({ start: id, ms });
  return {
    close() {
      const interval = intervals.get(id);
      if (!interval) return;
      intervals.delete(id);
      if (interval.timer !== null) clearInterval(interval.timer);
      worker?.postMessage({ stop: id });
    },
  };
}

/** Timers that are not stretched in a hidden tab. */
export const patientTimers: Timers = {
  now: systemTimers.now,
  wallNow: systemTimers.wallNow,
  setTimeout(callback, ms) {
    const ticker = startTicker(ms, () => {
      ticker.close();
      callback();
    });
    return ticker;
  },
  clearTimeout(ticker) {
    (ticker as Ticker | null | undefined)?.close();
  },
};

/** As setTimeout, from a worker's timer. Rejects with the signal's reason when it is aborted before. */
export function patientSleep(ms: number, signal?: AbortSignal): Promise<void> {
  return sleep(ms, signal, patientTimers);
}

/**
 * Holds a Web Lock of this name (a unique one by default) until the returned function is called, which keeps the tab from
 * being frozen. Does nothing where there are no locks.
 */
export function stayAwake(name: string = `owndir-awake-${randomId()}`): () => void {
  let release: () => void = () => undefined;
  const held = new Promise<void>(resolve => {
    release = resolve;
  });
  locks()
    ?.request(name, { mode: 'shared' }, () => held)
    .catch(() => undefined);
  return release;
}

/** The names of the locks that any tab of this origin holds. */
export async function heldLocks(): Promise<Set<string>> {
  const state = await locks()?.query();
  return new Set((state?.held ?? []).flatMap(lock => (lock.name === undefined ? [] : [lock.name])));
}

function locks(): LockManager | undefined {
  return typeof navigator === 'undefined' ? undefined : (navigator as { locks?: LockManager }).locks;
}
