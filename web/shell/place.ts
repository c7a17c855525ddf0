// Where a person is, and how to get elsewhere. On the page from disk the place lives in the fragment ("#/photos/a.jpg"); on
// the localhost origin folders are real pages and only a preview lives in the fragment ("#a.jpg").

import { fragmentOfPath, isDirectory, normalizePath, parentPath, pathOfFragment } from './address.ts';
import type { Entry } from './listing_model.ts';

export interface Place {
  /** The path that is to be shown. */
  current(): string;
  href(path: string): string;
  /** The link of an entry in a listing. */
  entryHref(entry: Entry): string;
  go(path: string): void;
  /** Without a new step in the history. */
  replace(path: string): void;
  /** True when the view of the path is made here, false when the browser loads another page for it. */
  showsHere(path: string): boolean;
  onChange(listener: () => void): void;
}

export class FragmentPlace implements Place {
  current(): string {
    return pathOfFragment(location.hash);
  }
  href(path: string): string {
    return fragmentOfPath(path);
  }
  entryHref(entry: Entry): string {
    return fragmentOfPath(entry.path);
  }
  go(path: string): void {
    location.hash = fragmentOfPath(path);
  }
  replace(path: string): void {
    history.replaceState(history.state, '', fragmentOfPath(path));
    dispatchEvent(new HashChangeEvent('hashchange'));
  }
  showsHere(): boolean {
    return true;
  }
  onChange(listener: () => void): void {
    addEventListener('hashchange', listener);
  }
}

export class PagePlace implements Place {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  current(): string {
    const name = location.hash.slice(1);
    return name === '' || name.includes('/') ? this.#directory : normalizePath(this.#directory + name);
  }
  href(path: string): string {
    if (path === this.#directory) return '#';
    if (!isDirectory(path) && parentPath(path) === this.#directory) return `#${path.slice(this.#directory.length)}`;
    return path;
  }
  entryHref(entry: Entry): string {
    return entry.path;
  }
  go(path: string): void {
    const href = this.href(path);
    if (href.startsWith('#')) location.hash = href;
    else location.assign(href);
  }
  replace(path: string): void {
    location.replace(this.href(path));
  }
  showsHere(path: string): boolean {
    return path === this.#directory || parentPath(path) === this.#directory;
  }
  onChange(listener: () => void): void {
    addEventListener('hashchange', listener);
  }
}
