import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Bytes } from '../base/bytes.ts';
import { Batch } from './batch.ts';

let sent: Bytes[];
let batch: Batch;

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  batch = new Batch(bytes => sent.push(bytes));
});
afterEach(() => vi.useRealTimers());

const piece = (size: number, value = 7) => new Uint8Array(size).fill(value);
const sizes = () => sent.map(({ length }) => length);

describe('pieces on their way through a port', () => {
  it('go at once when they come alone', () => {
    batch.add(piece(10));
    vi.advanceTimersByTime(100);
    batch.add(piece(20));
    expect(sizes()).toEqual([10, 20]);
  });

  it('are joined when they come together, in order, and wait a moment at most', () => {
    for (const value of [1, 2, 3]) batch.add(piece(2, value));
    expect(sizes()).toEqual([2]);
    vi.advanceTimersByTime(4);
    expect(sent.at(-1)).toEqual(Uint8Array.of(2, 2, 3, 3));
    vi.advanceTimersByTime(100);
    expect(sizes()).toEqual([2, 4]);
  });

  it('go when the buffer is full, or the next does not fit', () => {
    for (let i = 0; i < 6; i++) batch.add(piece(16 * 1024));
    expect(sizes()).toEqual([16 * 1024, 64 * 1024]);
    batch.add(piece(30 * 1024));
    batch.flush();
    expect(sizes()).toEqual([16 * 1024, 64 * 1024, 46 * 1024]);
  });

  it('go by themselves, in order, when they are large', () => {
    batch.add(piece(1));
    batch.add(piece(1));
    batch.add(piece(64 * 1024));
    expect(sizes()).toEqual([1, 1, 64 * 1024]);
    batch.add(piece(40 * 1024));
    expect(sizes()).toEqual([1, 1, 64 * 1024, 40 * 1024]);
  });

  it('hold no more memory than twice their bytes', () => {
    for (let i = 0; i < 3; i++) batch.add(piece(100));
    batch.flush();
    expect(sent.at(-1)?.buffer.byteLength).toBe(200);
  });

  it('are gone when it is stopped', () => {
    for (let i = 0; i < 3; i++) batch.add(piece(100));
    batch.stop();
    vi.advanceTimersByTime(100);
    batch.flush();
    expect(sizes()).toEqual([100]);
  });
});
