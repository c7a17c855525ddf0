// Between the same page in real Chromium and the same native program, turn by turn in one run:
// tunnel.download.chromium, tunnel.upload.chromium: 64 MiB through the tunnel (in its worker, as the page has it) against the
//   same over a bare data channel on the page.
// tunnel.busy.chromium: small requests of an app's worker while the page's thread is busy for half of the time; the ratio is
//   the median with the tunnel on the page to that with the tunnel in its worker. Beside it: MB/s of each way, busy and idle,
//   and what the page's thread spends on a transfer.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBrowser, openPage } from '../tests/support/chromium.mjs';
import { whyNot } from '../tests/support/needs.mjs';
import { require, root } from '../tests/support/paths.mjs';
import { Child } from '../tests/support/processes.mjs';
import { esbuildWorkers } from '../web/worker-plugin.mjs';

export const names = ['tunnel.download.chromium', 'tunnel.upload.chromium', 'tunnel.busy.chromium'];

const bytes = 64 << 20;
const rounds = 3;
const pieces = [16 * 1024, 64 * 1024]; // the bare channel may choose the better one
const requests = 60;
const busyBytes = 24 << 20;

const sorted = (list) => [...list].sort((a, b) => a - b);
const median = (list) => sorted(list)[Math.floor(list.length / 2)];
const worst = (list) => sorted(list)[Math.floor(list.length * 0.95)];
const megabytes = (milliseconds, size = bytes) => Number((size / 1e3 / milliseconds).toFixed(2));
const round = (value) => Number(value.toFixed(2));

async function pageWithEnds(t, programs, ways) {
  const { outputFiles } = await require('esbuild').build({
    entryPoints: [join(root, 'bench/chromium_page.ts')], bundle: true, write: false, format: 'iife', target: 'chrome120', plugins: [esbuildWorkers],
  });
  const file = join(t.directory, 'bench.html');
  writeFileSync(file, `<!doctype html><title>bench</title><script>${outputFiles[0].text.replace(/<\/script/g, '<\\/script')}</script>`);
  const page = await openPage(t, await openBrowser(t), file);
  for (const way of ways) {
    const offer = await page.evaluate((which) => globalThis.bench.offer(which), way);
    const end = new Child([join(programs, 'bench_far_end'), way === 'raw' ? 'raw' : 'tunnel'], { stdin: 'pipe' });
    t.defer(() => end.stop());
    end.process.stdin.write(`${JSON.stringify(offer)}\n`);
    const answer = await end.until(() => end.lines[0], { what: 'an answer' });
    await page.evaluate(([which, sdp]) => globalThis.bench.accept(which, sdp), [way, JSON.parse(answer)]);
  }
  return page;
}

async function bulk(page, name, print) {
  const direction = name.split('.')[1];
  const raw = (piece) => page.evaluate(([way, size, each]) => globalThis.bench.raw(way, size, each), [direction, bytes, piece]);
  const tunnel = (way) => page.evaluate(([where, to, size]) => globalThis.bench.tunnel(where, to, size), [way, direction, bytes]);
  const times = { worker: [], page: [], raw: pieces.map(() => []) };
  for (const way of ['worker', 'page']) await tunnel(way); // the congestion window and the compilers warm up
  for (let turn = 0; turn < rounds; turn++) {
    for (const [index, piece] of pieces.entries()) times.raw[index].push(await raw(piece));
    for (const way of ['worker', 'page']) times[way].push(await tunnel(way));
  }
  const bare = Math.min(...times.raw.map(median));
  const through = median(times.worker);
  print({
    name, ratio: Number((bare / through).toFixed(3)), tunnel_mb_s: megabytes(through), raw_mb_s: megabytes(bare),
    on_page_mb_s: megabytes(median(times.page)), mib: bytes >> 20, rounds,
  });
}

async function busyPage(page, name, print) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable');
  const taskSeconds = async () => (await cdp.send('Performance.getMetrics')).metrics.find((metric) => metric.name === 'TaskDuration').value;
  const busy = (on, off) => page.evaluate(([some, none]) => globalThis.bench.busy(some, none), [on, off]);
  const client = (way, job) => page.evaluate(([where, what]) => globalThis.bench.client(where, what), [way, job]);
  const seen = { worker: { idle: [], busy: [], idleBulk: [], busyBulk: [], task: [] }, page: { idle: [], busy: [], idleBulk: [], busyBulk: [], task: [] } };
  for (const way of ['worker', 'page']) await client(way, { bytes: busyBytes });
  for (let turn = 0; turn < rounds; turn++) {
    for (const way of ['worker', 'page']) {
      seen[way].idle.push(...(await client(way, { requests })));
      const before = await taskSeconds();
      seen[way].idleBulk.push(...(await client(way, { bytes: busyBytes })));
      seen[way].task.push((await taskSeconds()) - before);
      await busy(50, 50);
      seen[way].busy.push(...(await client(way, { requests })));
      seen[way].busyBulk.push(...(await client(way, { bytes: busyBytes })));
      await busy(0, 0);
    }
  }
  const { worker, page: onPage } = seen;
  const both = (key, make) => ({ worker: make(worker[key]), page: make(onPage[key]) });
  print({
    name, ratio: round(median(onPage.busy) / median(worker.busy)),
    busy_ms: both('busy', (list) => round(median(list))), busy_p95_ms: both('busy', (list) => round(worst(list))),
    idle_ms: both('idle', (list) => round(median(list))),
    busy_mb_s: both('busyBulk', (list) => megabytes(median(list), busyBytes)), idle_mb_s: both('idleBulk', (list) => megabytes(median(list), busyBytes)),
    page_thread_ms_per_mib: both('task', (list) => round((median(list) * 1000) / (busyBytes >> 20))), requests, rounds,
  });
}

export async function measure(t, wanted, programs, print) {
  const lacking = await whyNot('chromium');
  if (lacking) throw new Error(lacking);
  const page = await pageWithEnds(t, programs, ['raw', 'worker', 'page']);
  for (const name of wanted) await (name.includes('busy') ? busyPage : bulk)(page, name, print);
}
