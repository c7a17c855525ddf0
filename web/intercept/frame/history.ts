// The entries of an app's history and where the app is in them. A document's own history cannot carry them (its origin is a new
// one at each load, and its entries lose their state), so the shell keeps them, and the host frame's entries stand for
// them in the browser's list (host.ts).

export interface HistoryEntry {
  readonly url: string;
  readonly state: unknown;
  /** Which document it belongs to: entries of one document are gone through without loading. */
  readonly document: number;
}

const maxEntries = 50;

export class AppHistory {
  #entries: HistoryEntry[] = [];
  /** What `index` 0 of the list is in the browser's count. */
  #first = 0;
  #at = -1;

  get length(): number {
    return this.#entries.length;
  }
  get current(): HistoryEntry | null {
    return this.#entries[this.#at] ?? null;
  }
  /** Its number in the browser's list. */
  get number(): number {
    return this.#first + this.#at;
  }

  push(entry: HistoryEntry): void {
    this.#entries = [...this.#entries.slice(0, this.#at + 1), entry];
    if (this.#entries.length > maxEntries) {
      this.#entries.shift();
      this.#first += 1;
    }
    this.#at = this.#entries.length - 1;
  }

  replace(entry: HistoryEntry): void {
    if (this.#at < 0) return this.push(entry);
    this.#entries[this.#at] = entry;
  }

  /** By its number; null when it is not kept. */
  go(number: number): HistoryEntry | null {
    const entry = this.#entries[number - this.#first];
    if (!entry) return null;
    this.#at = number - this.#first;
    return entry;
  }

  has(number: number): boolean {
    return this.#entries[number - this.#first] !== undefined;
  }
}
