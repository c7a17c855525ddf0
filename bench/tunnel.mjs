// The tunnel between two native ends, against the bare data channel of the same program and against libdatachannel, turn by turn in one
// run: each figure is the median of the rounds, each ratio the median of the rounds' ratios. cpu_s_per_gib: processor time of [the near
// end, the far end]. The paths with delay and loss are made by delayed_link.cpp; libdatachannel comes from bench/libdatachannel.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../tests/support/paths.mjs';
import { capture, Child } from '../tests/support/processes.mjs';

const mib = 1 << 20;
const paths = { 'tunnel.delay.20': [20, 0], 'tunnel.delay.100': [100, 0], 'tunnel.delay.100.loss': [100, 1] };

export const names = [
  'tunnel.download.native', 'tunnel.download.native.16', 'tunnel.upload.native', 'tunnel.upload.native.16',
  'tunnel.get.native.1', 'tunnel.get.native.16', 'tunnel.get.native.64', 'tunnel.fair', 'tunnel.fair.upload', 'tunnel.slow', ...Object.keys(paths),
];

export const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
export const short = (value, digits = 2) => Number(value.toFixed(digits));

/** A program that says and reads lines of JSON. */
export class End {
  #said = 0;
  #taken = 0;
  constructor(t, command) {
    this.child = new Child(command, { stdin: 'pipe', onLine: () => this.#said++ });
    t.defer(() => this.child.stop({ seconds: 2 }));
  }
  say(value) {
    this.child.process.stdin.write(`${JSON.stringify(value)}\n`);
  }
  /** What it says next. */
  async read(seconds = 120) {
    await this.child.until(() => this.#said > this.#taken, { seconds, what: 'an answer' });
    return JSON.parse(this.child.lines.at(this.#taken++ - this.#said));
  }
  ask(command) {
    this.say(command);
    return this.read();
  }
  /** Seconds of processor time so far. */
  get cpu() {
    const [, after] = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8').split(/\) /);
    const fields = after.split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }
  /** MiB in memory now. */
  get resident() {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'))[1]) / 1024;
  }
}

/** The programs of a kind of end, `near` or `far`; null if this machine does not have them. */
export async function programOf(programs, kind, side) {
  if (kind !== 'libdatachannel') return [join(programs, `bench_${side}_end`), kind];
  const directory = join(root, 'bench/libdatachannel');
  if (!existsSync(join(directory, 'node_modules'))) {
    const installed = await capture(['npm', '--prefix', directory, 'ci', '--no-audit', '--no-fund']);
    if (installed.code !== 0) return null;
  }
  return [process.execPath, join(directory, 'end.mjs'), side];
}

/** Two connected ends. `link`: the prefixes of delayed_link. */
async function connect(t, programs, kind, link = { a: [], b: [] }) {
  const commands = await Promise.all(['near', 'far'].map((side) => programOf(programs, kind, side)));
  if (!commands[0]) return null;
  const far = new End(t, [...link.b, ...commands[1]]);
  const near = new End(t, [...link.a, ...commands[0]]);
  far.say(await near.read());
  near.say(await far.read());
  await near.read();
  return { kind, near, far };
}

/** Does `command` and says how long it took and what it cost. */
async function timed(pair, command) {
  const before = [pair.near.cpu, pair.far.cpu];
  const result = await pair.near.ask(command);
  const per = (command.bytes ?? 0) / 1024 ** 3;
  return { ...result, rate: (command.bytes ?? 0) / 1e3 / result.ms, cpu: [pair.near.cpu - before[0], pair.far.cpu - before[1]].map((seconds) => seconds / per) };
}

/** The same command at every pair, in turns. */
async function rounds(pairs, command, count) {
  const all = Object.fromEntries(pairs.map(({ kind }) => [kind, []]));
  for (let round = 0; round < count; round++) for (const pair of pairs) all[pair.kind].push(await timed(pair, command));
  return all;
}

const ratio = (ours, theirs, figure) => short(median(ours.map((each, index) => figure(each) / figure(theirs[index]))), 3);
const cpu = (samples) => [0, 1].map((end) => short(median(samples.map((each) => each.cpu[end]))));

/** As `rounds`, all pairs at once: with loss it is the path that is slow, about 1 Mbit/s for each, whatever else it carries. */
async function lossyRounds(pairs, command) {
  const all = await Promise.all(pairs.map((pair) => rounds([pair], command, 7)));
  return Object.assign({}, ...all);
}

async function bulk(name, pairs, way, streams, count, bytes, print) {
  const command = { do: 'bulk', way, bytes, streams };
  await rounds(pairs, { ...command, bytes: Math.min(bytes, 32 * mib) }, 1); // windows open
  const all = await rounds(pairs, command, count);
  const result = { name, streams, mib: bytes / mib, rounds: count, ratio: ratio(all.tunnel, all.raw, (each) => each.rate) };
  if (all.libdatachannel) result.ratio_libdatachannel = ratio(all.tunnel, all.libdatachannel, (each) => each.rate);
  for (const [kind, samples] of Object.entries(all)) {
    result[`${kind}_mb_s`] = short(median(samples.map((each) => each.rate)), 1);
    result[`${kind}_cpu_s_per_gib`] = cpu(samples);
  }
  print(result);
}

async function gets(name, pairs, inFlight, print) {
  const count = inFlight === 1 ? 500 : 2000;
  const all = await rounds(pairs, { do: 'gets', count, in_flight: inFlight }, 5);
  const result = { name, in_flight: inFlight, gets: count, ratio: ratio(all.tunnel, all.raw, (each) => each.us) };
  for (const [kind, samples] of Object.entries(all)) {
    result[`${kind}_us`] = short(median(samples.map((each) => each.us)), 0);
    result[`${kind}_per_s`] = short(count / (median(samples.map((each) => each.ms)) / 1000), 0);
  }
  print(result);
}

/** Small requests beside a large transfer, against the same ones alone, and the large transfer alone. */
async function fair(name, pair, way, print) {
  const bytes = 1024 * mib;
  const idle = await pair.near.ask({ do: 'gets', count: 500, in_flight: 1 });
  const busy = await pair.near.ask({ do: 'fair', way, bytes });
  const alone = await pair.near.ask({ do: 'bulk', way, bytes, streams: 1 });
  print({
    name, mib: bytes / mib, gets: busy.gets, ratio: short(busy.us / idle.us, 2), idle_us: short(idle.us, 0), busy_us: short(busy.us, 0),
    mb_s: short(bytes / 1e3 / busy.ms, 1), alone_mb_s: short(bytes / 1e3 / alone.ms, 1),
  });
}

/** One download beside others that nobody reads, against the same one alone. */
async function slow(name, pair, print) {
  const bytes = 128 * mib;
  const readers = 8;
  const most = [pair.near.resident, pair.far.resident];
  const start = [...most];
  const ratios = [];
  for (let round = 0; round < 3; round++) {
    const alone = await pair.near.ask({ do: 'bulk', way: 'download', bytes, streams: 1 });
    const done = pair.near.ask({ do: 'slow', readers, bytes });
    for (let over = false; !over;) {
      over = await Promise.race([done.then(() => true), sleep(50, false)]);
      most[0] = Math.max(most[0], pair.near.resident);
      most[1] = Math.max(most[1], pair.far.resident);
    }
    ratios.push(alone.ms / (await done).ms);
  }
  print({ name, unread: readers, mib: bytes / mib, ratio: short(median(ratios), 3), grown_mib: most.map((each, end) => short(each - start[end], 1)) });
}

async function delayed(t, name, programs, print) {
  const [delay, loss] = paths[name];
  const program = join(programs, 'bench_delayed_link');
  const check = await capture([program, '--check']);
  if (check.code !== 0) throw new Error(`no delayed link here: ${check.stderr}`);
  const link = new Child([program, String(delay / 2), String(loss)], { stdin: 'pipe' });
  t.defer(() => link.stop({ seconds: 2 }));
  const prefixes = JSON.parse(await link.until(() => link.lines[0], { what: 'the link' }));
  const pairs = await connectAll(t, programs, prefixes);
  const bytes = loss ? mib / 2 : 32 * mib;
  const commands = { download: { do: 'bulk', way: 'download', bytes, streams: 1 }, upload: { do: 'bulk', way: 'upload', bytes, streams: 1 } };
  const result = { name, round_trip_ms: delay, loss_percent: loss, mib: bytes / mib };
  for (const [way, command] of Object.entries(commands)) {
    if (!loss) await rounds(pairs, command, 1);
    const all = await (loss ? lossyRounds(pairs, command) : rounds(pairs, command, 3));
    for (const [kind, samples] of Object.entries(all)) result[`${way}_${kind}_mbit_s`] = short(median(samples.map((each) => each.rate)) * 8, 1);
    if (all.libdatachannel) result[`${way}_ratio_libdatachannel`] = ratio(all.tunnel, all.libdatachannel, (each) => each.rate);
    result[`${way}_ratio`] = ratio(all.tunnel, all.raw, (each) => each.rate);
  }
  for (const { near, far } of pairs) await Promise.all([near.child.stop({ seconds: 2 }), far.child.stop({ seconds: 2 })]);
  await link.stop({ seconds: 2 });
  print(result);
}

async function connectAll(t, programs, link) {
  const pairs = [];
  for (const kind of ['raw', 'tunnel', 'libdatachannel']) {
    const pair = await connect(t, programs, kind, link);
    if (pair) pairs.push(pair);
    else console.error('./dev bench: node-datachannel cannot be installed here; there is no comparison with it');
  }
  return pairs;
}

export async function measure(t, wanted, programs, print) {
  const near = wanted.filter((name) => !paths[name]);
  const pairs = near.length > 0 ? await connectAll(t, programs) : [];
  const tunnel = pairs.find(({ kind }) => kind === 'tunnel');
  for (const name of wanted) {
    const [, what, , last] = name.split('.');
    if (what === 'delay') await delayed(t, name, programs, print);
    else if (what === 'fair') await fair(name, tunnel, last ?? 'download', print);
    else if (what === 'slow') await slow(name, tunnel, print);
    else if (what === 'get') await gets(name, pairs, Number(last), print);
    else await bulk(name, pairs, what, Number(last ?? 1), 7, 64 * mib, print);
  }
}
