// Between the same page in real Chromium and native programs, turn by turn in one run. Each figure is the median of the rounds, each
// ratio the median of the rounds' ratios. The bare channel does best by its choice of message size, and of the thread that has it (the
// page's or a worker's); libdatachannel (bench/libdatachannel) is the other end of such a bare channel.
// tunnel.download.chromium, tunnel.upload.chromium, with .16: 64 MiB in one exchange or in 16 at once, through the tunnel as the page
//   has it (in its worker) and on the page. cpu_ms_per_mib: processor time of Chromium and the other end, by process and thread.
// tunnel.get.chromium.1, .16, .64: GET of 1 KiB, so many in flight, against round trips of the same sizes.
// tunnel.fair.chromium: GET of 1 KiB, one after the other, while a large one comes down, against the same alone.
// tunnel.busy.chromium: small requests of an app's worker while the page's thread is busy for half of the time; the ratio is
//   the median with the tunnel on the page to that with the tunnel in its worker. Beside it: MB/s of each way, busy and idle,
//   and what the page's thread spends on a transfer.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBrowser, openPage } from '../tests/support/chromium.mjs';
import { whyNot } from '../tests/support/needs.mjs';
import { require, root } from '../tests/support/paths.mjs';
import { Child } from '../tests/support/processes.mjs';
import { esbuildWorkers, knowsItself } from '../web/worker-plugin.mjs';
import { spentPerMib, threadTimes } from './chromium/threads.mjs';
import { median, programOf, short } from './tunnel.mjs';

export const names = [
  'tunnel.download.chromium', 'tunnel.download.chromium.16', 'tunnel.upload.chromium', 'tunnel.upload.chromium.16',
  'tunnel.get.chromium.1', 'tunnel.get.chromium.16', 'tunnel.get.chromium.64', 'tunnel.fair.chromium', 'tunnel.busy.chromium',
];

const mib = 1 << 20;
const bytes = 64 * mib;
const rounds = 5;
const pieces = [16 * 1024, 64 * 1024]; // the bare channel may choose the better one
const requests = 60;
const busyBytes = 24 * mib;
const busyRounds = 3;

/** The ends, by name: `where` is the thread that has the channels. */
const kinds = {
  raw: { kind: 'bare', where: 'page', far: 'raw' },
  raw_worker: { kind: 'bare', where: 'worker', far: 'raw' },
  libdatachannel: { kind: 'bare', where: 'page', far: 'libdatachannel' },
  worker: { kind: 'tunnel', where: 'worker', far: 'tunnel' },
  page: { kind: 'tunnel', where: 'page', far: 'tunnel' },
};

const worst = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length * 0.95)];
const megabytes = (milliseconds, size = bytes) => short(size / 1e3 / milliseconds, 1);

