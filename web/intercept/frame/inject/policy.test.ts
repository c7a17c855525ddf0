import { describe, expect, it } from 'vitest';
import { AppPolicy } from './policy.ts';

const policy = (...texts: (string | null)[]) => {
  const made = new AppPolicy();
  for (const text of texts) made.add(text);
  return made;
};

describe('the app’s own policy', () => {
  it('that there is not forbids nothing', () => {
    for (const none of [null, '', ' ; , ']) expect(policy(none).forbids('empty')).toBeNull();
  });

  it.each([
    ["connect-src 'none'", 'empty', 'connect-src'],
    ["connect-src 'none'", 'image', null],
    ["connect-src 'self'", 'empty', null],
    ['connect-src https:', 'empty', null],
    ['connect-src *', 'empty', null],
    ['connect-src api.example:8443/v1', 'empty', null],
    ['connect-src', 'empty', 'connect-src'],
    ["Connect-Src 'NONE'; connect-src *", 'empty', 'connect-src'],
    ["default-src 'none'; img-src 'self'", 'image', null],
    ["default-src 'none'; img-src 'self'", 'font', 'font-src'],
    ["default-src 'self'; media-src blob: data:", 'video', 'media-src'],
    ["script-src 'nonce-abc' 'strict-dynamic'", 'script', null],
    ["script-src 'unsafe-inline' 'unsafe-eval'", 'script', 'script-src'],
    ["script-src 'none'", 'worker', 'worker-src'],
    ["child-src 'self'; script-src 'none'", 'worker', null],
    ["child-src 'none'", 'iframe', 'frame-src'],
    ["default-src 'self', connect-src 'none'", 'empty', 'connect-src'],
    ["frame-ancestors 'none'; form-action 'none'; sandbox", 'empty', null],
  ])('%s: %s is forbidden by %s', (text, dest, directive) => {
    expect(policy(text).forbids(dest)).toBe(directive);
  });

  it('of several each counts', () => {
    expect(policy("default-src 'self'", "connect-src 'none'").forbids('empty')).toBe('connect-src');
  });
});
