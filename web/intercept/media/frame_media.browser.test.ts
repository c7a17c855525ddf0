// Films and sounds of apps in the frame, on a real page on file://; the site behind them is played by the page.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumIsMissing } from '../../testing/browser.ts';
import type { FrameBench } from '../frame/testing/frame_page.ts';
import { html, useFrame } from '../frame/testing/open_frame.ts';
import { ffmpegIsMissing, kSeconds, MediaFiles } from './testing/media_files.ts';

declare const bench: FrameBench;
declare const films: Map<string, { bytes: Uint8Array<ArrayBuffer>; size: number }>;

const origin = 'https://app.owndir.invalid';

describe.skipIf(chromiumIsMissing || ffmpegIsMissing)('films and sounds of an app on disk', { timeout: 60_000 }, () => {
  const frame = useFrame();
  const files = new MediaFiles();
  afterAll(() => files.close());

  beforeAll(async () => {
    // An empty box makes them too large to be taken as a whole at once.
    const padding = Buffer.alloc(3 * 1024 * 1024);
    padding.writeUInt32BE(padding.length);
    padding.write('free', 4);
    const film = Buffer.concat([files.get('faststart.mp4'), padding]).toString('base64');
    const old = files.get('old.avi').toString('base64');
    await frame.page.evaluate(
      ([one, other]) => {
        const bytesOf = (text: string) => Uint8Array.from(atob(text), char => char.charCodeAt(0));
        const [film, old] = [bytesOf(one), bytesOf(other)];
        const known = new Map([
          ['/film.mp4', { bytes: film, size: film.length }],
          ['/old.avi', { bytes: old, size: old.length }],
          ['/huge.avi', { bytes: old, size: 300 * 1024 * 1024 }],
        ]);
        Object.assign(globalThis, { films: known });
      },
      [film, old] as const,
    );
  }, 60_000);

  const open = (body: string) =>
    frame.open({ '/': html(body) }, '/', () => {
      for (const [path, { bytes, size }] of films)
        bench.pages.set(path, ({ fields }) => {
          const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(fields.range ?? '') ?? [];
          if (from === undefined) return { fields: [['content-type', 'video/x']], body: bytes };
          const [start, end] = [Number(from), Math.min(bytes.length, Number(to) + 1)];
          return {
            status: 206,
            fields: [
              ['content-range', `bytes ${start}-${end - 1}/${size}`],
              ['content-type', 'video/x'],
              ['etag', '"1"'],
            ],
            body: bytes.slice(start, end),
          };
        });
    });
  const ranges = () =>
    frame.page.evaluate(() => bench.requests.map(({ target, fields }) => `${target} ${fields.range ?? ''}`));

  it('play in parts, under the address that the app has set', async () => {
    await open(`<video id=v muted src="film.mp4#t=4"></video><script>
      v.onloadeddata = () => { say(Math.floor(v.currentTime)); say([v.src, v.currentSrc, v.getAttribute('src'), v.hasAttribute('src'), v.error, v.videoWidth, Math.round(v.duration)]); v.currentTime = 9 };
      v.onseeked = () => v.currentTime > 4 && say(['seeked', v.currentTime]);</script>`);
    const url = `${origin}/film.mp4#t=4`;
    expect(await frame.heard(3)).toEqual([4, [url, url, 'film.mp4#t=4', true, null, 192, kSeconds], ['seeked', 9]]);
    const asked = (await ranges()).filter(one => one.startsWith('/film.mp4'));
    expect(asked[0]).toBe('/film.mp4 bytes=0-524287');
    expect(asked.length).toBeLessThan(6);
  });

  it('come from the first source that can be played, and tell of those that cannot', async () => {
    await open(`<video id=v muted><source id=a src="a.bin" type="video/x-none"><source id=b src="missing.webm" type="video/webm" onerror="say('error at b')">
      <source id=c src="film.mp4" type="video/mp4" onerror="say('error at c')"></video>
      <script>v.onloadeddata = () => say([v.src, v.getAttribute('src'), v.hasAttribute('src'), v.currentSrc, c.src])</script>`);
    const url = `${origin}/film.mp4`;
    expect(await frame.heard(2)).toEqual(['error at b', ['', null, false, url, url]]);
    expect(await ranges()).not.toContain('/a.bin bytes=0-524287');
  });

  it('play when they were told to before there was anything, and stop when told so', async () => {
    await open(`<script>
      const run = async () => {
        const v = document.createElement('video'); v.muted = true; v.src = 'film.mp4';
        await v.play(); say(['playing', v.paused]);
        v.src = 'film.mp4?again'; say(['released', v.readyState, v.paused, v.src.slice(-5)]);
        const interrupted = v.play(); v.pause(); say(await interrupted.catch(e => e.name));
        v.removeAttribute('src'); v.load(); say(['empty', v.readyState, v.src, v.currentSrc.slice(-5)]);
        const w = new Audio('film.mp4'); w.preload = 'none'; w.muted = true; await new Promise(r => setTimeout(r, 100));
        await w.play(); say(['sound', w.currentSrc]); w.load(); say(['again', w.readyState]); await w.play(); say('played');
      }; run().catch(e => say(String(e)))</script>`);
    expect(await frame.heard(7)).toEqual([
      ['playing', false],
      ['released', 0, true, 'again'],
      'AbortError',
      ['empty', 0, '', 'again'],
      ['sound', `${origin}/film.mp4`],
      ['again', 0],
      'played',
    ]);
  });

  it('ask for nothing with preload=none until they are to play', async () => {
    await open(`<video id=v muted preload=none src="film.mp4"></video><script>
      setTimeout(() => say('quiet'), 300); v.onplaying = () => say('playing')</script>`);
    expect(await frame.heard()).toEqual(['quiet']);
    expect((await ranges()).filter(one => one.startsWith('/film'))).toEqual([]);
    await (await frame.app()).evaluate(() => document.querySelector('video')?.play());
    expect(await frame.heard(2)).toEqual(['quiet', 'playing']);
  });

  it('of other forms are taken as a whole, and beyond a limit offered as a download', async () => {
    await open(`<video id=v muted src="old.avi"></video><video id=w muted src="huge.avi"></video><script>
      let failed = 0; const over = () => { if (++failed === 2) say([v.error.code, w.error.code, v.nextElementSibling.id, w.nextElementSibling.textContent, w.nextElementSibling.querySelector('a').href]) };
      v.onerror = over; w.onerror = over;</script>`);
    const [said] = (await frame.heard()) as [unknown[]];
    expect(said.slice(0, 3)).toEqual([4, 4, 'w']);
    expect(said[3]).toMatch(/has 300 MiB: more than the 256 MiB.* Download it and play it there\./);
    expect(said[4]).toBe(`${origin}/huge.avi`);
    expect(await ranges()).toContain('/old.avi bytes=0-524287');
  });

  it('play in a frame of the app too', async () => {
    await open(
      `<iframe srcdoc="<video muted src='film.mp4' onloadeddata='top.postMessage({ said: this.currentSrc }, &quot;*&quot;)'></video>"></iframe>`,
    );
    expect(await frame.heard()).toEqual([`${origin}/film.mp4`]);
  });
});
