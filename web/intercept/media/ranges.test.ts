import { describe, expect, it } from 'vitest';
import type { Bytes } from '../../base/bytes.ts';
import { MediaError, RangeFile, type AskPart, type PartAnswer } from './ranges.ts';

const size = 3 * 1024 * 1024;
const content: Bytes = Uint8Array.from({ length: size }, (_, i) => (i * 7 + (i >> 11)) & 0xff);
const times = { silentMs: 200, retryMs: 1 };

interface Asked {
  readonly start: number;
  readonly end: number;
  readonly fields: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly turn: number;
}

function answerOf(
  status: number,
  fields: Readonly<Record<string, string>>,
  body: ReadableStream<Bytes> | Bytes | null,
): PartAnswer {
  const stream = body instanceof Uint8Array ? streamOf([body]) : body;
  return { status, field: name => fields[name] ?? null, body: stream };
}

function streamOf(pieces: readonly (Bytes | Error)[], left: () => void = () => undefined): ReadableStream<Bytes> {
  const rest = [...pieces];
  return new ReadableStream<Bytes>(
    {
      pull: controller => {
        const next = rest.shift();
        if (next === undefined) controller.close();
        else if (next instanceof Error) controller.error(next);
        else controller.enqueue(next);
      },
      cancel: left,
    },
    { highWaterMark: 0 },
  );
}

const part = ({ start, end }: Asked, more: Readonly<Record<string, string>> = {}): PartAnswer => {
  const last = Math.min(end, size);
  const fields = {
    'content-range': `bytes ${start}-${last - 1}/${size}`,
    etag: '"a"',
    'content-type': 'video/mp4',
    ...more,
  };
  return answerOf(206, fields, content.slice(start, last));
};

function fileOf(respond: (asked: Asked) => PartAnswer | Promise<PartAnswer>): { file: RangeFile; asked: Asked[] } {
  const asked: Asked[] = [];
  const ask: AskPart = async (list, signal) => {
    const fields = Object.fromEntries(list);
    const [, start, last] = /^bytes=(\d+)-(\d+)$/.exec(fields.range ?? '') ?? [];
    const one = { start: Number(start), end: Number(last) + 1, fields, signal, turn: asked.length + 1 };
    asked.push(one);
    return respond(one);
  };
  return { file: new RangeFile(ask, times), asked };
}

const same = (bytes: Bytes, start: number, end: number): boolean =>
  Buffer.compare(bytes, content.subarray(start, end)) === 0;

const failure = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: unknown) => (error instanceof MediaError ? error.kind : String(error)),
  );

