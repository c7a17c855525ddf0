import { beforeEach, describe, expect, it } from 'vitest';
import { Jar, parseCookieDate } from './jar.ts';

let now: number;
let jar: Jar;
beforeEach(() => {
  now = Date.UTC(2026, 0, 1);
  jar = new Jar('notes.owndir.invalid', () => now);
});
const sent = (target: string, site: 'same' | 'cross' = 'same', safeNavigation = false) =>
  jar.header({ target, site, safeNavigation });

describe('a cookie', () => {
  it('is sent where its path matches, and below it only at a slash', () => {
    jar.setFromResponse('a=1; Path=/app', '/');
    expect([sent('/app'), sent('/app/x?y'), sent('/apple'), sent('/')]).toEqual(['a=1', 'a=1', '', '']);
  });

  it.each([
    ['/login', '/'],
    ['/admin/login?next=/x/y', '/admin'],
    ['/a/b/c', '/a/b'],
  ])('of %s without a path is for %s', (target, path) => {
    jar.setFromResponse('a=1', target);
    expect(jar.scriptCookies()).toEqual([{ name: 'a', value: '1', path, expires: null, httpOnly: false }]);
  });

  it('comes after those with longer paths and before younger ones; a new value keeps its place', () => {
    for (const text of ['root=1; Path=/', 'deep=1; Path=/x', 'young=1; Path=/', 'root=2; Path=/'])
      jar.setFromResponse(text, '/x/y');
    expect(sent('/x/y')).toBe('deep=1; root=2; young=1');
  });

  it('ends at its Max-Age, which counts more than Expires', () => {
    jar.setFromResponse('a=1; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT', '/');
    expect(sent('/')).toBe('a=1');
    now += 10_000;
    expect(sent('/')).toBe('');
  });

  it('is removed by an expiry in the past', () => {
    jar.setFromResponse('a=1', '/');
    expect(jar.setFromResponse('a=; expires=Thu, 01-Jan-1970 00:00:00 GMT', '/')).toBe(true);
    expect(jar.size).toBe(0);
    expect(jar.setFromResponse('a=; Max-Age=0', '/')).toBe(false);
  });

  it.each([
    'a=1; Domain=evil.example',
    'a=1; SameSite=None',
    '__Secure-a=1',
    '__Host-a=1; Secure; Path=/x',
    '__Host-a=1; Secure; Path=/; Domain=notes.owndir.invalid',
    '__secure-a',
    'a=1\u0000',
    '=',
    `a=${'x'.repeat(4096)}`,
  ])('is refused: %s', text => {
    expect(jar.setFromResponse(text, '/')).toBe(false);
    expect(jar.size).toBe(0);
  });

  it.each([
    ['__Host-a=1; Secure; Path=/', '__Host-a=1'],
    ['a=1; Domain=.owndir.invalid', 'a=1'],
    ['a="quoted; and cut"', 'a="quoted'],
    ['  a  =  b c  ; Secure', 'a=b c'],
    ['justvalue', 'justvalue'],
    ['a==b=', 'a==b='],
    ['a=1; Path=relative', 'a=1'],
  ])('%s is sent as %s', (text, expected) => {
    jar.setFromResponse(text, '/');
    expect(sent('/')).toBe(expected);
  });

  it('goes with requests of another site as SameSite says', () => {
    for (const text of ['s=1; SameSite=Strict', 'l=1; SameSite=Lax', 'd=1', 'n=1; SameSite=None; Secure'])
      jar.setFromResponse(text, '/');
    expect(sent('/', 'cross')).toBe('n=1');
    expect(sent('/', 'cross', true)).toBe('l=1; d=1; n=1');
    expect(jar.setFromResponse('x=1', '/', 'cross')).toBe(false);
  });
});

describe('scripts', () => {
  it('neither see, make nor replace HttpOnly cookies', () => {
    jar.setFromResponse('session=secret; HttpOnly', '/');
    expect(jar.setFromScript('session=forged', '/')).toBe(false);
    expect(jar.setFromScript('other=1; HttpOnly', '/')).toBe(false);
    expect(jar.scriptText('/')).toBe('');
    expect(jar.scriptCookies().map(({ name, value }) => [name, value])).toEqual([['session', '']]);
    expect(sent('/')).toBe('session=secret');
  });

  it('have text beyond ASCII carried as UTF-8', () => {
    jar.setFromScript('name=Zoë', '/');
    expect(sent('/')).toBe('name=ZoÃ«');
    expect(jar.scriptText('/')).toBe('name=Zoë');
  });

  it('see in a mirror what the jar shows, in its order', () => {
    for (const text of ['a=1; Path=/', 'b=2; Path=/x', 'c=3; Path=/']) jar.setFromResponse(text, '/x/');
    const mirror = new Jar('notes.owndir.invalid');
    mirror.mirror(jar.scriptCookies());
    expect(mirror.scriptText('/x/')).toBe(jar.scriptText('/x/'));
    expect(mirror.scriptText('/')).toBe('a=1; c=3');
  });

  it('cannot replace one that is HttpOnly, not even in a mirror that has no value of it', () => {
    jar.setFromResponse('session=secret; HttpOnly', '/');
    const mirror = new Jar('notes.owndir.invalid');
    mirror.mirror(jar.scriptCookies());
    expect(mirror.setFromScript('session=forged', '/')).toBe(false);
    expect(mirror.scriptText('/')).toBe('');
  });
});

it('keeps 180 cookies, those used last', () => {
  jar.setFromResponse('first=1', '/');
  for (let at = 0; at < 179; at += 1) jar.setFromResponse(`c${at}=1; Path=/never`, '/');
  sent('/');
  jar.setFromResponse('more=1', '/');
  expect(jar.size).toBe(180);
  expect(sent('/')).toBe('first=1; more=1');
});

it('comes back from storage as it was, without what is no cookie there', () => {
  jar.setFromResponse('a=1; HttpOnly; Max-Age=100', '/');
  jar.setFromResponse('b=2; SameSite=Strict; Path=/x', '/');
  const stored: unknown = JSON.parse(JSON.stringify([...jar.export(), null, 7, { name: 'x' }, { name: 1, value: '' }]));
  const back = new Jar('notes.owndir.invalid', () => now);
  back.import(stored);
  back.import('nonsense');
  expect(back.export()).toEqual(jar.export());
  now += 100_000;
  expect(back.scriptText('/x')).toBe('b=2');
});

it.each([
  ['Wed, 09 Jun 2027 10:18:14 GMT', Date.UTC(2027, 5, 9, 10, 18, 14)],
  ['Wednesday, 09-Jun-27 10:18:14 GMT', Date.UTC(2027, 5, 9, 10, 18, 14)],
  ['Wed Jun  9 10:18:14 2027', Date.UTC(2027, 5, 9, 10, 18, 14)],
  ['9 jun 70 1:2:3', Date.UTC(1970, 5, 9, 1, 2, 3)],
  ['31 Feb 2027 10:00:00', null],
  ['9 Jun 2027 24:00:00', null],
  ['Jun 2027', null],
  ['', null],
])('reads the date %s', (text, expected) => expect(parseCookieDate(text)).toBe(expected));