/** A page, and the far end of each of its connections. */
class Ends {
  #page;
  #browser;
  #far = new Map();
  constructor(page, browser) {
    this.#page = page;
    this.#browser = browser;
  }
  get page() {
    return this.#page;
  }
  get names() {
    return [...this.#far.keys()];
  }
  bench(method, ...given) {
    return this.#page.evaluate(([what, list]) => globalThis.bench[what](...list), [method, given]);
  }
  async connect(t, programs, name) {
    const { kind, where, far } = kinds[name];
    const program = await programOf(programs, far, 'far');
    if (!program) return;
    const offer = await this.bench('offer', name, kind, where);
    const end = new Child(program, { stdin: 'pipe' });
    t.defer(() => end.stop({ seconds: 2 }));
    end.process.stdin.write(`${JSON.stringify(offer)}\n`);
    const answer = await end.until(() => end.lines[0], { what: 'an answer' });
    await this.bench('accept', name, JSON.parse(answer));
    this.#far.set(name, end.pid);
  }
  threadTimes(name) {
    return threadTimes([this.#browser, this.#far.get(name)]);
  }
}

/** The first process of the browser that has this profile. */
function browserOf(profile) {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split(/[\0 ]/);
      if (words.includes(`--user-data-dir=${profile}`) && !words.some((word) => word.startsWith('--type='))) return Number(pid);
    } catch {
      // it has just ended
    }
  }
  throw new Error('no process of the browser');
}

async function open(t, programs) {
  const { outputFiles } = await require('esbuild').build({
    entryPoints: [join(root, 'bench/chromium/page.ts')], bundle: true, write: false, format: 'iife', target: 'chrome120', plugins: [esbuildWorkers], ...knowsItself,
  });
  const file = join(t.directory, 'bench.html');
  writeFileSync(file, `<!doctype html><title>bench</title><script>${outputFiles[0].text.replace(/<\/script/g, '<\\/script')}</script>`);
  const browser = await openBrowser(t);
  const page = await openPage(t, browser, file);
  const ends = new Ends(page, browserOf(browser.profile));
  for (const name of Object.keys(kinds)) await ends.connect(t, programs, name);
  if (!ends.names.includes('libdatachannel')) console.error('./dev bench: node-datachannel cannot be installed here; there is no comparison with it');
  return ends;
}

/** All variants in turns: what each gave in each round, by its name. */
async function inTurns(variants, count) {
  const seen = Object.fromEntries(variants.map(({ name }) => [name, []]));
  for (let turn = 0; turn < count; turn++) for (const { name, run } of variants) seen[name].push(await run());
  return seen;
}

const ratio = (ours, theirs, figure) => short(median(ours.map((each, turn) => figure(each) / figure(theirs[turn]))), 3);
const rate = ({ ms }) => bytes / 1e3 / ms;
/** The one with the best median among those whose name begins so. */
const best = (seen, prefixes, figure) =>
  Object.keys(seen).filter((name) => prefixes.some((prefix) => name.startsWith(prefix)))
    .sort((a, b) => median(seen[b].map(figure)) - median(seen[a].map(figure)))[0];

async function bulk(ends, name, print) {
  const [, way, , streams = '1'] = name.split('.');
  const transfers = (end) => kinds[end].kind === 'tunnel'
    ? [{ name: end, end, start: (size) => ends.bench('tunnel', end, way, size, Number(streams)) }]
    : pieces.map((piece) => ({ name: `${end}.${piece >> 10}k`, end, start: (size) => ends.bench('bare', end, { do: way, bytes: size, piece }) }));
  const variants = ends.names.flatMap(transfers).map(({ name: variant, end, start }) => ({
    name: variant, start,
    run: async () => {
      const before = ends.threadTimes(end);
      const [ms] = await start(bytes);
      return { ms, spent: spentPerMib(before, ends.threadTimes(end), bytes) };
    },
  }));
  for (const { start } of variants) await start(bytes / 2); // the congestion window and the compilers warm up
  const seen = await inTurns(variants, rounds);
  const bare = best(seen, ['raw.', 'raw_worker.'], rate);
  const result = { name, streams: Number(streams), mib: bytes / mib, rounds, ratio: ratio(seen.worker, seen[bare], rate), ratio_on_page: ratio(seen.page, seen[bare], rate) };
  const theirs = best(seen, ['libdatachannel.'], rate);
  if (theirs) result.ratio_libdatachannel = ratio(seen.worker, seen[theirs], rate);
  result.bare = bare;
  result.mb_s = Object.fromEntries(Object.entries(seen).map(([variant, list]) => [variant, short(median(list.map(rate)), 1)]));
  result.cpu_ms_per_mib = Object.fromEntries([bare, theirs, 'worker', 'page'].filter(Boolean).map((variant) => [variant, spentIn(seen[variant])]));
  print(result);
}

function spentIn(list) {
  const threads = [...new Set(list.flatMap(({ spent }) => Object.keys(spent)))];
  const each = threads.map((thread) => [thread, short(median(list.map(({ spent }) => spent[thread] ?? 0)), 1)]);
  return Object.fromEntries(each.filter(([, spent]) => spent >= 0.2));
}

async function gets(ends, name, print) {
  const inFlight = Number(name.split('.').at(-1));
  const count = inFlight === 1 ? 400 : 1600;
  const variants = ends.names.map((end) => ({
    name: end,
    run: async () => {
      const [all, ...each] = await (kinds[end].kind === 'tunnel' ? ends.bench('gets', end, count, inFlight) : ends.bench('bare', end, { do: 'gets', count, inFlight }));
      return { ms: median(each), perSecond: count / (all / 1000) };
    },
  }));
  await inTurns(variants, 1);
  const seen = await inTurns(variants, rounds);
  const bare = best(seen, ['raw'], ({ ms }) => -ms);
  print({
    name, in_flight: inFlight, gets: count, rounds, ratio: ratio(seen.worker, seen[bare], ({ ms }) => ms), ratio_on_page: ratio(seen.page, seen[bare], ({ ms }) => ms),
    ...(seen.libdatachannel ? { ratio_libdatachannel: ratio(seen.worker, seen.libdatachannel, ({ ms }) => ms) } : {}), bare,
    us: Object.fromEntries(Object.entries(seen).map(([end, list]) => [end, short(median(list.map(({ ms }) => ms)) * 1000, 0)])),
    per_s: Object.fromEntries(Object.entries(seen).map(([end, list]) => [end, short(median(list.map(({ perSecond }) => perSecond)), 0)])),
  });
}

async function fair(ends, name, print) {
  const seen = await inTurns(['worker', 'page'].map((end) => ({
    name: end,
    run: async () => {
      const [, ...idle] = await ends.bench('gets', end, 200, 1);
      const [all, ...busy] = await ends.bench('fair', end, bytes);
      return { idle: median(idle), busy: median(busy), p95: worst(busy), rate: bytes / 1e3 / all };
    },
  })), 3);
  const figure = (end, key, digits) => short(median(seen[end].map((each) => each[key])), digits);
  const both = (key, digits = 2) => ({ worker: figure('worker', key, digits), page: figure('page', key, digits) });
  print({
    name, mib: bytes / mib, ratio: short(median(seen.worker.map(({ idle, busy }) => busy / idle)), 2), idle_ms: both('idle'), busy_ms: both('busy'), busy_p95_ms: both('p95'), mb_s: both('rate', 1),
  });
}

async function busyPage(ends, name, print) {
  const cdp = await ends.page.context().newCDPSession(ends.page);
  await cdp.send('Performance.enable');
  const taskSeconds = async () => (await cdp.send('Performance.getMetrics')).metrics.find((metric) => metric.name === 'TaskDuration').value;
  const client = (way, job) => ends.bench('client', way, job);
  const seen = { worker: { idle: [], busy: [], idleBulk: [], busyBulk: [], task: [] }, page: { idle: [], busy: [], idleBulk: [], busyBulk: [], task: [] } };
  for (const way of ['worker', 'page']) await client(way, { bytes: busyBytes });
  for (let turn = 0; turn < busyRounds; turn++) {
    for (const way of ['worker', 'page']) {
      seen[way].idle.push(...(await client(way, { requests })));
      const before = await taskSeconds();
      seen[way].idleBulk.push(...(await client(way, { bytes: busyBytes })));
      seen[way].task.push((await taskSeconds()) - before);
      await ends.bench('busy', 50, 50);
      seen[way].busy.push(...(await client(way, { requests })));
      seen[way].busyBulk.push(...(await client(way, { bytes: busyBytes })));
      await ends.bench('busy', 0, 0);
    }
  }
  const { worker, page: onPage } = seen;
  const both = (key, make) => ({ worker: make(worker[key]), page: make(onPage[key]) });
  print({
    name, ratio: short(median(onPage.busy) / median(worker.busy)),
    busy_ms: both('busy', (list) => short(median(list))), busy_p95_ms: both('busy', (list) => short(worst(list))),
    idle_ms: both('idle', (list) => short(median(list))),
    busy_mb_s: both('busyBulk', (list) => megabytes(median(list), busyBytes)), idle_mb_s: both('idleBulk', (list) => megabytes(median(list), busyBytes)),
    page_thread_ms_per_mib: both('task', (list) => short((median(list) * 1000) / (busyBytes / mib))), requests, rounds: busyRounds,
  });
}

export async function measure(t, wanted, programs, print) {
  const lacking = await whyNot('chromium');
  if (lacking) throw new Error(lacking);
  const ends = await open(t, programs);
  for (const name of wanted) {
    const [, what] = name.split('.');
    await ({ get: gets, fair, busy: busyPage }[what] ?? bulk)(ends, name, print);
  }
}
