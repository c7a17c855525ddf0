// What scripts get for `location` (location_names.ts): the app's address, and ways to go elsewhere that stay in the app.

import { kLocation } from './location_names.ts';

export interface Goes {
  /** The address now. */
  url(): string;
  base(): string;
  /** Null: where nobody can go, as in a worker. */
  go: ((url: string, options: { replace: boolean }) => void) | null;
  reload(): void;
}

export class VirtualLocation {
  readonly #goes: Goes;

  constructor(goes: Goes) {
    this.#goes = goes;
  }

  get href(): string {
    return this.#goes.url();
  }
  set href(value: string) {
    this.assign(value);
  }
  get origin(): string {
    return this.#url().origin;
  }
  get protocol(): string {
    return this.#url().protocol;
  }
  set protocol(value: string) {
    this.#change(url => (url.protocol = value));
  }
  get host(): string {
    return this.#url().host;
  }
  set host(value: string) {
    this.#change(url => (url.host = value));
  }
  get hostname(): string {
    return this.#url().hostname;
  }
  set hostname(value: string) {
    this.#change(url => (url.hostname = value));
  }
  get port(): string {
    return this.#url().port;
  }
  set port(value: string) {
    this.#change(url => (url.port = value));
  }
  get pathname(): string {
    return this.#url().pathname;
  }
  set pathname(value: string) {
    this.#change(url => (url.pathname = value));
  }
  get search(): string {
    return this.#url().search;
  }
  set search(value: string) {
    this.#change(url => (url.search = value));
  }
  get hash(): string {
    return this.#url().hash;
  }
  set hash(value: string) {
    const text = String(value).replace(/^#/, '');
    const url = this.#url();
    if (url.hash.replace(/^#/, '') === text) return;
    // An empty fragment is one too: nothing is loaded.
    url.hash = text;
    this.#goes.go?.(text === '' ? `${url.href}#` : url.href, { replace: false });
  }
  get ancestorOrigins(): readonly string[] {
    return [];
  }

  assign(value: string | URL): void {
    this.#goes.go?.(this.#resolve(value), { replace: false });
  }
  replace(value: string | URL): void {
    this.#goes.go?.(this.#resolve(value), { replace: true });
  }
  reload(): void {
    this.#goes.reload();
  }
  toString(): string {
    return this.href;
  }

  #url(): URL {
    return new URL(this.#goes.url());
  }
  #change(change: (url: URL) => void): void {
    const url = this.#url();
    change(url);
    this.#goes.go?.(url.href, { replace: false });
  }
  #resolve(value: string | URL): string {
    try {
      return new URL(String(value), this.#goes.base()).href;
    } catch {
      throw new DOMException(`'${String(value)}' is not a valid URL.`, 'SyntaxError');
    }
  }
}

Object.defineProperty(VirtualLocation.prototype, Symbol.toStringTag, { value: 'Location', configurable: true });

/** Every object has the other name; only for these it is not just `location` again. */
export function installLocation(location: VirtualLocation, owners: readonly object[]): void {
  Object.defineProperty(Object.prototype, kLocation, {
    configurable: true,
    enumerable: false,
    get(this: object) {
      if (owners.includes(this)) return location;
      return (this as { location?: unknown }).location;
    },
    set(this: object, value: unknown) {
      if (owners.includes(this)) location.href = String(value);
      else (this as { location?: unknown }).location = value;
    },
  });
}