describe('a file read in parts', () => {
  it('gives exactly the bytes that are asked for, wherever they are', async () => {
    const { file } = fileOf(asked => part(asked));
    expect(await file.open()).toBeNull();
    expect([file.size, file.type]).toEqual([size, 'video/mp4']);
    const places: [number, number][] = [
      [0, 10],
      [100, 70_000],
      [2_000_000, 2_000_001],
      [size - 5, size],
      [5, 5],
      [0, size],
    ];
    for (const [start, end] of places) expect(same(await file.read(start, end), start, end)).toBe(true);
    file.close();
  });

  it('asks for larger parts while it is read in order, and reads over a small gap', async () => {
    const { file, asked } = fileOf(part);
    await file.open();
    for (let at = 0; at < size; at += 100_000) await file.read(at, Math.min(size, at + 50_000));
    expect(asked.map(({ start, end }) => end - start)).toEqual([524_288, 1_048_576, size - 1_600_000]);
  });

  it('keeps three answers open at most and lets the others go', async () => {
    const open = new Set<AbortSignal>();
    const { file } = fileOf(asked => {
      open.add(asked.signal);
      asked.signal.addEventListener('abort', () => open.delete(asked.signal));
      return part(asked);
    });
    await file.open();
    for (const at of [600_000, 1_200_000, 1_800_000, 2_400_000]) await file.read(at, at + 10);
    expect(open.size).toBeLessThanOrEqual(3);
    file.rest();
    expect(open.size).toBe(0);
  });

  it('goes on where an answer broke off, by its validator', async () => {
    const { file, asked } = fileOf(one => {
      if (one.turn % 2 === 0) return part(one);
      const whole = part(one);
      const pieces = [content.slice(one.start, one.start + 1000), new TypeError('reset')];
      return { ...whole, body: streamOf(pieces) };
    });
    await file.open();
    expect(same(await file.read(0, 400_000), 0, 400_000)).toBe(true);
    expect(asked[1]).toMatchObject({ start: 1000, fields: { 'if-range': '"a"' } });
  });

  it('goes on where an answer ended too early', async () => {
    const { file } = fileOf(one =>
      one.turn > 1 ? part(one) : { ...part(one), body: streamOf([content.slice(0, 300)]) },
    );
    await file.open();
    expect(await file.read(0, 2000)).toEqual(content.slice(0, 2000));
  });

  it('takes no more than the part from an answer that does not end', async () => {
    const { file } = fileOf(one => {
      const endless = new ReadableStream<Bytes>(
        { pull: controller => controller.enqueue(content.slice(one.start, one.start + 65_536)) },
        { highWaterMark: 0 },
      );
      return { ...part(one), body: endless };
    });
    await file.open();
    expect((await file.read(0, 65_536)).length).toBe(65_536);
    const all = await file.read(0, 600_000);
    expect(all.length).toBe(600_000);
    file.close();
  });

  it('fails when nothing comes for too long, again and again', async () => {
    const { file, asked } = fileOf(one =>
      one.turn === 1 ? part(one) : { ...part(one), body: new ReadableStream<Bytes>() },
    );
    await file.open();
    expect(await failure(file.read(2_000_000, 2_000_100))).toBe('network');
    expect(asked.length).toBe(7);
  });

  const hostile: readonly (readonly [string, string, (asked: Asked) => PartAnswer])[] = [
    ['is another part', 'network', one => part(one, { 'content-range': `bytes 5-${one.end}/${size}` })],
    [
      'is more than was asked for',
      'network',
      one => part(one, { 'content-range': `bytes ${one.start}-${size - 1}/${size}` }),
    ],
    ['does not say which part it is', 'network', one => part(one, { 'content-range': '' })],
    [
      'ends before it begins',
      'network',
      one => part(one, { 'content-range': `bytes ${one.start}-${one.start - 1}/${size}` }),
    ],
    [
      'is of another size',
      'changed',
      one => part(one, { 'content-range': `bytes ${one.start}-${one.start + 9}/${size + 1}` }),
    ],
    ['has another tag', 'changed', one => part(one, { etag: '"b"' })],
    ['is another version as a whole', 'changed', () => answerOf(200, { etag: '"b"' }, content)],
    ['is the whole all of a sudden', 'network', () => answerOf(200, { etag: '"a"' }, content)],
    ['says that it is shorter now', 'changed', () => answerOf(416, {}, null)],
    ['is not there any more', 'missing', () => answerOf(404, {}, null)],
  ];
  it.each(hostile)('fails when a later answer %s', async (_what, kind, respond) => {
    const { file } = fileOf(one => (one.turn === 1 ? part(one) : respond(one)));
    await file.open();
    expect(await failure(file.read(2_000_000, 2_000_100))).toBe(kind);
  });

  it('notices another version by Last-Modified where there is no tag', async () => {
    const { file, asked } = fileOf(one => part(one, { etag: '', 'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT' }));
    await file.open();
    await file.read(2_000_000, 2_000_010);
    expect(asked[1]?.fields['if-range']).toBe('Thu, 01 Jan 2026 00:00:00 GMT');
  });

  it('does not put a weak tag into If-Range', async () => {
    const { file, asked } = fileOf(one => part(one, { etag: 'W/"a"' }));
    await file.open();
    await file.read(2_000_000, 2_000_010);
    expect(asked[1]?.fields).not.toHaveProperty('if-range');
  });

  it('hands over the whole answer of a server without parts', async () => {
    const { file } = fileOf(() =>
      answerOf(200, { 'content-length': '5', 'content-type': 'audio/ogg' }, content.slice(0, 5)),
    );
    expect(await file.open()).toMatchObject({ type: 'audio/ogg', size: 5 });
  });

  it('asks again after a busy answer, not after a refusal', async () => {
    const busy = fileOf(one => (one.turn < 4 ? answerOf(503, {}, null) : part(one)));
    expect(await busy.file.open()).toBeNull();
    const refused = fileOf(() => answerOf(403, {}, null));
    expect(await failure(refused.file.open())).toBe('missing');
    expect(refused.asked.length).toBe(1);
  });

  it('ends what is under way when it is stopped, and reads on afterwards', async () => {
    const { file, asked } = fileOf(one =>
      one.turn === 2 ? { ...part(one), body: new ReadableStream<Bytes>() } : part(one),
    );
    await file.open();
    const read = file.read(2_000_000, 2_000_100);
    await new Promise(resolve => setTimeout(resolve, 5));
    file.stop();
    expect(await failure(read)).toMatch(/AbortError/);
    expect(asked[1]?.signal.aborted).toBe(true);
    expect(await file.read(2_000_000, 2_000_100)).toEqual(content.slice(2_000_000, 2_000_100));
  });

  it('rejects reads after it was closed', async () => {
    const { file } = fileOf(part);
    await file.open();
    file.close();
    expect(await failure(file.read(0, 1))).toMatch(/AbortError/);
  });
});
