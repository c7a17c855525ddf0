// localStorage and sessionStorage of the document: kept in memory here, told to the shell, which keeps them longer.

import { storageLimits } from '../storage.ts';
import type { Area, Entries, FromDocument } from '../control.ts';

type Tell = (message: FromDocument) => void;

class StorageMethods {
  readonly #area: Area;
  readonly #tell: Tell;
  readonly #map: Map<string, string>;
  #size = 0;

  constructor(area: Area, entries: Entries, tell: Tell) {
    this.#area = area;
    this.#tell = tell;
    this.#map = new Map(entries.map(([key, value]) => [key, value]));
    for (const [key, value] of this.#map) this.#size += key.length + value.length;
  }

  get length(): number {
    return this.#map.size;
  }
  key(index: number): string | null {
    return [...this.#map.keys()][index] ?? null;
  }
  getItem(key: string): string | null {
    return this.#map.get(String(key)) ?? null;
  }
  setItem(key: string, value: string): void {
    const name = String(key);
    const text = String(value);
    const old = this.#map.get(name);
    const size = this.#size + text.length - (old === undefined ? -name.length : old.length);
    if (size > storageLimits.size || (old === undefined && this.#map.size >= storageLimits.keys))
      throw new DOMException(`Setting the value of '${name}' exceeded the quota.`, 'QuotaExceededError');
    this.#map.set(name, text);
    this.#size = size;
    if (old !== text) this.#tell({ type: 'store', area: this.#area, key: name, value: text });
  }
  removeItem(key: string): void {
    const name = String(key);
    const old = this.#map.get(name);
    if (old === undefined) return;
    this.#map.delete(name);
    this.#size -= name.length + old.length;
    this.#tell({ type: 'store', area: this.#area, key: name, value: null });
  }
  clear(): void {
    this.#map.clear();
    this.#size = 0;
    this.#tell({ type: 'clear', area: this.#area });
  }
}

const methods = new Set<PropertyKey>(['length', 'key', 'getItem', 'setItem', 'removeItem', 'clear', 'constructor']);

/** With keys as properties too. */
export function makeStorage(area: Area, entries: Entries, tell: Tell): Storage {
  const store = new StorageMethods(area, entries, tell);
  const isKey = (name: PropertyKey): name is string => typeof name === 'string' && !methods.has(name);
  const own = (name: PropertyKey): string | null => (isKey(name) ? store.getItem(name) : null);
  const target = Object.create(globalThis.Storage?.prototype ?? Object.prototype) as Storage;
  return new Proxy(target, {
    get(_, name) {
      if (methods.has(name) && name !== 'constructor') {
        const value = Reflect.get(store, name, store) as unknown;
        return typeof value === 'function' ? (value.bind(store) as unknown) : value;
      }
      return own(name) ?? (Reflect.get(target, name) as unknown);
    },
    set(_, name, value) {
      if (isKey(name)) store.setItem(name, String(value));
      return true;
    },
    has: (_, name) => own(name) !== null || Reflect.has(target, name),
    deleteProperty(_, name) {
      if (isKey(name)) store.removeItem(name);
      return true;
    },
    ownKeys: () => Array.from({ length: store.length }, (_, i) => store.key(i) ?? ''),
    getOwnPropertyDescriptor(_, name) {
      const value = own(name);
      return value === null ? undefined : { value, writable: true, enumerable: true, configurable: true };
    },
    defineProperty(_, name, descriptor) {
      if (isKey(name)) store.setItem(name, String(descriptor.value));
      return true;
    },
  });
}
