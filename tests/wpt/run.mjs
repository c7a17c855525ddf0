// run.mjs [options]: web-platform-tests of HTTP, XMLHttpRequest, WebSocket and EventSource in real Chromium against wptserve,
// directly and through `owndir proxy` and `owndir connect`; what differs is printed. ./dev conformance wpt comes here.
//   --only TEXT   test files whose path contains TEXT; may be repeated
//   --skip TEXT   leaves out those that contain TEXT; may be repeated
//   --jobs N      so many side by side (4)
//   --list        names the test files
// What differs is run again, alone. docs/limits.md may name files that cannot be the same. All verdicts are kept in
// test-artefacts/wpt.json.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Context } from '../support/harness.mjs';
import { whyNot } from '../support/needs.mjs';
import { root } from '../support/paths.mjs';
import { openBrowser, runAlone, runTests } from './browser.mjs';
import { differing, judge, verdicts } from './compare.mjs';
import { limitName, readLimits } from './limits.mjs';
import { listTests, suites, webPlatformTests } from './source.mjs';
import { startServer, ways } from './ways.mjs';

const again = 2;
const together = 100;

function fail(message) {
  console.error(`./dev conformance wpt: ${message}`);
  process.exit(2);
}

function options() {
  try {
    return parseArgs({ options: { only: { type: 'string', multiple: true }, skip: { type: 'string', multiple: true }, jobs: { type: 'string', default: '4' }, list: { type: 'boolean' } } }).values;
  } catch (error) {
    return fail(error.message);
  }
}

/** Every test by each way, some at a time, so that what differs shows early; way → path → result. */
async function runAll(browsers, tests, ports, jobs) {
  const results = Object.fromEntries(Object.keys(browsers).map((way) => [way, new Map()]));
  const started = Date.now();
  let told = 0;
  const tell = (way) => {
    if (Date.now() - told < 15_000) return;
    told = Date.now();
    console.log(`  ${way}: ${results[way].size} of ${tests.length} files, ${Math.round((told - started) / 1000)} s`);
  };
  for (let from = 0; from < tests.length; from += together) {
    const some = tests.slice(from, from + together);
    for (const way of Object.keys(browsers)) {
      const done = ({ path }, result) => {
        results[way].set(path, result);
        tell(way);
      };
      await runTests(browsers[way], some, ports, { jobs, done });
    }
    const differ = some.filter(({ path }) => differing(results.direct.get(path), results.connect.get(path)).length > 0);
    for (const { path } of differ) console.log(`  differs at first: ${path}`);
  }
  console.log(`  ${tests.length} files by each way in ${Math.round((Date.now() - started) / 1000)} s`);
  return results;
}

/** Runs the differing files again, alone; gives [{ path, name, direct, connect, verdict, message }] of their parts. */
async function lookCloser(browsers, different, ports) {
  const found = [];
  for (const [i, { test, parts, first }] of different.entries()) {
    console.log(`  again, alone: ${i + 1} of ${different.length}  ${test.path}`);
    const seen = { direct: [first.direct], connect: [first.connect] };
    for (let time = 0; time < again; time += 1)
      for (const way of Object.keys(seen)) seen[way].push(await runAlone(browsers[way], test, ports));
    const last = seen.connect.at(-1);
    const names = new Set(parts.map(([name]) => name));
    for (let time = 1; time <= again; time += 1) for (const [name] of differing(seen.direct[time], seen.connect[time])) names.add(name);
    for (const name of names) {
      const [direct, connect] = Object.values(seen).map((results) => results.map((result) => verdicts(result).get(name) ?? 'ABSENT'));
      const message = last.error ?? (name === '' ? last.harness[1] : last.tests.find(([each]) => each === name)?.[2]) ?? '';
      found.push({ path: test.path, name, direct, connect, verdict: judge(direct, connect), message });
    }
  }
  return found;
}

