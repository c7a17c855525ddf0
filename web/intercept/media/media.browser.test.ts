// Films and sounds in parts, in real Chromium on a real file:// page; a server of the test gives the files.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { chromiumIsMissing, openLibrariesPage, type LibrariesPage } from '../../testing/browser.ts';
import { ffmpegIsMissing, kSeconds, MediaFiles, type MediaName } from './testing/media_files.ts';
import type { MediaBench } from './testing/media_page.ts';
import { MediaServer } from './testing/media_server.ts';

declare const bench: MediaBench;

describe.skipIf(chromiumIsMissing || ffmpegIsMissing)('a media element', { timeout: 60_000 }, () => {
  const server = new MediaServer();
  const files = new MediaFiles();
  let page: LibrariesPage;

  beforeAll(async () => {
    await server.listen();
    page = await openLibrariesPage({ entry: new URL('./testing/media_page.ts', import.meta.url) });
  });
  afterAll(async () => {
    await page?.close();
    server.close();
    files.close();
  });
  afterEach(async () => {
    server.odd = null;
    await page.page.evaluate(() => bench.close());
  });

  function serve(name: MediaName, path = `/${name}`): string {
    server.files.set(path, { bytes: files.get(name), type: /^sound|wav$/.test(name) ? 'audio/x' : 'video/x' });
    server.ranges.length = 0;
    return server.origin + path;
  }
  const open = (tag: 'audio' | 'video', url: string, init: object = {}) =>
    page.page.evaluate(([kind, address, more]) => bench.open(kind, address, more), [tag, url, init] as const);
  const until = (type: string) => page.page.evaluate(event => bench.until(event), type);
  const seek = (seconds: number) => page.page.evaluate(to => bench.seek(to), seconds);

  const films: readonly (readonly [MediaName, boolean])[] = [
    ...([
      ['faststart.mp4', true],
      ['moov-at-end.mp4', true],
      ['fragmented.mp4', true],
    ] as const),
    ...([
      ['mp3.mp4', true],
      ['cues.webm', true],
      ['vp9.webm', true],
      ['no-cues.webm', false],
    ] as const),
  ];
  it.each(films)('plays, seeks and ends %s', async (name, knowsItsLength) => {
    await open('video', serve(name));
    const first = await until('loadeddata');
    expect(first).toMatchObject({ size: [192, 144], error: null });
    if (knowsItsLength) expect(Math.abs((first.duration as number) - kSeconds)).toBeLessThan(0.2);
    const before = await page.page.evaluate(() => bench.colour());
    const there = await seek(9.3);
    expect(there.currentTime).toBeCloseTo(9.3, 2);
    expect(await page.page.evaluate(() => bench.colour())).not.toEqual(before);
    await seek(2);
    await seek(kSeconds - 0.7);
    await page.page.evaluate(() => bench.media.play());
    expect(await until('ended')).toMatchObject({ ended: true, error: null, reports: [] });
  });

  const sounds = [
    ...(['sound.mp3', 'sound.ogg', 'sound.opus', 'sound.flac', 'sound.m4a', 'sound.wav'] as const),
    ...(['float.wav', 'deep.wav', 'alaw.wav', 'ulaw.wav'] as const),
  ];
  it.each(sounds)('plays, seeks and ends %s', async name => {
    await open('audio', serve(name));
    const first = await until('loadeddata');
    expect(Math.abs((first.duration as number) - kSeconds)).toBeLessThan(0.2);
    expect((await seek(8)).currentTime).toBeCloseTo(8, 2);
    await seek(kSeconds - 0.7);
    await page.page.evaluate(() => bench.media.play());
    expect(await until('ended')).toMatchObject({ ended: true, error: null, reports: [] });
  });

  it('loads little with preload=metadata, and the rest when it plays', async () => {
    const url = serve('sound.wav');
    await open('audio', url, { preload: 'metadata', limits: { aheadSeconds: 5 } });
    const first = await until('loadeddata');
    expect(JSON.stringify(first.buffered)).toMatch(/^\[\[0,[12](?:\.\d)?\]\]$/);
    await page.page.evaluate(() => bench.media.play());
    await expect.poll(() => page.page.evaluate(() => bench.media.buffered.end(0))).toBeGreaterThan(4);
  });

  it('keeps a little ahead and a little behind', async () => {
    await open('audio', serve('sound.wav'), { limits: { aheadSeconds: 3, behindSeconds: 2, behindBytes: 1 } });
    await until('loadeddata');
    await page.page.evaluate(() => {
      bench.media.playbackRate = 4;
      return bench.media.play();
    });
    const { buffered } = (await until('ended')) as { buffered: [number, number][] };
    expect(buffered).toHaveLength(1);
    expect(buffered[0]?.[0]).toBeGreaterThan(4);
  });

  it('finds its way through many seeks in a row', async () => {
    for (const name of ['moov-at-end.mp4', 'fragmented.mp4', 'cues.webm', 'sound.mp3', 'sound.ogg'] as const) {
      await open(name.startsWith('sound') ? 'audio' : 'video', serve(name));
      await until('loadeddata');
      await page.page.evaluate(async () => {
        for (let i = 0; i < 25; i++) {
          bench.media.currentTime = (i * 7.7) % 11;
          await new Promise(resolve => setTimeout(resolve, (i % 4) * 5));
        }
      });
      expect((await seek(3)).currentTime, name).toBeCloseTo(3, 2);
      await page.page.evaluate(() => bench.media.play());
      await expect
        .poll(() => page.page.evaluate(() => bench.media.currentTime), { timeout: 5000 })
        .toBeGreaterThan(3.3);
    }
  });

  it('goes on after resets', async () => {
    const url = serve('sound.wav');
    server.odd = (_request, response, start) => {
      const { bytes } = server.files.get('/sound.wav') ?? { bytes: Buffer.alloc(0) };
      if (Math.random() < 0.4) return false;
      const end = Math.min(bytes.length, start + 524_288);
      response.writeHead(206, {
        'content-range': `bytes ${start}-${end - 1}/${bytes.length}`,
        'content-length': end - start,
      });
      response.write(bytes.subarray(start, start + 100_000), () => response.destroy());
      return true;
    };
    await open('audio', url);
    await until('loadeddata');
    expect((await seek(9)).error).toBeNull();
  });

  it('tells an error when the file changes, and when it goes away', async () => {
    const limits = { aheadSeconds: 2 };
    await open('audio', serve('sound.wav'), { limits });
    await until('loadeddata');
    server.files.set('/sound.wav', { bytes: Buffer.from(files.get('sound.wav')).fill(9), etag: '"two"' });
    await page.page.evaluate(() => void (bench.media.currentTime = 9));
    expect(await until('error')).toMatchObject({
      error: 2,
      reports: ['changed: The file has changed since it began to play.'],
    });
    await open('audio', serve('sound.wav'), { limits });
    await until('loadeddata');
    server.files.delete('/sound.wav');
    await page.page.evaluate(() => void (bench.media.currentTime = 9));
    expect(await until('error')).toMatchObject({ error: 2, reports: ['missing: The server answered 404.'] });
  });

  it('takes the whole of what comes without parts, or cannot be played in parts', async () => {
    const url = serve('sound.ogg');
    server.odd = (_request, response) => {
      response.end(files.get('sound.ogg'));
      return true;
    };
    await open('audio', url);
    expect((await until('loadeddata')).error).toBeNull();
    server.odd = null;
    const refuse = (address: string, limits: object) =>
      open('video', address, { limits }).then(
        () => 'none',
        (error: Error) => error.message,
      );
    expect(await refuse(serve('old.avi'), { wholeBytes: 1000 })).toMatch(
      /cannot play this file in parts, and it has 1 MiB/,
    );
    expect(await refuse(`${server.origin}/none`, {})).toMatch(/The server answered 404/);
    server.odd = (_request, response) => {
      response.write(Buffer.alloc(2000));
      return true;
    };
    expect(await refuse(url, { wholeBytes: 1000 })).toMatch(/more than the 1 MiB/);
  });

  it('lets go of what is under way when it is closed', async () => {
    const open_ = new Set<unknown>();
    server.odd = (_request, response) => {
      open_.add(response);
      response.on('close', () => open_.delete(response));
      return false;
    };
    await open('audio', serve('sound.wav'));
    await until('loadeddata');
    await page.page.evaluate(() => bench.close());
    await expect.poll(() => open_.size).toBe(0);
  });
});
