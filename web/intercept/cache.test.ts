import { beforeEach, describe, expect, it } from 'vitest';
import { cacheLimits, effectiveMode, HttpCache, type CacheRequest } from './cache.ts';
import type { Field } from './port.ts';

let cache: HttpCache;
beforeEach(() => {
  cache = new HttpCache();
});
const ask = (target = '/x', fields: Field[] = []): CacheRequest => ({ target, fields });
function keep(fields: Field[], { request = ask(), body = 'abc', status = 200 } = {}): boolean {
  const answer = { status, reason: '', fields: [['date', new Date().toUTCString()] satisfies Field, ...fields] };
  const policy = cache.storable(request, answer);
  if (policy) cache.store(request, answer, policy, new TextEncoder().encode(body));
  return policy !== null;
}
const use = (mode: RequestCache = 'default', request = ask()) => cache.lookup(request, mode).use;

describe('an answer', () => {
  it('is used while it is fresh', () => {
    keep([['cache-control', 'max-age=60']]);
    expect(use()).toBe('entry');
    expect(use('default', ask('/y'))).toBe('network');
  });

  it.each<[Field[], number?]>([
    [[['cache-control', 'no-store, max-age=60']]],
    [
      [
        ['cache-control', 'max-age=60'],
        ['vary', '*'],
      ],
    ],
    [
      [
        ['cache-control', 'max-age=60'],
        ['content-length', String(cacheLimits.entry + 1)],
      ],
    ],
    [[['cache-control', 'max-age=60']], 206],
    [[]],
  ])('is not kept: %j %s', (fields, status = 200) => expect(keep(fields, { status })).toBe(false));

  it('is asked for again with its validators when it is stale', () => {
    keep([
      ['cache-control', 'no-cache'],
      ['etag', '"1"'],
      ['last-modified', 'Mon, 01 Jan 2024 00:00:00 GMT'],
    ]);
    expect(cache.lookup(ask(), 'default')).toMatchObject({
      use: 'revalidate',
      validators: [
        ['if-none-match', '"1"'],
        ['if-modified-since', 'Mon, 01 Jan 2024 00:00:00 GMT'],
      ],
    });
  });

  it('takes the fields of a 304, but not those of its message', () => {
    keep([
      ['cache-control', 'max-age=0'],
      ['etag', '"1"'],
      ['x-old', 'stays'],
      ['content-type', 'text/plain'],
    ]);
    const found = cache.lookup(ask(), 'default');
    if (found.use !== 'revalidate') return expect.unreachable();
    const fields: Field[] = [
      ['cache-control', 'max-age=60'],
      ['etag', '"1"'],
      ['content-length', '0'],
      ['x-new', '1'],
    ];
    const fresh = cache.freshen(found.entry, ask('/x', [['if-none-match', '"1"']]), {
      status: 304,
      reason: '',
      fields,
    });
    expect(Object.fromEntries(fresh.fields)).toMatchObject({
      'x-old': 'stays',
      'x-new': '1',
      'cache-control': 'max-age=60',
    });
    expect(fresh.fields.some(([name]) => name === 'content-length')).toBe(false);
    expect(use()).toBe('entry');
    expect(cache.count).toBe(1);
  });

  it('is one for each value of what it varies with', () => {
    const de = ask('/x', [['accept-language', 'de']]);
    const en = ask('/x', [['Accept-Language', 'en']]);
    const varying: Field[] = [
      ['cache-control', 'max-age=60'],
      ['vary', 'Accept-Language'],
    ];
    keep(varying, { request: de, body: 'ja' });
    expect(use('default', en)).toBe('network');
    keep(varying, { request: en, body: 'yes' });
    expect(cache.lookup(de, 'default')).toMatchObject({ entry: { body: new TextEncoder().encode('ja') } });
    for (const language of ['fr', 'it', 'es', 'pt'])
      keep(varying, { request: ask('/x', [['accept-language', language]]) });
    expect(cache.count).toBe(cacheLimits.variants);
  });

  it('is forgotten after an unsafe method', () => {
    keep([['cache-control', 'max-age=60']]);
    cache.invalidate('/x');
    expect([use(), cache.bytes, cache.count]).toEqual(['network', 0, 0]);
  });

  it('does not keep cookies', () => {
    keep([
      ['cache-control', 'max-age=60'],
      ['Set-Cookie', 'a=1'],
    ]);
    expect(JSON.stringify(cache.lookup(ask(), 'default'))).not.toContain('a=1');
  });
});

it.each<[RequestCache, string]>([
  ['default', 'entry'],
  ['no-store', 'network'],
  ['reload', 'network'],
  ['no-cache', 'revalidate'],
  ['force-cache', 'entry'],
  ['only-if-cached', 'entry'],
])('the mode %s gives a fresh one: %s', (mode, expected) => {
  keep([
    ['cache-control', 'max-age=60'],
    ['etag', '"1"'],
  ]);
  expect(use(mode)).toBe(expected);
});

it('uses a stale one where the mode does not care, and nothing where there is none', () => {
  keep([
    ['cache-control', 'max-age=0'],
    ['etag', '"1"'],
  ]);
  expect([use('force-cache'), use('only-if-cached'), use('default')]).toEqual(['entry', 'entry', 'revalidate']);
  expect(use('only-if-cached', ask('/y'))).toBe('nothing');
});

it('leaves requests with a range or conditions of their own alone', () => {
  expect(effectiveMode('default', [['Range', 'bytes=0-1']])).toBe('no-store');
  expect(effectiveMode('default', [['If-None-Match', '"1"']])).toBe('no-store');
  expect(effectiveMode('no-cache', [['If-None-Match', '"1"']])).toBe('no-store');
  expect(effectiveMode('reload', [['If-None-Match', '"1"']])).toBe('reload');
});

it('stays within its bytes and its count, and keeps what was used last', () => {
  const big = 'x'.repeat(cacheLimits.entry);
  keep([['cache-control', 'max-age=60']], { request: ask('/used') });
  for (let at = 0; at < cacheLimits.bytes / cacheLimits.entry + 2; at += 1) {
    keep([['cache-control', 'max-age=60']], { request: ask(`/${at}`), body: big });
    use('default', ask('/used'));
  }
  expect(cache.bytes).toBeLessThanOrEqual(cacheLimits.bytes);
  expect([use('default', ask('/used')), use('default', ask('/0'))]).toEqual(['entry', 'network']);
  for (let at = 0; at < cacheLimits.entries + 10; at += 1)
    keep([['cache-control', 'max-age=60']], { request: ask(`/small${at}`) });
  expect(cache.count).toBeLessThanOrEqual(cacheLimits.entries);
});
