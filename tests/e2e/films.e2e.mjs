// Films of two gibibytes in an app on the page from disk: the first picture, a seek to nine tenths, and what it takes of memory.
import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, createReadStream, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ways } from '../conformance/ways.mjs';
import { openBrowser, openPage } from '../support/chromium.mjs';
import { oneFolder, waitForPage } from '../support/folders.mjs';
import { suite } from '../support/harness.mjs';
import { serve } from '../support/owndir.mjs';
import { chooseFolder, connected, walkTo } from '../support/page.mjs';
import { pageOf } from '../support/paths.mjs';
import { capture } from '../support/processes.mjs';

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

const codecs = {
  'moov-at-end.mp4': ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-c:a', 'aac'],
  'faststart.mp4': ['-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac', '-movflags', '+faststart'],
  'cues.webm': ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '16', '-c:a', 'libvorbis'],
};

/** A clip of ten seconds, again and again until it has that many bytes. */
async function film(t, name, bytes) {
  const [clip, whole] = [join(t.directory, `clip-${name}`), join(t.directory, name)];
  const ffmpeg = async (...args) => {
    const run = await capture(['ffmpeg', '-v', 'error', '-y', ...args]);
    assert.equal(run.code, 0, run.stderr);
  };
  const rate = ['-b:v', '16M', '-minrate', '16M', '-maxrate', '16M', '-bufsize', '16M', '-g', '50', '-pix_fmt', 'yuv420p'];
  await ffmpeg('-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=25:duration=10', '-f', 'lavfi', '-i', 'sine=frequency=440:duration=10',
    '-vf', 'noise=alls=40:allf=t', ...codecs[name], ...rate, clip);
  const times = Math.ceil(bytes / statSync(clip).size);
  const { [name]: options } = codecs;
  await ffmpeg('-stream_loop', String(times), '-i', clip, '-c', 'copy', ...(options.includes('-movflags') ? options.slice(-2) : []), whole);
  rmSync(clip);
  return { path: whole, size: statSync(whole).size, type: name.endsWith('webm') ? 'video/webm' : 'video/mp4' };
}

/** A site with the film. */
async function siteOf(t, { path, size, type }) {
  const sent = { bytes: 0, ranges: [] };
  const server = createServer((request, response) => {
    if (request.url !== '/film') {
      response.writeHead(200, { 'content-type': 'text/html' });
      return response.end('<!doctype html><title>A large film</title><p>no film yet</p>');
    }
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const fields = { 'content-type': type, 'accept-ranges': 'bytes', etag: '"film"' };
    const [start, end] = from === undefined ? [0, size - 1] : [Number(from), to ? Math.min(Number(to), size - 1) : size - 1];
    sent.ranges.push(request.headers.range ?? 'whole');
    fields['content-length'] = end - start + 1;
    if (from !== undefined) fields['content-range'] = `bytes ${start}-${end}/${size}`;
    response.writeHead(from === undefined ? 200 : 206, fields);
    const file = createReadStream(path, { start, end });
    file.on('data', (piece) => (sent.bytes += piece.length));
    response.on('close', () => file.destroy());
    return file.pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.defer(() => (server.closeAllConnections(), server.close()));
  return { origin: `http://127.0.0.1:${server.address().port}`, sent };
}

/** Anonymous memory of each renderer of the test's browser, MiB. */
function renderers(directory) {
  const processes = new Map();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const [command, status] = ['cmdline', 'status'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'utf8'));
      processes.set(pid, { command, parent: /^PPid:\s+(\d+)/m.exec(status)?.[1], anonymous: Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024 });
    } catch {
      // It has ended.
    }
  }
  const isOurs = (pid) => {
    for (let at = pid; processes.has(at); at = processes.get(at).parent) if (processes.get(at).command.includes(directory)) return true;
    return false;
  };
  const ours = [...processes].filter(([pid, { command }]) => command.includes('--type=renderer') && isOurs(pid));
  return ours.map(([, { anonymous }]) => Math.round(anonymous)).sort((a, b) => b - a);
}

const begin = () => {
  const video = document.createElement('video');
  Object.assign(video, { muted: true, controls: true, width: 320 });
  document.body.append(video);
  const events = (globalThis.said = []);
  for (const type of ['loadedmetadata', 'loadeddata', 'seeked', 'playing', 'waiting', 'stalled', 'error', 'ended']) video.addEventListener(type, () => events.push([type, Math.round(performance.now())]));
  const began = performance.now();
  return new Promise((resolve, reject) => {
    video.onerror = () => reject(new Error(`error ${video.error?.code} ${video.error?.message}`));
    video.requestVideoFrameCallback(() => resolve({ ms: Math.round(performance.now() - began), duration: video.duration, size: [video.videoWidth, video.videoHeight] }));
    video.src = 'film';
  });
};
const seekTo = (part) => {
  const video = document.querySelector('video');
  const began = performance.now();
  return new Promise((resolve, reject) => {
    video.onerror = () => reject(new Error(`error ${video.error?.code} ${video.error?.message}`));
    video.onseeked = () => resolve({ ms: Math.round(performance.now() - began), at: video.currentTime });
    video.currentTime = video.duration * part;
  });
};
const heap = () => Math.round((performance.memory?.usedJSHeapSize ?? 0) / 2 ** 20);

