import { describe, expect, it } from 'vitest';
import {
  decodePath,
  directoryOfPage,
  encodePath,
  makeAddress,
  readFragment,
  readUrl,
  writeAddress,
} from './address.ts';

describe('paths in addresses', () => {
  it.each([
    ['/', '/'],
    ['/a b/ü.md', '/a%20b/%C3%BC.md'],
    ['/50% #1?.txt', '/50%25%20%231%3F.txt'],
    ['/bad\udcff name', '/bad%FF%20name'],
    ['/😀/', '/%F0%9F%98%80/'],
  ])('%s is written %s and read back', (path, written) => {
    expect(encodePath(path)).toBe(written);
    expect(decodePath(written)).toBe(path);
  });

  it.each([
    ['/100%', '/100%'],
    ['/%ff%C3%A9%80', '/\udcffé\udc80'],
    ['//a//./b/../c/', '/a/c/'],
    ['/../../x', '/x'],
    ['/a/..', '/'],
  ])('%s is read as %s', (written, path) => expect(decodePath(written)).toBe(path));

  it('takes half a character for what browsers take it', () => {
    expect(encodePath('/x\ud800')).toBe('/x%EF%BF%BD');
  });
});

describe('an address', () => {
  it('is read from a fragment and written back', () => {
    const address = readFragment('#/a%20b/c?note=x%2Fy#part', '/');
    expect(address).toEqual({ path: '/a b/c', query: '?note=x%2Fy', hash: '#part' });
    expect(writeAddress(address)).toBe('/a%20b/c?note=x%2Fy#part');
  });

  it('is the page’s own directory where the fragment holds none', () => {
    expect(readFragment('', '/photos/')).toEqual({ path: '/photos/', query: '', hash: '' });
    expect(readFragment('#top', '/')).toEqual({ path: '/', query: '', hash: '#top' });
  });

  it('is read from a URL below the site’s root', () => {
    const url = { pathname: '/app/a%20b/index.html', search: '?q', hash: '#h' };
    expect(readUrl(url, '/app/')).toEqual({ path: '/a b/', query: '?q', hash: '#h' });
    expect(readUrl({ ...url, pathname: '/app' }, '/app/').path).toBe('/');
  });

  it('takes a query and a hash with or without their marks', () => {
    expect(makeAddress('a', { query: 'x=1', hash: '#' })).toEqual({ path: '/a', query: '?x=1', hash: '' });
  });

  it('leaves pages out of paths only where they stand for their directory', () => {
    expect(['/index.html', '/a/index.html', '/myindex.html'].map(directoryOfPage)).toEqual([
      '/',
      '/a/',
      '/myindex.html',
    ]);
  });
});
