import { describe, expect, it } from 'vitest';
import { collect, inPieces } from './reader.ts';
import { SourceError, factsOf, openedOf, rangeFields, type Opened, type Range, type Source } from './source.ts';

const content = new TextEncoder().encode('0123456789abcdef');

/** Gives `steps[i]` bytes in the i-th answer, then breaks off (null: the whole rest). */
class Flaky implements Source {
  readonly comesBack: boolean;
  readonly asked: (Range | null)[] = [];
  readonly #steps: (number | null)[];
  version = '"1"';
  #changes: boolean;

  constructor(steps: (number | null)[], options: { comesBack?: boolean; changes?: boolean } = {}) {
    this.#steps = steps;
    this.comesBack = options.comesBack ?? true;
    this.#changes = options.changes ?? false;
  }
  list(): never {
    throw new Error('not here');
  }
  facts(): never {
    throw new Error('not here');
  }
  open(_: string, range: Range | null): Promise<Opened> {
    this.asked.push(range);
    const start = range?.start ?? 0;
    const step = this.#steps.shift() ?? null;
    const end = step === null ? (range?.end ?? content.length - 1) + 1 : start + step;
    if (this.#changes && this.asked.length > 1) this.version = '"2"';
    // The bytes are read before it breaks off: an error would otherwise throw away what waits in the queue.
    let given = false;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: controller => {
        if (!given) controller.enqueue(content.slice(start, end));
        else if (step === null) controller.close();
        else controller.error(new Error('broken'));
        given = true;
      },
    });
    return Promise.resolve({ mime: 'text/plain', size: content.length, start, version: this.version, body });
  }
}

const options = { limit: 100, cut: false, mime: 'text/plain', signal: new AbortController().signal };

describe('reading a file', () => {
  it('takes up again where it broke off', async () => {
    const source = new Flaky([5, 4, null]);
    const { blob, complete } = await collect(source, '/a', options);
    expect(await blob.text()).toBe('0123456789abcdef');
    expect(complete).toBe(true);
    expect(source.asked).toEqual([null, { start: 5, version: '"1"' }, { start: 9, version: '"1"' }]);
  });

  it('does not mix two versions of a file', async () => {
    await expect(collect(new Flaky([5, null], { changes: true }), '/a', options)).rejects.toMatchObject({
      kind: 'changed',
    });
  });

  it('gives up after breaks without progress, or where the source does not come back', async () => {
    await expect(collect(new Flaky([5, 0, 0, 0, 0, 0, 0]), '/a', options)).rejects.toMatchObject({ kind: 'lost' });
    const source = new Flaky([5], { comesBack: false });
    await expect(collect(source, '/a', options)).rejects.toMatchObject({ kind: 'lost' });
    expect(source.asked).toHaveLength(1);
  });

  it('cuts a long text and says so', async () => {
    const source = new Flaky([null]);
    const { blob, complete, size } = await collect(source, '/a', { ...options, limit: 6, cut: true });
    expect([await blob.text(), complete, size]).toEqual(['012345', false, 16]);
    expect(source.asked).toEqual([{ start: 0, end: 5, version: null }]);
  });

  it('refuses what is larger than it may hold', async () => {
    await expect(collect(new Flaky([null]), '/a', { ...options, limit: 6 })).rejects.toBeInstanceOf(SourceError);
  });

  it('is joined to larger pieces', async () => {
    async function* small(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
      for (const byte of content) yield new Uint8Array([byte]);
    }
    const sizes: number[] = [];
    for await (const piece of inPieces(small(), 6)) sizes.push(piece.length);
    expect(sizes).toEqual([6, 6, 4]);
  });

  it('ends at once when it is cancelled', async () => {
    const abort = new AbortController();
    abort.abort(new Error('enough'));
    await expect(collect(new Flaky([null]), '/a', { ...options, signal: abort.signal })).rejects.toThrow('enough');
  });
});

describe('heads', () => {
  const head = (status: number, fields: Record<string, string> = {}) => ({
    status,
    header: (name: string) => fields[name] ?? null,
  });

  it('tell facts, and directories by their redirect', () => {
    const facts = factsOf(
      '/a',
      head(200, {
        'content-type': 'text/plain',
        'content-length': '12',
        'last-modified': 'Thu, 01 Jan 1970 00:00:01 GMT',
      }),
    );
    expect(facts).toEqual({ mime: 'text/plain', size: 12, mtime: 1000, directory: null });
    expect(factsOf('/a', head(301, { location: '/a/' })).directory).toBe('/a/');
    expect(() => factsOf('/a', head(404))).toThrow(/not in the home folder/);
  });

  it('are checked against the range that was asked for', () => {
    const range = { start: 5 };
    expect(openedOf(head(206, { 'content-range': 'bytes 5-9/10' }), null, range)).toMatchObject({ start: 5, size: 10 });
    expect(() => openedOf(head(206, { 'content-range': 'bytes 0-9/10' }), null, range)).toThrow(SourceError);
    expect(() => openedOf(head(206), null, null)).toThrow(SourceError);
    expect(openedOf(head(200, { 'content-length': '10' }), null, range)).toMatchObject({ start: 0, size: 10 });
  });

  it('send no weak tag where only a strong one counts', () => {
    expect(rangeFields({ start: 1, version: 'W/"1"' })).toEqual([['range', 'bytes=1-']]);
    expect(rangeFields({ start: 1, end: 4, version: '"1"' })).toEqual([
      ['range', 'bytes=1-4'],
      ['if-range', '"1"'],
    ]);
  });
});