function table(tests, results, found) {
  const rows = suites.map((suite) => {
    const mine = ({ path }) => path.startsWith(`/${suite}/`);
    const files = tests.filter(mine);
    const parts = files.flatMap(({ path }) => [...verdicts(results.direct.get(path))].filter(([name]) => name !== ''));
    const count = (verdict) => found.filter((each) => mine(each) && each.verdict === verdict).length;
    return [suite, files.length, parts.length, parts.filter(([, verdict]) => verdict === 'PASS').length, count('unsteady'), count('known'), count('differs')];
  });
  const total = ['all', ...[1, 2, 3, 4, 5, 6].map((i) => rows.reduce((sum, row) => sum + row[i], 0))];
  const head = ['', 'files', 'parts', 'pass directly', 'unsteady directly', 'limits', 'differ'];
  return [head, ...rows, total].map((row) => row.map((cell, i) => (i === 0 ? String(cell).padEnd(12) : String(cell).padStart(Math.max(7, head[i].length + 2)))).join('')).join('\n');
}

async function main() {
  const { only, skip = [], jobs, list } = options();
  if (!(Number(jobs) >= 1 && Number(jobs) <= 32)) fail('--jobs is a number from 1 to 32');
  const { tree, version } = webPlatformTests(console.log);
  const tests = listTests(tree).filter(({ path }) => (!only || only.some((text) => path.includes(text))) && !skip.some((text) => path.includes(text)));
  if (list || tests.length === 0) {
    for (const { path } of tests) console.log(path);
    console.log(`${tests.length} files`);
    return tests.length === 0 ? 2 : 0;
  }
  const missing = (await Promise.all(['chromium', 'owndir'].map(whyNot))).filter(Boolean);
  if (missing.length > 0) fail(missing.join('; '));
  copyFileSync(join(root, 'tests/wpt/report.js'), join(tree, 'resources/testharnessreport.js'));

  const t = new Context({ suite: 'wpt', title: 'wpt' }, false);
  const browsers = {};
  let [results, found] = [{}, []];
  try {
    const ports = await startServer(t, tree);
    console.log(`${tests.length} files of the web-platform-tests in ${version}`);
    for (const way of Object.keys(ways)) browsers[way] = await openBrowser(t, await ways[way](t, ports));
    results = await runAll(browsers, tests, ports, Number(jobs));
    const differ = tests.map((test) => ({ test, first: { direct: results.direct.get(test.path), connect: results.connect.get(test.path) } }))
      .map((each) => ({ ...each, parts: differing(each.first.direct, each.first.connect) })).filter(({ parts }) => parts.length > 0);
    console.log(`  ${differ.length} files with a difference`);
    found = await lookCloser(browsers, differ, ports);
  } finally {
    await t.end();
  }
  const limits = readLimits();
  for (const each of found) if (each.verdict === 'differs' && limits.has(limitName(each.path))) each.verdict = 'known';
  const stale = [...limits.keys()].filter((name) => tests.some(({ path }) => limitName(path) === name) && !found.some((each) => limitName(each.path) === name && each.verdict === 'known'));
  const broken = [...stale.map((path) => `docs/limits.md names ${path}, which does not differ`), ...t.lines.filter((line) => line.includes('cleaning up: '))];
  const told = found.filter(({ verdict }) => verdict !== 'same').map(({ path, name, direct, connect, verdict, message }) =>
    `${verdict.padEnd(9)} ${path}\n          ${name || 'the file'}: directly ${direct.join(', ')}; connect ${connect.join(', ')}${verdict === 'differs' && message ? `\n          ${message.slice(0, 300)}` : ''}`);
  const text = [table(tests, results, found), ...told, ...broken].join('\n');
  mkdirSync(join(root, 'test-artefacts'), { recursive: true });
  writeFileSync(join(root, 'test-artefacts/wpt.txt'), `${version}\n${text}\n`);
  writeFileSync(join(root, 'test-artefacts/wpt.json'), JSON.stringify({ version, found, results: Object.fromEntries(Object.entries(results).map(([way, all]) => [way, Object.fromEntries(all)])) }));
  console.log(text);
  return broken.length > 0 || found.some(({ verdict }) => verdict === 'differs') ? 1 : 0;
}

process.exit(await main());
