// What the page remembers on this device, in IndexedDB. All pages opened from disk share that storage, so every key begins
// with the page's own place, and nothing secret is kept.

const kDatabase = 'owndir';
const kStore = 'pages';

export interface Remembered {
  clientId?: string;
  deviceName?: string;
  handle?: FileSystemDirectoryHandle;
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('the storage failed'));
  });
}

async function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(kDatabase, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(kStore);
  return done(request);
}

/** Works without storage too (a private window): then nothing outlives the page. */
export class Store {
  readonly #key: string;

  constructor(key: string) {
    this.#key = key;
  }

  async load(): Promise<Remembered> {
    try {
      const database = await open();
      try {
        const value: unknown = await done(database.transaction(kStore).objectStore(kStore).get(this.#key));
        return typeof value === 'object' && value !== null ? value : {};
      } finally {
        database.close();
      }
    } catch {
      return {};
    }
  }

  async save(value: Remembered): Promise<void> {
    try {
      const database = await open();
      try {
        await done(database.transaction(kStore, 'readwrite').objectStore(kStore).put(value, this.#key));
      } finally {
        database.close();
      }
    } catch {
      // Nothing depends on it within this page.
    }
  }
}
