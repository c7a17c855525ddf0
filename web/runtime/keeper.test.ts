import { describe, expect, it } from 'vitest';
import type { Timers } from '../base/time.ts';
import { Keeper } from './keeper.ts';

/** Timers that fire at once and tell how long they would have waited. */
function instant(waits: number[], passes = 0): Timers {
  let now = 0;
  return {
    now: () => (now += passes),
    wallNow: () => now,
    setTimeout: (callback, ms) => {
      waits.push(ms);
      queueMicrotask(callback);
      return 0;
    },
    clearTimeout: () => undefined,
  };
}

describe('a socket that is kept open', () => {
  it('is opened again after ever longer pauses while it fails', async () => {
    const stop = new AbortController();
    const waits: number[] = [];
    let tries = 0;
    const open = () => {
      if (++tries === 9) stop.abort();
      return Promise.reject(new Error('refused'));
    };
    await new Keeper({ open, use: () => Promise.resolve() }, instant(waits)).run(stop.signal);
    expect(waits).toEqual([250, 500, 1_000, 2_000, 5_000, 10_000, 10_000, 10_000]);
  });

  it('is opened again soon after it has lived for a while', async () => {
    const stop = new AbortController();
    const waits: number[] = [];
    const retries: number[] = [];
    let tries = 0;
    const use = () => {
      if (++tries === 4) stop.abort();
      return Promise.resolve();
    };
    const keeper = new Keeper(
      { open: () => Promise.resolve('socket'), use, onAway: at => retries.push(at) },
      instant(waits, 6_000),
    );
    await keeper.run(stop.signal);
    expect(waits).toEqual([250, 250, 250]);
    expect(retries.length).toBe(3);
  });

  it('does not sit out a pause when there is reason to hurry', async () => {
    const stop = new AbortController();
    const never: Timers = { now: () => 0, wallNow: () => 0, setTimeout: () => 0, clearTimeout: () => undefined };
    let tries = 0;
    const keeper: Keeper<string> = new Keeper(
      {
        open: () => (++tries === 3 ? (stop.abort(), Promise.resolve('')) : Promise.reject(new Error('refused'))),
        use: () => Promise.resolve(),
        onAway: () => setImmediate(() => keeper.hurry()),
      },
      never,
    );
    await keeper.run(stop.signal);
    expect(tries).toBe(3);
  });

  it('ends during a pause', async () => {
    const stop = new AbortController();
    const keeper = new Keeper<string>({
      open: () => Promise.reject(new Error('refused')),
      use: () => Promise.resolve(),
      onAway: () => stop.abort(),
    });
    await keeper.run(stop.signal);
    expect(stop.signal.aborted).toBe(true);
  });
});
