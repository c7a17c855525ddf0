import { describe, expect, it } from 'vitest';
import { formatAgo, formatDate, formatElapsed, formatRemaining, formatSize, formatTook } from './format.ts';

describe('sizes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 KB'],
    [9994, '9.99 KB'],
    [9996, '10.0 KB'],
    [99_960, '100 KB'],
    [999_499, '999 KB'],
    [999_500, '1.00 MB'],
    [268_435_456, '268 MB'],
    [1.5e15, '1.50 PB'],
    [9e18, '9000 PB'],
    [null, ''],
    [-1, ''],
    [Number.NaN, ''],
  ])('%s is "%s"', (bytes, text) => expect(formatSize(bytes)).toBe(text));
});

describe('spans of time', () => {
  it.each([
    [0, '0 s'],
    [59_999, '59 s'],
    [65_000, '1 min 05 s'],
    [7_380_000, '2 h 03 min'],
    [-5, '0 s'],
  ])('%d ms is "%s"', (ms, text) => expect(formatElapsed(ms)).toBe(text));

  it('gives tenths for what is short', () => {
    expect(formatTook(40)).toBe('0.0 s');
    expect(formatTook(9_949)).toBe('9.9 s');
    expect(formatTook(12_300)).toBe('12 s');
  });

  it.each([
    [-3_600_000, 'just now'],
    [59_000, 'just now'],
    [60_000, '1 minute ago'],
    [3_600_000, '1 hour ago'],
    [47 * 3_600_000, '47 hours ago'],
    [3 * 86_400_000, '3 days ago'],
    [90 * 86_400_000, '3 months ago'],
    [800 * 86_400_000, '2 years ago'],
  ])('a record %d ms old was seen %s', (age, text) => expect(formatAgo(1e12 - age, 1e12)).toBe(text));

  it('says how long a transfer still takes only once that can be known', () => {
    expect(formatRemaining(25, 100, 5_000)).toBe('about 15 s left');
    expect(formatRemaining(0, 100, 5_000)).toBe('');
    expect(formatRemaining(25, 100, 500)).toBe('');
    expect(formatRemaining(100, 100, 5_000)).toBe('');
  });
});

describe('dates', () => {
  const now = new Date(2024, 5, 20, 18, 0).getTime();
  it('shortens what is near', () => {
    expect(formatDate(new Date(2024, 5, 20, 9, 5).getTime(), now, 'en-GB')).toBe('09:05');
    expect(formatDate(new Date(2024, 2, 3, 14, 5).getTime(), now, 'en-GB')).toBe('3 Mar, 14:05');
    expect(formatDate(new Date(2021, 2, 3).getTime(), now, 'en-GB')).toBe('3 Mar 2021');
  });
  it('has no text for what is no date', () => {
    expect(formatDate(null, now)).toBe('');
    expect(formatDate(1e300, now)).toBe('');
  });
});
