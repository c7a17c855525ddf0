import { describe, expect, it } from 'vitest';
import { parseTarget } from './target.ts';

describe('the path of a request', () => {
  it.each<[string, [string | null, number][], string]>([
    ['/', [], 'index.html'],
    ['/a', [['a', 2]], 'a'],
    ['/a/', [['a', 2]], 'a/index.html'],
    [
      '/a/b.html?x=/y#z',
      [
        ['a', 2],
        ['b.html', 9],
      ],
      'a/b.html',
    ],
    [
      '/%41%20b/c',
      [
        ['A b', 8],
        ['c', 10],
      ],
      'A b/c',
    ],
    [
      '/%C3%BC/%F0%9F%8C%B1',
      [
        ['ü', 7],
        ['🌱', 20],
      ],
      'ü/🌱',
    ],
    ['/caf%E9', [['caf\udce9', 7]], 'caf\udce9'],
    ['/%2525', [['%25', 6]], '%25'],
    ['/a%2Fb', [[null, 6]], ''],
    [
      '//a',
      [
        [null, 1],
        ['a', 3],
      ],
      '',
    ],
    [
      '/a//',
      [
        ['a', 2],
        [null, 3],
      ],
      '',
    ],
    ["/it's;v=1,(2)!*&+=@:$", [["it's;v=1,(2)!*&+=@:$", 21]], "it's;v=1,(2)!*&+=@:$"],
    ['/...', [['...', 4]], '...'],
  ])('%j is its directories, once decoded, and the file that it may name', (url, steps, file) => {
    expect(parseTarget(url)).toEqual({ steps: steps.map(([name, end]) => ({ name, end })), file });
  });

  it.each([
    '',
    '*',
    'a',
    'http://host/a',
    '/%',
    '/%4',
    '/%zz',
    '/a%',
    '/%00',
    '/a%00b',
    '/.',
    '/..',
    '/%2e',
    '/a/%2E./b',
    '/a/./b',
  ])('%j is none', url => {
    expect(parseTarget(url)).toBeNull();
  });
});
