// A directory as a table: sort, filter, keyboard. Knows entries and addresses, not where they come from.

import { h, icon, isPlain, isTyping, replaceChildren, setAttribute, setText } from './dom.ts';
import { formatCount, formatDate, formatDateLong, formatSize } from './format.ts';
import { iconOfKind, kIcons } from './icons.ts';
import { kindOf, kindWord } from './kinds.ts';
import {
  filterEntries,
  isHidden,
  nextOrder,
  obstacleWords,
  sortEntries,
  type Entry,
  type Listing,
  type Order,
  type SortKey,
} from './listing_model.ts';
import type { Preferences } from './preferences.ts';

export interface ListingHooks {
  href(entry: Entry): string;
  /** Takes over a plain click; false leaves it to the browser. */
  open(entry: Entry): boolean;
  up(): void;
  readonly preferences: Preferences;
}

interface Row {
  readonly entry: Entry;
  readonly element: HTMLTableRowElement;
}

/** Rows that are made at once; more follow as the person scrolls. */
const kChunk = 400;

export class ListingView {
  readonly element = h('section', { class: 'listing', 'aria-label': 'Folder' });
  readonly #hooks: ListingHooks;
  readonly #filter = h('input', {
    type: 'search',
    placeholder: 'Filter',
    'aria-label': 'Filter by name',
    autocomplete: 'off',
    spellcheck: 'false',
  });
  readonly #count = h('p', { class: 'quiet count', role: 'status' });
  readonly #hidden = h('input', { type: 'checkbox', id: 'show-hidden' });
  readonly #hiddenLabel = h('label', { class: 'toggle', for: 'show-hidden' }, this.#hidden, h('span', null, 'Hidden'));
  readonly #body = h('tbody');
  readonly #heads = new Map<SortKey, HTMLTableCellElement>();
  readonly #table: HTMLTableElement;
  readonly #empty = h('p', { class: 'empty' });
  readonly #more = h('div', { class: 'more', 'aria-hidden': 'true' });
  #listing: Listing = { path: '/', entries: [], truncated: false, total: 0 };
  #shown: Entry[] = [];
  /** What is rendered, by path. */
  #rows = new Map<string, Row>();
  #rendered = 0;
  #active = 0;

  constructor(hooks: ListingHooks) {
    this.#hooks = hooks;
    this.#hidden.checked = hooks.preferences.showHidden;
    const head = h('tr', null, this.#head('name', 'Name'), this.#head('size', 'Size'), this.#head('date', 'Changed'));
    this.#table = h(
      'table',
      null,
      h('caption', { class: 'sr-only' }, 'Entries of this folder'),
      h('thead', null, head),
      this.#body,
    );
    replaceChildren(
      this.element,
      h(
        'div',
        { class: 'toolbar' },
        h('div', { class: 'search' }, icon(kIcons.search), this.#filter),
        this.#hiddenLabel,
        this.#count,
      ),
      this.#table,
      this.#more,
      this.#empty,
    );
    this.#filter.addEventListener('input', () => this.#refresh());
    this.#filter.addEventListener('keydown', event => this.#filterKey(event));
    this.#hidden.addEventListener('change', () => {
      hooks.preferences.showHidden = this.#hidden.checked;
      this.#refresh();
    });
    this.#body.addEventListener('click', event => this.#click(event));
    this.#body.addEventListener('focusin', event => this.#focused(event));
    new IntersectionObserver(
      found => {
        if (found.some(item => item.isIntersecting)) this.#render(this.#rendered + kChunk);
      },
      { rootMargin: '1200px' },
    ).observe(this.#more);
  }

  /** `focus`: path of the entry that the person came from. */
  show(listing: Listing, focus: string | null): void {
    const same = this.#listing.path === listing.path;
    const focused = this.element.contains(document.activeElement) && document.activeElement !== this.#filter;
    const keep = same ? (this.#shown[this.#active]?.path ?? focus) : focus;
    this.#listing = listing;
    if (!same) this.#filter.value = '';
    setAttribute(this.#hiddenLabel, 'hidden', !listing.entries.some(isHidden));
    this.#refresh(keep);
    if (same && focused) this.focusRow(this.#active);
  }

  /** How many are shown, as a person reads it. */
  get count(): string {
    return this.#count.textContent ?? '';
  }

  /** Makes rows down to the height where the person was. */
  ensureHeight(pixels: number): void {
    while (this.#rendered < this.#shown.length && document.documentElement.scrollHeight < pixels)
      this.#render(this.#rendered + kChunk);
  }

  focusRow(index: number = this.#active): void {
    if (this.#shown.length === 0) return;
    const at = Math.max(0, Math.min(index, this.#shown.length - 1));
    this.#render(at + 1);
    this.#setActive(at);
    const link = this.#link(at);
    link?.focus({ preventScroll: true });
    link?.closest('tr')?.scrollIntoView({ block: 'nearest' });
  }

  focusFilter(): void {
    this.#filter.focus();
    this.#filter.select();
  }

  /** Returns whether the key was ours. */
  key(event: KeyboardEvent): boolean {
    if (!isPlain(event) || isTyping(event)) return false;
    const inList = this.#body.contains(document.activeElement);
    const page = Math.max(1, Math.floor(innerHeight / 44) - 2);
    switch (event.key) {
      case 'ArrowDown':
        this.focusRow(inList ? this.#active + 1 : this.#active);
        return true;
      case 'ArrowUp':
        if (inList && this.#active === 0) this.focusFilter();
        else this.focusRow(inList ? this.#active - 1 : this.#active);
        return true;
      case 'PageDown':
        if (!inList) return false;
        this.focusRow(this.#active + page);
        return true;
      case 'PageUp':
        if (!inList) return false;
        this.focusRow(this.#active - page);
        return true;
      case 'Home':
        this.focusRow(0);
        return true;
      case 'End':
        this.focusRow(this.#shown.length - 1);
        return true;
      case '/':
        this.focusFilter();
        return true;
      case 'Backspace':
        this.#hooks.up();
        return true;
      default:
        return false;
    }
  }

  #head(key: SortKey, title: string): HTMLTableCellElement {
    const sort = () => {
      const { preferences } = this.#hooks;
      preferences.order = nextOrder(preferences.order, key);
      this.#refresh(this.#shown[this.#active]?.path ?? null);
    };
    const cell = h(
      'th',
      { scope: 'col', class: `col-${key}` },
      h('button', { type: 'button', onclick: sort }, title, h('span', { class: 'arrow', 'aria-hidden': 'true' })),
    );
    this.#heads.set(key, cell);
    return cell;
  }

  #refresh(focus: string | null = null): void {
    const { preferences } = this.#hooks;
    const words = this.#filter.value;
    this.#shown = sortEntries(filterEntries(this.#listing.entries, words, preferences.showHidden), preferences.order);
    this.#active = Math.max(
      0,
      this.#shown.findIndex(entry => entry.path === focus),
    );
    this.#rendered = 0;
    this.#render(Math.max(kChunk, this.#active + 50));
    this.#markOrder(preferences.order);
    this.#setActive(this.#active);
    this.#tellCount(words.trim() !== '');
  }

  #tellCount(filtered: boolean): void {
    const { entries, truncated, total } = this.#listing;
    const visible = this.#hooks.preferences.showHidden
      ? entries.length
      : entries.filter(entry => !isHidden(entry)).length;
    const cut = truncated ? `, the first of ${formatCount(total, 'entry', 'entries')}: the others are not listed` : '';
    const all = formatCount(visible, 'entry', 'entries');
    setText(
      this.#count,
      filtered ? `${formatCount(this.#shown.length, 'match', 'matches')} of ${all}${cut}` : `${all}${cut}`,
    );
    const none = this.#shown.length === 0;
    setAttribute(this.#table, 'hidden', none);
    setAttribute(this.#empty, 'hidden', !none);
    setText(
      this.#empty,
      filtered
        ? 'No name matches the filter. Esc clears it.'
        : entries.length > visible
          ? 'Only hidden entries here.'
          : 'This folder is empty.',
    );
  }

  #markOrder(order: Order): void {
    for (const [key, cell] of this.#heads) {
      const sorted = key === order.key ? (order.descending ? 'descending' : 'ascending') : null;
      setAttribute(cell, 'aria-sort', sorted);
    }
  }

  /**
   * A row of an entry that stays is the same element in the same place: one that was swapped between press and release
   * would lose the click, and the focus.
   */
  #render(upTo: number): void {
    const end = Math.min(upTo, this.#shown.length);
    const known = this.#rows;
    if (this.#rendered === 0) {
      const wanted = new Map(this.#shown.slice(0, end).map(entry => [entry.path, entry]));
      this.#rows = new Map();
      for (const [path, { entry, element }] of known) {
        if (looksLike(entry, wanted.get(path))) continue;
        element.remove();
        known.delete(path);
      }
    }
    const now = Date.now();
    let next: Element | null = this.#body.children[this.#rendered] ?? null;
    for (let at = this.#rendered; at < end; at += 1) {
      const entry = this.#shown[at];
      if (!entry) continue;
      const row = this.#rowOf(entry, at, now, known.get(entry.path));
      this.#rows.set(entry.path, { entry, element: row });
      if (row === next) next = next.nextElementSibling;
      else this.#body.insertBefore(row, next);
    }
    this.#rendered = end;
  }

  #rowOf(entry: Entry, at: number, now: number, known: Row | undefined): HTMLTableRowElement {
    if (!known) return this.#row(entry, at, now);
    const { element } = known;
    element.dataset.at = String(at);
    element.querySelector('a')?.setAttribute('tabindex', at === this.#active ? '0' : '-1');
    const [, size, date] = element.cells;
    if (size) setText(size, formatSize(entry.size));
    if (date) {
      setText(date, formatDate(entry.mtime, now));
      date.title = formatDateLong(entry.mtime);
    }
    return element;
  }

  #row(entry: Entry, at: number, now: number): HTMLTableRowElement {
    const kind = entry.type === 'file' ? kindOf(entry.mime, entry.name) : 'none';
    const name = entry.type === 'directory' ? 'folder' : entry.type === 'other' ? 'other' : iconOfKind(kind);
    const word = entry.type === 'directory' ? 'Folder' : entry.type === 'other' ? 'Other' : kindWord(kind);
    const why = entry.obstacle ? obstacleWords(entry.obstacle) : null;
    const link = h(
      'a',
      {
        href: why ? null : this.#hooks.href(entry),
        role: why ? 'link' : null,
        'aria-disabled': why ? 'true' : null,
        tabindex: at === this.#active ? 0 : -1,
        title: why ? `${entry.name}: ${why}` : entry.name,
      },
      h('span', { class: 'name', dir: 'auto' }, entry.name),
      entry.type === 'directory' ? h('span', { class: 'slash', 'aria-hidden': 'true' }, '/') : null,
      why ? h('span', { class: 'obstacle' }, why) : null,
    );
    return h(
      'tr',
      {
        'data-at': at,
        'data-kind': name,
        class: isHidden(entry) ? 'hidden-entry' : null,
        'data-obstacle': entry.obstacle,
      },
      h(
        'td',
        { class: 'col-name' },
        icon(kIcons[name], `icon kind-${name}`),
        h('span', { class: 'sr-only' }, `${word}: `),
        link,
      ),
      h('td', { class: 'col-size' }, formatSize(entry.size)),
      h('td', { class: 'col-date', title: formatDateLong(entry.mtime) }, formatDate(entry.mtime, now)),
    );
  }

  #link(at: number): HTMLAnchorElement | null {
    return this.#body.querySelector<HTMLAnchorElement>(`tr[data-at="${at}"] a`);
  }

  #setActive(at: number): void {
    this.#link(this.#active)?.setAttribute('tabindex', '-1');
    this.#active = at;
    this.#link(at)?.setAttribute('tabindex', '0');
  }

  #entryOf(target: EventTarget | null): { entry: Entry; at: number; link: boolean } | null {
    if (!(target instanceof Element)) return null;
    const row = target.closest<HTMLElement>('tr[data-at]');
    const at = Number(row?.dataset.at ?? -1);
    const entry = this.#shown[at];
    return entry ? { entry, at, link: target.closest('a') !== null } : null;
  }

  #focused(event: FocusEvent): void {
    const found = this.#entryOf(event.target);
    if (found) this.#setActive(found.at);
  }

  /** The whole row opens its entry; a click on the link keeps the browser's own ways (new tab, copy the address). */
  #click(event: MouseEvent): void {
    const found = this.#entryOf(event.target);
    if (!found || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (!found.link) {
      if (!getSelection()?.isCollapsed) return;
      this.#link(found.at)?.click();
      return;
    }
    this.#setActive(found.at);
    if (this.#hooks.open(found.entry)) event.preventDefault();
  }

  #filterKey(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (event.key === 'ArrowDown' || event.key === 'Enter') {
      event.preventDefault();
      if (event.key === 'Enter' && this.#shown.length === 1) this.#link(0)?.click();
      else this.focusRow(0);
    } else if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      this.#filter.value = '';
      this.#refresh();
      this.focusRow();
    }
  }
}

/** Both have the same row, but for size and date. */
function looksLike(a: Entry, b: Entry | undefined): boolean {
  return b !== undefined && a.type === b.type && a.obstacle === b.obstacle && a.mime === b.mime && a.name === b.name;
}
