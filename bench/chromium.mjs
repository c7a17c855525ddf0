// tunnel.download.chromium and tunnel.upload.chromium: 64 MiB through the tunnel against the same over a bare data channel,
// between the same page in real Chromium and the same native program, turn by turn in one run.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBrowser, openPage } from '../tests/support/chromium.mjs';
import { whyNot } from '../tests/support/needs.mjs';
import { require, root } from '../tests/support/paths.mjs';
import { Child } from '../tests/support/processes.mjs';

export const names = ['tunnel.download.chromium', 'tunnel.upload.chromium'];

const bytes = 64 << 20;
const rounds = 3;
const pieces = [16 * 1024, 64 * 1024]; // the bare channel may choose the better one

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const megabytes = (milliseconds) => Number((bytes / 1e3 / milliseconds).toFixed(2));

async function pageWithEnds(t, programs) {
  const { outputFiles } = await require('esbuild').build({
    entryPoints: [join(root, 'bench/chromium_page.ts')], bundle: true, write: false, format: 'iife', target: 'chrome120',
  });
  const file = join(t.directory, 'bench.html');
  writeFileSync(file, `<!doctype html><title>bench</title><script>${outputFiles[0].text.replace(/<\/script/g, '<\\/script')}</script>`);
  const page = await openPage(t, await openBrowser(t), file);
  for (const name of ['raw', 'tunnel']) {
    const offer = await page.evaluate((which) => globalThis.bench.offer(which), name);
    const end = new Child([join(programs, 'bench_far_end'), name], { stdin: 'pipe' });
    t.defer(() => end.stop());
    end.process.stdin.write(`${JSON.stringify(offer)}\n`);
    const answer = await end.until(() => end.lines[0], { what: 'an answer' });
    await page.evaluate(([which, sdp]) => globalThis.bench.accept(which, sdp), [name, JSON.parse(answer)]);
  }
  return page;
}

export async function measure(t, wanted, programs, print) {
  const lacking = await whyNot('chromium');
  if (lacking) throw new Error(lacking);
  const page = await pageWithEnds(t, programs);
  for (const name of wanted) {
    const direction = name.split('.')[1];
    const raw = (piece) => page.evaluate(([way, size, each]) => globalThis.bench.raw(way, size, each), [direction, bytes, piece]);
    const tunnel = () => page.evaluate(([way, size]) => globalThis.bench.tunnel(way, size), [direction, bytes]);
    const times = { tunnel: [], raw: pieces.map(() => []) };
    await tunnel(); // the congestion window and the compilers warm up
    for (let round = 0; round < rounds; round++) {
      for (const [index, piece] of pieces.entries()) times.raw[index].push(await raw(piece));
      times.tunnel.push(await tunnel());
    }
    const bare = Math.min(...times.raw.map(median));
    const through = median(times.tunnel);
    print({ name, ratio: Number((bare / through).toFixed(3)), tunnel_mb_s: megabytes(through), raw_mb_s: megabytes(bare), mib: bytes >> 20, rounds });
  }
}
