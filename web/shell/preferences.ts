// How a person likes to see folders; kept on this device where the browser lets us.

import { kDefaultOrder, type Order } from './listing_model.ts';

const kKey = 'owndir.view';

interface Saved {
  order: Order;
  showHidden: boolean;
  wrap: boolean;
}

export function parsePreferences(text: string | null): Saved {
  const saved: Saved = { order: kDefaultOrder, showHidden: false, wrap: true };
  try {
    const value: unknown = JSON.parse(text ?? '');
    if (typeof value !== 'object' || value === null) return saved;
    const { key, descending, showHidden, wrap } = value as Record<string, unknown>;
    if (key === 'name' || key === 'size' || key === 'date') saved.order = { key, descending: descending === true };
    saved.showHidden = showHidden === true;
    saved.wrap = wrap !== false;
  } catch {
    // Nothing saved, or nothing that we wrote.
  }
  return saved;
}

export class Preferences {
  #saved: Saved;

  constructor() {
    let text: string | null = null;
    try {
      text = localStorage.getItem(kKey);
    } catch {
      // Storage is blocked: the defaults, for as long as the page lives.
    }
    this.#saved = parsePreferences(text);
  }

  get order(): Order {
    return this.#saved.order;
  }
  set order(order: Order) {
    this.#save({ ...this.#saved, order });
  }
  get showHidden(): boolean {
    return this.#saved.showHidden;
  }
  set showHidden(showHidden: boolean) {
    this.#save({ ...this.#saved, showHidden });
  }
  get wrap(): boolean {
    return this.#saved.wrap;
  }
  set wrap(wrap: boolean) {
    this.#save({ ...this.#saved, wrap });
  }

  #save(saved: Saved): void {
    this.#saved = saved;
    try {
      localStorage.setItem(kKey, JSON.stringify({ ...saved.order, showHidden: saved.showHidden, wrap: saved.wrap }));
    } catch {
      // As above.
    }
  }
}
