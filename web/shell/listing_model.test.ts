import { describe, expect, it } from 'vitest';
import { filterEntries, nextOrder, parseListing, sortEntries, type Entry } from './listing_model.ts';
import { baseName } from './address.ts';
import { kindOf, mimeOf } from './kinds.ts';
import { parsePreferences } from './preferences.ts';

const raw = [
  { name: 'b10.txt', href: 'b10.txt', type: 'file', size: 5, mtime: 300, mime: 'text/plain' },
  { name: 'B2.txt', href: 'B2.txt', type: 'file', size: 50, mtime: 100, mime: 'text/plain' },
  { name: 'zebra', href: 'zebra/', type: 'directory', size: 0, mtime: 50 },
  { name: 'Äpfel', href: '%C3%84pfel/', type: 'directory', size: 0, mtime: 500 },
  { name: '.hidden', href: '.hidden', type: 'file', size: 1, mtime: 1 },
  { name: 'pipe', href: 'pipe', type: 'other', size: 0, mtime: 1 },
];
const names = (entries: readonly Entry[]) => entries.map(entry => entry.name);
const { entries } = parseListing('/d/', { entries: raw, truncated: false, total: 6 });

describe('a listing', () => {
  it('is parsed into absolute paths', () => {
    expect(entries.map(entry => entry.path)).toEqual([
      '/d/b10.txt',
      '/d/B2.txt',
      '/d/zebra/',
      '/d/%C3%84pfel/',
      '/d/.hidden',
      '/d/pipe',
    ]);
    expect(entries[2]?.size).toBeNull();
  });

  it('survives what a server should not send', () => {
    const odd = parseListing('/d/', {
      entries: [null, 1, {}, { name: '' }, { name: 'x', href: '../../etc', size: 'big', mtime: null }],
      truncated: true,
    });
    expect(odd.entries).toEqual([
      { name: 'x', path: '/etc', type: 'other', size: null, mtime: null, mime: '', obstacle: 'special' },
    ]);
    expect(odd.truncated).toBe(true);
    expect(() => parseListing('/d/', 'no')).toThrow(/cannot be read/);
    expect(() => parseListing('/d/', {})).toThrow(/cannot be read/);
  });

  it('says why an entry cannot be opened', () => {
    const other = (obstacle: unknown) =>
      parseListing('/', { entries: [{ name: 'x', href: 'x', type: 'other', size: 0, obstacle }] }).entries[0];
    expect(['outside', 'broken', 'odd', 3].map(each => other(each)?.obstacle)).toEqual([
      'outside',
      'broken',
      'special',
      'special',
    ]);
    expect(other('outside')?.size).toBeNull();
    expect(entries[0]?.obstacle).toBeNull();
  });

  it('calls a name that is no UTF-8 as its path is called', () => {
    // The decoders of server and browser count the marks differently.
    const raw = { name: 'a\uFFFD\uFFFD.txt', href: 'a%E2%82.txt', type: 'file' };
    const [entry] = parseListing('/', { entries: [raw] }).entries;
    expect(entry?.name).toBe(baseName(entry?.path ?? ''));
  });

  it.each([
    [{ key: 'name', descending: false }, ['Äpfel', 'zebra', '.hidden', 'B2.txt', 'b10.txt', 'pipe']],
    [{ key: 'name', descending: true }, ['zebra', 'Äpfel', 'pipe', 'b10.txt', 'B2.txt', '.hidden']],
    [{ key: 'size', descending: true }, ['Äpfel', 'zebra', 'B2.txt', 'b10.txt', '.hidden', 'pipe']],
    [{ key: 'date', descending: false }, ['zebra', 'Äpfel', '.hidden', 'pipe', 'B2.txt', 'b10.txt']],
  ] as const)('is sorted by %o', (order, expected) => expect(names(sortEntries(entries, order))).toEqual(expected));

  it('is filtered by every word, without regard to case and accents', () => {
    expect(names(filterEntries(entries, 'apf', false))).toEqual(['Äpfel']);
    expect(names(filterEntries(entries, ' TXT  b', false))).toEqual(['b10.txt', 'B2.txt']);
    expect(names(filterEntries(entries, '', true))).toHaveLength(6);
    expect(names(filterEntries(entries, '', false))).toHaveLength(5);
  });

  it('turns round when the same column is asked for again', () => {
    expect(nextOrder({ key: 'name', descending: false }, 'name')).toEqual({ key: 'name', descending: true });
    expect(nextOrder({ key: 'name', descending: false }, 'size')).toEqual({ key: 'size', descending: true });
  });
});

describe('kinds of files', () => {
  it.each([
    ['image/png', 'a', 'image'],
    ['image/tiff', 'a.tif', 'none'],
    ['text/html; charset=utf-8', 'a', 'html'],
    ['application/json', 'a', 'text'],
    ['application/octet-stream', 'movie.mp4', 'video'],
    ['application/octet-stream', 'main.rs', 'text'],
    ['application/octet-stream', 'README', 'text'],
    ['', '.stignore', 'text'],
    ['video/mp2t', 'page.ts', 'text'],
    ['application/octet-stream', 'disk.img', 'none'],
    ['application/pdf', 'x', 'pdf'],
  ])('%s, %s: %s', (mime, name, kind) => expect(kindOf(mime, name)).toBe(kind));

  it('believes the server before the name', () => {
    expect(mimeOf('image/png', 'a.html')).toBe('image/png');
    expect(mimeOf('', 'a.html')).toBe('text/html');
  });
});

describe('preferences', () => {
  it('are read only where they are ours', () => {
    expect(parsePreferences(null)).toEqual({
      order: { key: 'name', descending: false },
      showHidden: false,
      wrap: true,
    });
    expect(parsePreferences('{"key":"size","descending":true,"showHidden":true,"wrap":false}')).toEqual({
      order: { key: 'size', descending: true },
      showHidden: true,
      wrap: false,
    });
    expect(parsePreferences('{"key":"evil"}').order.key).toBe('name');
  });
});
