// localStorage and sessionStorage of an app: the browser gives its document none. Bounded as browsers bound them; the local part
// outlives the page through a keeper, late by a moment so that a burst of writes is one.

import type { Area, Entries } from './control.ts';

/** Characters of all keys and values of one area. */
const maxSize = 5 * 1024 * 1024;
const maxKeys = 10_000;
const saveAfterMs = 300;

export interface StorageKeeper {
  load(): Promise<Entries>;
  save(entries: Entries): Promise<void>;
}

export class AppStorage {
  readonly #keeper: StorageKeeper | null;
  readonly #areas: Readonly<Record<Area, Map<string, string>>> = { local: new Map(), session: new Map() };
  readonly #sizes = { local: 0, session: 0 };
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(keeper: StorageKeeper | null) {
    this.#keeper = keeper;
  }

  async load(): Promise<void> {
    try {
      for (const [key, value] of (await this.#keeper?.load()) ?? []) this.#put('local', key, value);
    } catch {
      // It begins empty.
    }
  }

  entries(area: Area): Entries {
    return [...this.#areas[area]];
  }

  /** Null removes. What is beyond the bounds is not kept: the document has refused it too. */
  set(area: Area, key: string, value: string | null): void {
    this.#put(area, key, value);
    if (area === 'local') this.#saveSoon();
  }

  clear(area: Area): void {
    this.#areas[area].clear();
    this.#sizes[area] = 0;
    if (area === 'local') this.#saveSoon();
  }

  close(): void {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#save();
  }

  #put(area: Area, key: string, value: string | null): void {
    const map = this.#areas[area];
    const old = map.get(key);
    const without = this.#sizes[area] - (old === undefined ? 0 : key.length + old.length);
    if (value === null) {
      map.delete(key);
      this.#sizes[area] = without;
      return;
    }
    const size = without + key.length + value.length;
    if (size > maxSize || (old === undefined && map.size >= maxKeys)) return;
    map.set(key, value);
    this.#sizes[area] = size;
  }

  #saveSoon(): void {
    this.#timer ??= setTimeout(() => this.#save(), saveAfterMs);
  }

  #save(): void {
    this.#timer = null;
    this.#keeper?.save(this.entries('local')).catch(() => undefined);
  }
}

export const storageLimits = { size: maxSize, keys: maxKeys } as const;
