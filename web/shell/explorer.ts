// The folder as a person walks through it: the place decides what is shown, a directory or a file; history, scroll position,
// title and focus follow. Used by the page from disk and by the localhost pages.

import { baseName, crumbs, isDirectory, parentPath } from './address.ts';
import { h, isPlain, isTyping, replaceChildren, setText } from './dom.ts';
import { Downloads } from './downloads.ts';
import { toggleHelp } from './help.ts';
import { filterEntries, sortEntries, type Entry, type Listing } from './listing_model.ts';
import { ListingView } from './listing_view.ts';
import type { Place } from './place.ts';
import { Preferences } from './preferences.ts';
import { PreviewView } from './preview_view.ts';
import { SourceError, type FileFacts, type Source } from './source.ts';

const kKeptListings = 64;

interface Kept {
  scroll?: number;
  focus?: string;
}

export interface ExplorerOptions {
  readonly source: Source;
  readonly place: Place;
  /** Of the root, for the crumbs and the title. */
  rootName: () => string;
  /** A listing that is there already. */
  readonly first?: Listing;
}

export class Explorer {
  readonly element = h('div', { class: 'explorer' });
  readonly #options: ExplorerOptions;
  readonly #preferences = new Preferences();
  readonly #downloads: Downloads;
  readonly #crumbs = h('nav', { class: 'crumbs', 'aria-label': 'Path' });
  readonly #content = h('main', { class: 'content', id: 'content', tabindex: -1 });
  readonly #busy = h('div', { class: 'busy', hidden: true, 'aria-hidden': 'true' });
  readonly #said = h('p', { class: 'sr-only', role: 'status', 'aria-live': 'polite' });
  readonly #listingView: ListingView;
  readonly #kept = new Map<string, Listing>();
  #preview: PreviewView | null = null;
  #shown: string | null = null;
  #abort = new AbortController();

