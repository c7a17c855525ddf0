// Where the person is in the app, and how to get elsewhere: the same calls on a server, on file:// and on static hosts.

import { Emitter } from '../base/emitter.ts';
import {
  directoryOfPage,
  makeAddress,
  readFragment,
  readUrl,
  sameAddress,
  writeAddress,
  type Address,
  type AddressParts,
} from './address.ts';
import { pageOf, type Site } from './site.ts';

/** `path`: the URL's own path; `fragment`: "#/a/b", where no server would answer another path with this page. */
export type AddressStyle = 'path' | 'fragment';

export interface NavigateOptions extends AddressParts {
  /** Without a new step in the history. */
  readonly replace?: boolean;
}

export class Router {
  readonly #site: Site;
  readonly #rootPath: string;
  #style: AddressStyle;
  #address: Address;
  readonly changed = new Emitter<Address>();

  constructor(site: Site, style: AddressStyle) {
    this.#site = site;
    this.#rootPath = new URL(site.root).pathname;
    this.#style = style;
    this.#address = this.#read();
    addEventListener('popstate', () => this.#look());
    addEventListener('hashchange', () => this.#look());
  }

  get address(): Address {
    return this.#address;
  }

  set style(style: AddressStyle) {
    this.#style = style;
    this.#look();
  }

  href(path: string, parts: AddressParts = {}): string {
    const address = makeAddress(path, parts);
    if (this.#style === 'path') return this.#rootPath.slice(0, -1) + writeAddress(address);
    const page = pageOf(this.#site, address.path);
    const other = page === null || page === this.page ? '' : this.#site.root + page;
    return `${other}#${writeAddress(address)}`;
  }

  navigate(path: string, options: NavigateOptions = {}): void {
    const href = this.href(path, options);
    const here = this.#style === 'fragment' ? href.startsWith('#') : this.#answersHere(path);
    if (!here) {
      if (options.replace) location.replace(href);
      else location.assign(href);
      return;
    }
    if (options.replace) history.replaceState(history.state, '', href);
    else history.pushState(null, '', href);
    this.#look();
  }

  /** The page's own path below the site's root; null where the address bar does not show it. */
  get page(): string | null {
    const path = decodeURI(location.pathname);
    const root = decodeURI(this.#rootPath);
    if (!path.startsWith(root)) return null;
    const below = path.slice(root.length);
    return below === '' || below.endsWith('/') ? `${below}index.html` : below;
  }

  #answersHere(path: string): boolean {
    return pageOf(this.#site, makeAddress(path).path) === pageOf(this.#site, this.#address.path);
  }

  #read(): Address {
    if (this.#style === 'path') return readUrl(location, this.#rootPath);
    const page = this.page;
    return readFragment(location.hash, page === null ? '/' : `/${directoryOfPage(page)}`);
  }

  #look(): void {
    const address = this.#read();
    if (sameAddress(address, this.#address)) return;
    this.#address = address;
    this.changed.emit(address);
  }
}
