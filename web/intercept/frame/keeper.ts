// Keeps an app's localStorage in IndexedDB. All pages opened from disk share that, so the key begins with the page's own place.

import type { Entries } from './control.ts';
import type { StorageKeeper } from './storage.ts';

const kDatabase = 'owndir-apps';
const kStore = 'storage';

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('the storage failed'));
  });
}

export class DatabaseKeeper implements StorageKeeper {
  readonly #key: string;

  constructor(key: string) {
    this.#key = key;
  }

  async load(): Promise<Entries> {
    const value = await this.#with<unknown>('readonly', store => store.get(this.#key));
    if (!Array.isArray(value)) return [];
    return (value as unknown[]).filter(
      (entry): entry is [string, string] =>
        Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'string',
    );
  }

  async save(entries: Entries): Promise<void> {
    await this.#with('readwrite', store => store.put(entries, this.#key));
  }

  async #with<T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    const request = indexedDB.open(kDatabase, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(kStore);
    const database = await done(request);
    try {
      return await done(ask(database.transaction(kStore, mode).objectStore(kStore)));
    } finally {
      database.close();
    }
  }
}
