// A directory's entries: parsing what a server sent, sorting, filtering. Pure.

import { baseName, resolveHref } from './address.ts';

export type EntryType = 'file' | 'directory' | 'other';

/** Why an entry cannot be opened: a link out of the folder, a link to nothing, or neither a file nor a directory. */
export type Obstacle = 'outside' | 'broken' | 'special';

export interface Entry {
  readonly name: string;
  /** Percent-encoded absolute path; a directory's ends in '/'. */
  readonly path: string;
  readonly type: EntryType;
  readonly size: number | null;
  /** Unix milliseconds. */
  readonly mtime: number | null;
  readonly mime: string;
  /** Of the type "other" alone. */
  readonly obstacle: Obstacle | null;
}

export interface Listing {
  readonly path: string;
  readonly entries: readonly Entry[];
  readonly truncated: boolean;
  readonly total: number;
}

export type SortKey = 'name' | 'size' | 'date';
export interface Order {
  readonly key: SortKey;
  readonly descending: boolean;
}

export const kDefaultOrder: Order = { key: 'name', descending: false };
/** More entries than this in one answer are not believed. */
export const kMaxEntries = 200_000;

function numberOr(value: unknown, otherwise: number | null): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
}

/** The JSON of `/@/list/PATH`. Throws a sentence when it is none. */
export function parseListing(path: string, json: unknown): Listing {
  if (typeof json !== 'object' || json === null)
    throw new Error('The server sent a directory page that cannot be read.');
  const { entries, truncated, total } = json as Record<string, unknown>;
  if (!Array.isArray(entries)) throw new Error('The server sent a directory page that cannot be read.');
  const parsed: Entry[] = [];
  for (const raw of entries.slice(0, kMaxEntries) as unknown[]) {
    const entry = parseEntry(path, raw);
    if (entry) parsed.push(entry);
  }
  const cut = entries.length > kMaxEntries || truncated === true;
  return { path, entries: parsed, truncated: cut, total: numberOr(total, parsed.length) ?? parsed.length };
}

function parseEntry(directory: string, raw: unknown): Entry | null {
  if (typeof raw !== 'object' || raw === null) return null;
  const { name, href, type, size, mtime, mime, obstacle } = raw as Record<string, unknown>;
  if (typeof name !== 'string' || name === '') return null;
  const kind: EntryType = type === 'directory' || type === 'file' ? type : 'other';
  const link = typeof href === 'string' && href !== '' ? href : `./${encodeURIComponent(name)}`;
  let path = resolveHref(directory, link);
  if (kind === 'directory' && !path.endsWith('/')) path += '/';
  return {
    // Bytes that are no UTF-8 are shown alike wherever the name is made of the path.
    name: name.includes('\uFFFD') ? baseName(path) : name,
    path,
    type: kind,
    size: kind === 'file' ? numberOr(size, null) : null,
    mtime: numberOr(mtime, null),
    mime: typeof mime === 'string' ? mime : '',
    obstacle: kind !== 'other' ? null : obstacle === 'outside' || obstacle === 'broken' ? obstacle : 'special',
  };
}

/** Stands beside the name of what cannot be opened. */
export function obstacleWords(obstacle: Obstacle): string {
  switch (obstacle) {
    case 'outside':
      return 'cannot be opened: it leads out of the folder';
    case 'broken':
      return 'cannot be opened: it leads to nothing';
    case 'special':
      return 'cannot be opened: neither a file nor a folder';
  }
}

export function isHidden(entry: Entry): boolean {
  return entry.name.startsWith('.');
}

const kCollator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

function compareNames(a: Entry, b: Entry): number {
  return kCollator.compare(a.name, b.name) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

/** Directories first whatever the order; what has no size or date comes last. */
export function sortEntries(entries: readonly Entry[], order: Order): Entry[] {
  const sign = order.descending ? -1 : 1;
  const value = (entry: Entry): number | null => (order.key === 'size' ? entry.size : entry.mtime);
  return [...entries].sort((a, b) => {
    const group = Number(b.type === 'directory') - Number(a.type === 'directory');
    if (group !== 0) return group;
    if (order.key === 'name' || (order.key === 'size' && a.type === 'directory')) {
      return order.key === 'name' ? sign * compareNames(a, b) : compareNames(a, b);
    }
    const x = value(a);
    const y = value(b);
    if (x === null || y === null) return Number(x === null) - Number(y === null) || compareNames(a, b);
    return sign * (x - y) || compareNames(a, b);
  });
}

/** A click on a column's head: the same column turns round, another starts the way that is most asked for. */
export function nextOrder(order: Order, key: SortKey): Order {
  return order.key === key ? { key, descending: !order.descending } : { key, descending: key !== 'name' };
}

/** Every word must occur in the name; upper and lower case and accents make no difference. */
export function filterEntries(entries: readonly Entry[], words: string, showHidden: boolean): Entry[] {
  const needles = fold(words)
    .split(/\s+/)
    .filter(word => word !== '');
  return entries.filter(entry => {
    if (!showHidden && isHidden(entry)) return false;
    if (needles.length === 0) return true;
    const name = fold(entry.name);
    return needles.every(needle => name.includes(needle));
  });
}

function fold(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}
