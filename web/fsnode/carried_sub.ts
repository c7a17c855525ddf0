// A sub that outlives the backing beneath it: from the next one it tells what is different there.
import { reportFault } from '../base/emitter.ts';
import { appearance, differences, learn, type Difference, type Known } from './differences.ts';
import { asFsError, ConnectionLost } from './error.ts';
import type { Backing, SubOptions, Told } from './types.ts';

interface Listener {
  tell: (told: Told) => void;
  ignoreInitial: boolean;
  /** It knows what we know. */
  caughtUp: boolean;
  over: boolean;
}

/** Subs of the same paths share one. */
export function subKey(path: string, options: SubOptions): string {
  const raw = options.events.includes('raw');
  return JSON.stringify([path, options.paths, options.depth ?? -1, raw]);
}

export class CarriedSub {
  readonly #path: string;
  readonly #options: SubOptions;
  readonly #listeners = new Set<Listener>();
  #known: Known = new Map();
  /** What the new backing has told so far, while it is compared with what is known. */
  #fresh: Known | null = null;
  #ready = false;
  #off: (() => void) | null = null;
  #generation = 0;

  constructor(path: string, options: SubOptions) {
    this.#path = path;
    const events = options.events.includes('raw')
      ? (['all', 'raw', 'ready', 'error'] as const)
      : (['all', 'ready', 'error'] as const);
    this.#options = { paths: options.paths, depth: options.depth, events, ignoreInitial: false };
  }

  get empty(): boolean {
    return this.#listeners.size === 0;
  }

  /** The listener is told what is known already, later; returns what ends it. */
  listen(tell: (told: Told) => void, ignoreInitial: boolean): () => void {
    const listener: Listener = { tell, ignoreInitial, caughtUp: false, over: false };
    this.#listeners.add(listener);
    queueMicrotask(() => {
      if (!ignoreInitial) for (const told of this.#appearances()) this.#tellOne(listener, told);
      if (this.#ready) this.#tellOne(listener, { event: 'ready' });
      listener.caughtUp = true;
    });
    return () => {
      listener.over = true;
      this.#listeners.delete(listener);
    };
  }

  /** Null: nothing is there to watch. */
  attach(backing: Backing | null): void {
    const generation = ++this.#generation;
    this.#off?.();
    this.#off = null;
    this.#fresh = this.#ready || this.#known.size > 0 ? new Map() : null;
    if (!backing) return;
    try {
      const off = backing.sub(this.#path, this.#options, told => {
        if (generation === this.#generation) this.#take(told);
      });
      this.#off = off;
    } catch (error) {
      const told: Told = { event: 'error', error: asFsError(error), final: true };
      // Not before sub has returned.
      queueMicrotask(() => this.#tell(told));
    }
  }

  #take(told: Told): void {
    if (told.event === 'ready') this.#compare();
    else if (told.event === 'error') {
      // The next backing goes on where this one ends.
      if (!(told.error instanceof ConnectionLost)) this.#tell(told);
    } else if (told.event === 'raw') this.#tell(told);
    else {
      learn(this.#fresh ?? this.#known, told);
      if (!this.#fresh) this.#tell(told);
    }
  }

  #compare(): void {
    const fresh = this.#fresh;
    this.#fresh = null;
    if (fresh) {
      const found = differences(this.#known, fresh);
      this.#known = fresh;
      for (const told of found) this.#tell(told);
    }
    if (this.#ready) return;
    this.#ready = true;
    this.#tell({ event: 'ready' });
  }

  #appearances(): Difference[] {
    return differences(new Map(), this.#known).map(({ path, info }) => appearance(path, info));
  }

  #tell(told: Told): void {
    const initial = !this.#ready && (told.event === 'add' || told.event === 'addDir');
    for (const listener of [...this.#listeners])
      if (listener.caughtUp && !(initial && listener.ignoreInitial)) this.#tellOne(listener, told);
  }

  #tellOne(listener: Listener, told: Told): void {
    if (listener.over) return;
    try {
      listener.tell(told);
    } catch (error) {
      reportFault(error);
    }
  }
}