  constructor(options: ExplorerOptions) {
    this.#options = options;
    this.#downloads = new Downloads(options.source);
    this.#listingView = new ListingView({
      href: entry => options.place.entryHref(entry),
      open: entry => this.#open(entry),
      up: () => this.#up(),
      preferences: this.#preferences,
    });
    if (options.first) this.#keep(options.first);
    replaceChildren(this.element, this.#busy, this.#crumbs, this.#content, this.#downloads.element, this.#said);
    history.scrollRestoration = 'manual';
    options.place.onChange(() => void this.#go(true));
    addEventListener('keydown', event => this.#key(event));
    let timer: ReturnType<typeof setTimeout> | undefined;
    addEventListener(
      'scroll',
      () => {
        clearTimeout(timer);
        timer = setTimeout(() => this.#remember({ scroll: scrollY }), 120);
      },
      { passive: true },
    );
  }

  /** Shows the place of the moment. */
  start(): void {
    void this.#go(false);
  }

  /** The connection is back: what is shown may be old. */
  refresh(): void {
    if (this.#preview === null && this.#shown !== null && this.#listingView.element.isConnected)
      void this.#refreshListing(this.#shown);
    else if (this.#preview === null) void this.#go(false);
  }

  /** The root is called otherwise than before. */
  showRootName(): void {
    const path = this.#options.place.current();
    this.#showCrumbs(path);
    this.#showTitle(path);
  }

  /** Another folder: nothing of this one is kept. */
  reset(): void {
    this.#abort.abort(new DOMException('another folder', 'AbortError'));
    this.#closePreview();
    this.#kept.clear();
    this.#shown = null;
    replaceChildren(this.#content);
  }

  /** Waiting is no failure while the page reconnects. */
  get isEmpty(): boolean {
    return this.#shown === null;
  }

  async #go(moved: boolean): Promise<void> {
    const { place } = this.#options;
    const path = place.current();
    const kept = (history.state ?? {}) as Kept;
    const from = this.#shown;
    this.#abort.abort(new DOMException('elsewhere', 'AbortError'));
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this.#showCrumbs(path);
    this.#showTitle(path);
    const slow = setTimeout(() => this.#busy.removeAttribute('hidden'), 150);
    const long = setTimeout(() => this.#showWaiting(path), 1_000);
    try {
      if (isDirectory(path)) await this.#showDirectory(path, kept, from, moved, signal);
      else await this.#showFile(path, kept, signal);
    } catch (error) {
      if (!signal.aborted) this.#showError(path, error);
    } finally {
      clearTimeout(slow);
      clearTimeout(long);
      if (!signal.aborted) this.#busy.setAttribute('hidden', '');
    }
  }

  async #showDirectory(
    path: string,
    kept: Kept,
    from: string | null,
    moved: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const known = this.#kept.get(path);
    const listing = known ?? (await this.#options.source.list(path, signal));
    signal.throwIfAborted();
    this.#keep(listing);
    const child = from !== null && from !== path && from.startsWith(path) ? childOf(path, from) : null;
    this.#closePreview();
    if (!this.#listingView.element.isConnected) replaceChildren(this.#content, this.#listingView.element);
    this.#listingView.show(listing, kept.focus ?? child);
    this.#shown = path;
    this.#settle(kept, moved, `${baseName(path) || this.#options.rootName()}, ${this.#listingView.count}`);
    if (known) void this.#refreshListing(path);
  }

  #settle(kept: Kept, moved: boolean, said: string): void {
    if (kept.scroll !== undefined) this.#listingView.ensureHeight(kept.scroll + innerHeight);
    scrollTo(0, kept.scroll ?? 0);
    if (moved) this.#listingView.focusRow();
    if (kept.scroll !== undefined) scrollTo(0, kept.scroll);
    setText(this.#said, said);
  }

  async #refreshListing(path: string): Promise<void> {
    const { signal } = this.#abort;
    try {
      const fresh = await this.#options.source.list(path, signal);
      if (signal.aborted || this.#shown !== path) return;
      const same = JSON.stringify(fresh) === JSON.stringify(this.#kept.get(path));
      this.#keep(fresh);
      if (!same) this.#listingView.show(fresh, null);
    } catch (error) {
      if (!signal.aborted && error instanceof SourceError && error.kind === 'not-found') this.#showError(path, error);
    }
  }

  async #showFile(path: string, kept: Kept, signal: AbortSignal): Promise<void> {
    const { source, place } = this.#options;
    const entry = this.#kept.get(parentPath(path))?.entries.find(other => other.path === path);
    const facts: FileFacts = entry?.type === 'file' ? { ...entry, directory: null } : await source.facts(path, signal);
    signal.throwIfAborted();
    if (facts.directory !== null) return place.replace(facts.directory);
    this.#closePreview();
    const hooks = {
      preferences: this.#preferences,
      download: (of: string, size: number | null) => void this.#downloads.start(of, size),
      previous: null as (() => void) | null,
      next: null as (() => void) | null,
      up: () => this.#up(),
    };
    const preview = new PreviewView(source, path, facts, hooks);
    this.#preview = preview;
    this.#shown = path;
    replaceChildren(this.#content, preview.element);
    scrollTo(0, kept.scroll ?? 0);
    preview.focus();
    setText(this.#said, baseName(path));
    await this.#addNeighbours(path, preview, hooks, signal);
  }

  async #addNeighbours(
    path: string,
    preview: PreviewView,
    hooks: { previous: (() => void) | null; next: (() => void) | null },
    signal: AbortSignal,
  ): Promise<void> {
    const { source, place } = this.#options;
    const parent = parentPath(path);
    try {
      const listing = this.#kept.get(parent) ?? (await source.list(parent, signal));
      signal.throwIfAborted();
      this.#keep(listing);
      const { order, showHidden } = this.#preferences;
      const files = sortEntries(filterEntries(listing.entries, '', showHidden), order).filter(
        entry => entry.type === 'file',
      );
      const at = files.findIndex(entry => entry.path === path);
      const to = (entry: Entry | undefined) => (at >= 0 && entry ? () => place.go(entry.path) : null);
      hooks.previous = to(files[at - 1]);
      hooks.next = to(files[at + 1]);
      preview.updateNeighbours();
    } catch {
      // Without neighbours the file is shown all the same.
    }
  }

  #open(entry: Entry): boolean {
    const { place } = this.#options;
    this.#remember({ scroll: scrollY, focus: entry.path });
    if (entry.type === 'other' || !place.showsHere(entry.path)) return false;
    place.go(entry.path);
    return true;
  }

  #up(): void {
    const path = this.#options.place.current();
    if (path !== '/') this.#options.place.go(parentPath(path));
  }

  #remember(change: Kept): void {
    if (this.#shown !== this.#options.place.current()) return;
    history.replaceState({ ...(history.state as Kept | null), ...change }, '');
  }

  #keep(listing: Listing): void {
    this.#kept.delete(listing.path);
    this.#kept.set(listing.path, listing);
    const oldest = this.#kept.keys().next().value;
    if (this.#kept.size > kKeptListings && oldest !== undefined) this.#kept.delete(oldest);
  }

  #closePreview(): void {
    this.#preview?.close();
    this.#preview = null;
  }

  #showTitle(path: string): void {
    const root = this.#options.rootName();
    document.title = path === '/' ? root : `${baseName(path)} · ${root}`;
  }

  #showCrumbs(path: string): void {
    const all = crumbs(path, this.#options.rootName());
    const items = all.map((crumb, index) => {
      const last = index === all.length - 1;
      return h(
        'li',
        null,
        last
          ? h('span', { 'aria-current': 'page', dir: 'auto' }, crumb.name)
          : h('a', { href: this.#options.place.href(crumb.path), dir: 'auto' }, crumb.name),
      );
    });
    replaceChildren(this.#crumbs, h('ol', null, items));
    const list = this.#crumbs.firstElementChild;
    if (list) list.scrollLeft = list.scrollWidth;
  }

  /** The address has moved on, so what was shown there before would be misleading. */
  #showWaiting(path: string): void {
    if (this.#shown === path || this.#kept.has(path)) return;
    this.#closePreview();
    this.#shown = null;
    const words = h(
      'p',
      { class: 'quiet', role: 'status' },
      `Waiting for ${baseName(path) || 'the folder'} to come from home…`,
    );
    replaceChildren(this.#content, h('div', { class: 'instead' }, words));
  }

  #showError(path: string, error: unknown): void {
    this.#closePreview();
    this.#shown = null;
    const message = error instanceof Error ? error.message : String(error);
    const again = () => void this.#go(false);
    replaceChildren(
      this.#content,
      h(
        'div',
        { class: 'instead', role: 'alert' },
        h('h2', null, baseName(path) || this.#options.rootName()),
        h('p', null, message),
        h(
          'div',
          { class: 'actions' },
          h('button', { class: 'primary', onclick: again }, 'Try again'),
          path === '/' ? null : h('button', { onclick: () => this.#up() }, 'One folder up'),
        ),
      ),
    );
  }

  #key(event: KeyboardEvent): void {
    if (
      event.defaultPrevented ||
      isTyping(event) ||
      !isPlain(event) ||
      !this.element.isConnected ||
      this.element.hidden
    )
      return;
    if (event.key === '?') {
      toggleHelp();
      event.preventDefault();
      return;
    }
    if (document.querySelector('dialog[open]')) return;
    const used = this.#preview
      ? this.#preview.key(event)
      : this.#listingView.element.isConnected
        ? this.#listingView.key(event)
        : false;
    if (used) event.preventDefault();
  }
}

/** The entry of `directory` on the way to `path`. */
function childOf(directory: string, path: string): string {
  const rest = path.slice(directory.length);
  const slash = rest.indexOf('/');
  return slash < 0 ? path : directory + rest.slice(0, slash + 1);
}
