import { describe, expect, it } from 'vitest';
import { pageOf, parseSite } from './site.ts';

describe('what the build has written into the page', () => {
  it('is taken with the root resolved against the document', () => {
    const site = parseSite(
      { digest: 'ab', base: '../', title: 'T', pages: ['index.html', 3] },
      'file:///f/.owndir/.dist/a/index.html?x#/y',
    );
    expect(site).toEqual({ digest: 'ab', title: 'T', root: 'file:///f/.owndir/.dist/', pages: ['index.html'] });
  });

  it.each([undefined, null, 3, 'x', {}, { base: 7, pages: {} }])('may be missing or nonsense: %j', value => {
    expect(parseSite(value, 'http://localhost:1/a/b.html?q#h')).toEqual({
      digest: '',
      title: '',
      root: 'http://localhost:1/a/',
      pages: [],
    });
  });
});

describe('the page of a path', () => {
  const site = parseSite({ pages: ['index.html', 'a/index.html', 'about.html'] }, 'http://localhost/');
  it.each([
    ['/', 'index.html'],
    ['/a', 'a/index.html'],
    ['/a/', 'a/index.html'],
    ['/a/b/c.md', 'a/index.html'],
    ['/ab/', 'index.html'],
    ['/about.html', 'about.html'],
  ])('%s is answered by %s', (path, page) => expect(pageOf(site, path)).toBe(page));

  it('is none where no page is above', () => {
    expect(pageOf(parseSite({ pages: ['a/index.html'] }, 'http://localhost/'), '/b/')).toBe(null);
  });
});
