// A small test runner for what needs real processes: tests are defined in files, run side by side in lanes, and leave
// one JSON file of results. A need that the machine cannot meet skips a test by name; under CI it fails it.
//
//   suite('nat', (test) => { test('a sentence', { needs: ['namespaces'], seconds: 120, lane: 'nat' }, async (t) => { … }) })
//
// `t` gives: directory (temporary, removed), log(text), step(text) (printed with the time since the start), defer(fn)
// (run in reverse order when the test ends, whatever happened), artefact(name) (a path that is kept).
//
// What failed beside other lanes is run once more alone, at most three tests: many browsers on two cores are late now and
// then. Such a test is shown with both outcomes and has `unsteady: true`; what fails alone has failed.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { whyNot } from './needs.mjs';

import { root } from './paths.mjs';

export { root };
const suites = new Map();
const mostRepeated = 3;

export class Skip extends Error {}

export function suite(name, define) {
  const tests = [];
  define((title, options, body) => tests.push({ suite: name, title, seconds: 60, needs: [], soak: false, lane: '', ...options, body }));
  suites.set(name, [...(suites.get(name) ?? []), ...tests]);
}

export const known = () => suites;

export class Context {
  #deferred = [];
  #started = Date.now();
  lines = [];
  constructor(test, verbose) {
    this.test = test;
    this.verbose = verbose;
    this.directory = mkdtempSync(join(tmpdir(), 'owndir-e2e-'));
    this.defer(() => rmSync(this.directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  }
  get elapsed() {
    return (Date.now() - this.#started) / 1000;
  }
  log(text) {
    this.lines.push(`${this.elapsed.toFixed(1).padStart(7)} s  ${text}`);
  }
  step(text) {
    this.log(text);
    if (this.verbose) console.log(`  ${this.lines.at(-1)}`);
  }
  defer(undo) {
    this.#deferred.push(undo);
  }
  artefact(name) {
    const directory = join(root, 'test-artefacts', this.test.suite);
    mkdirSync(directory, { recursive: true });
    return join(directory, name);
  }
  skip(reason) {
    throw new Skip(reason);
  }
  async end() {
    for (const undo of this.#deferred.reverse()) {
      try {
        await undo();
      } catch (error) {
        this.log(`cleaning up: ${error.message}`);
      }
    }
  }
}

async function runOne(test, { verbose, strict }) {
  const missing = (await Promise.all(test.needs.map(whyNot))).filter(Boolean);
  if (missing.length > 0) return { status: strict ? 'failed' : 'skipped', reason: missing.join('; '), seconds: 0, lines: [], final: true };
  const context = new Context(test, verbose);
  const limit = new AbortController();
  let result = { status: 'passed', reason: '' };
  try {
    const late = sleep(test.seconds * 1000, undefined, { signal: limit.signal }).then(() => {
      throw new Error(`not done within ${test.seconds} s`);
    });
    late.catch(() => {});
    await Promise.race([test.body(context), late]);
  } catch (error) {
    result =
      error instanceof Skip
        ? { status: strict ? 'failed' : 'skipped', reason: error.message, final: true }
        : { status: 'failed', reason: error.stack ?? String(error) };
  }
  limit.abort();
  const seconds = context.elapsed;
  await context.end();
  return { ...result, seconds, lines: context.lines };
}

function report(test, result) {
  const mark = { passed: 'ok  ', failed: 'FAIL', skipped: 'skip' }[result.status];
  console.log(`${mark} ${test.suite}: ${test.title} (${result.seconds.toFixed(1)} s)`);
  if (result.status === 'skipped') console.log(`     skipped: ${result.reason}`);
  if (result.status === 'failed') {
    for (const line of result.lines.slice(-40)) console.log(`     ${line}`);
    console.log(`     ${result.reason.split('\n').slice(0, 8).join('\n     ')}`);
  }
}

/** Runs the chosen tests; those that name the same lane run one after another, the lanes side by side. */
export async function run(tests, { verbose = false, strict = process.env.CI === 'true', results } = {}) {
  const lanes = new Map();
  for (const test of tests) lanes.set(test.lane, [...(lanes.get(test.lane) ?? []), test]);
  const all = [];
  const again = [];
  await Promise.all(
    [...lanes.values()].map(async (lane) => {
      for (const test of lane) {
        const result = await runOne(test, { verbose, strict });
        report(test, result);
        all.push({ suite: test.suite, title: test.title, ...result });
        if (result.status === 'failed' && !result.final && lanes.size > 1) again.push([test, all.at(-1)]);
      }
    }),
  );
  for (const [test, first] of again.length <= mostRepeated ? again : []) {
    console.log(`once more, alone: ${test.suite}: ${test.title}`);
    const second = await runOne(test, { verbose, strict });
    report(test, second);
    if (second.status === 'passed') Object.assign(first, second, { unsteady: true, reason: `failed beside others: ${first.reason}` });
  }
  if (results) writeFileSync(results, JSON.stringify(all, null, 1));
  return all;
}

/** Polls until `condition` gives something truthy; never forever. */
export async function until(condition, { seconds = 15, every = 50, what = String(condition) } = {}) {
  for (const started = Date.now(); ; ) {
    const value = await condition();
    if (value) return value;
    if (Date.now() - started > seconds * 1000) throw new Error(`after ${seconds} s still not: ${what}`);
    await sleep(every);
  }
}
