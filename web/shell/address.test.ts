import { describe, expect, it } from 'vitest';
import { baseName, crumbs, normalizePath, pageLocation, parentPath, pathOfFragment, resolveHref } from './address.ts';

describe('paths', () => {
  it.each([
    ['/', '/'],
    ['', '/'],
    ['/photos/a b.jpg', '/photos/a%20b.jpg'],
    ['/photos/a%20b.jpg', '/photos/a%20b.jpg'],
    ['/caf%c3%a9/', '/caf%C3%A9/'],
    ['/café/', '/caf%C3%A9/'],
    ['/100%', '/100%25'],
    ['/bad%ff', '/bad%FF'],
    ['//a///b/', '/a/b/'],
    ['/a/./b/../c', '/a/c'],
    ['/a/%2e%2E/%2e%2e/etc/passwd', '/etc/passwd'],
    ['/../../..', '/'],
    ['/a/..', '/'],
    ['/a?b#c', '/a%3Fb%23c'],
    ['/lone\ud800', '/lone%EF%BF%BD'],
  ])('%s becomes %s', (raw, path) => {
    expect(normalizePath(raw)).toBe(path);
    expect(normalizePath(path)).toBe(path);
  });

  it('reads the fragment, and takes what is none for the root', () => {
    expect(pathOfFragment('#/photos/2024/')).toBe('/photos/2024/');
    expect(pathOfFragment('#section')).toBe('/');
    expect(pathOfFragment('')).toBe('/');
  });

  it.each([
    ['/', 'a%20b', '/a%20b'],
    ['/photos/', './x/', '/photos/x/'],
    ['/photos/', '/other/y', '/other/y'],
    ['/photos/', 'a:b', '/photos/a:b'],
    ['/photos/', '../../x', '/x'],
    ['/photos/', 'y?size=1', '/photos/y'],
  ])('in %s the link %s leads to %s', (directory, href, path) => expect(resolveHref(directory, href)).toBe(path));

  it('knows parents and names', () => {
    expect(parentPath('/a/b/')).toBe('/a/');
    expect(parentPath('/a')).toBe('/');
    expect(parentPath('/')).toBe('/');
    expect(baseName('/a/b%20c/')).toBe('b c');
    expect(baseName('/bad%FF.t%C3%A4t')).toBe('bad\uFFFD.tät');
  });

  it('makes crumbs from the root on', () => {
    expect(crumbs('/a/b%20c.txt', 'Photos')).toEqual([
      { name: 'Photos', path: '/' },
      { name: 'a', path: '/a/' },
      { name: 'b c.txt', path: '/a/b%20c.txt' },
    ]);
  });
});

describe('the page’s own place', () => {
  it.each([
    ['/home/anna/My%20Photos/.owndir/.dist/index.html', '/home/anna/My Photos', 'My Photos'],
    ['/C:/Users/anna/Photos/.owndir/.dist/index.html', 'C:/Users/anna/Photos', 'Photos'],
    ['/.owndir/.dist/index.html', '/', null],
    ['/tmp/index.html', null, null],
  ])('%s', (pathname, folder, name) => expect(pageLocation(pathname)).toMatchObject({ folder, name }));

  it('keeps the pages of two folders apart', () => {
    expect(pageLocation('/a/.owndir/.dist/index.html').key).not.toBe(pageLocation('/b/.owndir/.dist/index.html').key);
  });
});