async function plays(t, name, bytes) {
  const made = await film(t, name, bytes);
  t.step(`${name}: ${(made.size / GiB).toFixed(2)} GiB made`);
  const site = await siteOf(t, made);
  const { page, frame } = await ways.file(t, { name: 'film', origin: site.origin, isIt: () => document.title === 'A large film' });
  const before = renderers(t.directory);
  t.step(`renderers before, MiB: ${before.join(' ')}`);
  const first = await frame.evaluate(begin);
  t.step(`first picture after ${first.ms} ms, ${first.size.join('×')}, ${Math.round(first.duration)} s; ${(site.sent.bytes / MiB).toFixed(1)} MiB sent in ${site.sent.ranges.length} parts`);
  assert.deepEqual(first.size, [1280, 720]);
  const most = { renderer: 0, heap: 0 };
  const watch = async (seconds) => {
    for (let i = 0; i < seconds * 2; i++) {
      await sleep(500);
      most.renderer = Math.max(most.renderer, ...renderers(t.directory));
      most.heap = Math.max(most.heap, await frame.evaluate(heap), await page.evaluate(heap));
    }
  };
  await frame.evaluate(() => document.querySelector('video').play());
  await watch(12);
  const there = await frame.evaluate(seekTo, 0.9);
  t.step(`seek to ${there.at.toFixed(1)} s: ${there.ms} ms; ${(site.sent.bytes / MiB).toFixed(1)} MiB sent in ${site.sent.ranges.length} parts`);
  // It plays on while the event is on its way to the script.
  const late = there.at - first.duration * 0.9;
  assert.ok(late > -0.1 && late < 5, `it is ${late} s beyond the place`);
  await watch(8);
  const back = await frame.evaluate(seekTo, 0.3);
  t.step(`seek to ${back.at.toFixed(1)} s: ${back.ms} ms`);
  // A short one had come to its end.
  await frame.evaluate(() => document.querySelector('video').play());
  await watch(5);
  const state = await frame.evaluate(() => {
    const { currentTime, paused, readyState, error, currentSrc } = document.querySelector('video');
    return { currentTime, paused, readyState, error: error?.code ?? null, currentSrc, said: globalThis.said };
  });
  t.step(`most of one renderer: ${most.renderer} MiB (before: ${before[0]}), JavaScript heap ${most.heap} MiB; ${(site.sent.bytes / MiB).toFixed(0)} MiB sent; ${JSON.stringify(state)}`);
  assert.equal(state.error, null);
  assert.ok(state.currentTime > back.at + 1, `it plays on: ${state.currentTime}`);
  if (bytes >= GiB) assert.ok(site.sent.bytes < bytes / 4, 'no more than what is shown is sent');
  assert.ok(most.renderer - before[0] < 200, `${most.renderer} MiB of memory, ${before[0]} before`);
}

/** In the explorer of a served folder: a short film in a file of 400 MiB, most of which is an empty box. */
async function playsInExplorer(t) {
  const { home } = oneFolder(t);
  const path = join(home, 'long.mp4');
  const made = await film(t, 'faststart.mp4', 8 * MiB);
  const box = Buffer.alloc(8);
  box.writeUInt32BE(400 * MiB - made.size);
  box.write('free', 4);
  copyFileSync(made.path, path);
  appendFileSync(path, box);
  truncateSync(path, 400 * MiB);
  await serve(t, home);
  await waitForPage(home, home).catch(() => {});
  const page = await openPage(t, await openBrowser(t, { directories: [home] }), pageOf(home));
  await chooseFolder(page, home);
  await connected(page);
  await walkTo(page, 'long.mp4');
  await page.waitForFunction(() => document.querySelector('.preview video')?.readyState >= 2, undefined, { timeout: 20_000 });
  const there = await page.evaluate(seekInPreview);
  t.step(`the explorer plays: ${JSON.stringify(there)}`);
  assert.deepEqual([there.error, there.size], [null, [1280, 720]]);
  assert.ok(there.at > 2);
}
const seekInPreview = () => {
  const video = document.querySelector('.preview video');
  return new Promise((resolve) => {
    video.onseeked = () => resolve({ at: video.currentTime, error: video.error?.code ?? null, size: [video.videoWidth, video.videoHeight] });
    video.currentTime = video.duration * 0.6;
  });
};

suite('films', (define) => {
  const needs = ['owndir', 'chromium'];
  const skipped = (body) => async (t) => ((await capture(['ffmpeg', '-version']).catch(() => ({ code: 1 }))).code === 0 ? body(t) : t.skip('there is no ffmpeg'));
  define('a film of 80 MiB in an app on the page from disk plays and seeks', { needs, seconds: 300, lane: 'films' }, skipped((t) => plays(t, 'moov-at-end.mp4', 80 * MiB)));
  define('a film beyond what is shown as a whole plays in the explorer', { needs, seconds: 180, lane: 'films' }, skipped(playsInExplorer));
  for (const name of Object.keys(codecs))
    define(`a film of 2 GiB in an app on the page from disk plays and seeks: ${name}`, { needs, soak: true, seconds: 400, lane: 'films' }, skipped((t) => plays(t, name, 2 * GiB)));
});
