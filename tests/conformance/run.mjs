// run.mjs [options]: the conformance suite. Every case runs in real Chromium against one upstream, directly and by each other
// way; what the direct way gives is what the others must give. ./dev test conformance comes here.
//   --way W         that way alone, with direct (connect, sw, file); may be repeated
//   --only TEXT     cases whose name contains TEXT; may be repeated
//   --list          names the cases
//   --quiet         prints only what fails
//   --results FILE  a JSON list for tests/run.mjs
// The table is kept in test-artefacts/conformance.txt, all values in conformance.json.
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Context } from '../support/harness.mjs';
import { whyNot } from '../support/needs.mjs';
import { root } from '../support/paths.mjs';
import { cases } from './cases/index.mjs';
import { mostLimits, readLimits } from './limits.mjs';
import { startUpstream } from './upstream.mjs';
import { usual, ways } from './ways.mjs';

const { values } = (() => {
  try {
    return parseArgs({ options: { way: { type: 'string', multiple: true }, only: { type: 'string', multiple: true }, list: { type: 'boolean' }, quiet: { type: 'boolean' }, results: { type: 'string' } } });
  } catch (error) {
    console.error(`./dev test conformance: ${error.message}`);
    process.exit(2);
  }
})();
const unknown = values.way?.find((way) => !(way in ways));
if (unknown) {
  console.error(`./dev test conformance: no way ${unknown}; there are: ${Object.keys(ways).join(' ')}`);
  process.exit(2);
}
const twice = cases.map(({ name }) => name).find((name, i, all) => all.indexOf(name) !== i);
if (twice) throw new Error(`two cases are called "${twice}"`);
const chosen = cases.filter(({ name }) => !values.only || values.only.some((text) => name.includes(text)));
if (values.list || chosen.length === 0) {
  for (const { name } of chosen) console.log(name);
  console.log(`${chosen.length} cases`);
  process.exit(chosen.length === 0 ? 2 : 0);
}

const mostRepeated = 4;
const say = (text) => values.quiet || console.log(text);

/** One case in the page; never longer than its time. */
async function runCase(frame, one) {
  const unique = `c${randomBytes(4).toString('hex')}`;
  const stop = new AbortController();
  const late = sleep(one.seconds * 1000, { error: `not done within ${one.seconds} s`, hung: true }, { signal: stop.signal });
  late.catch(() => {});
  const ran = frame.evaluate(([name, id]) => globalThis.conformance.run(name, id), [one.name, unique]).catch((error) => ({ error: `the page went away: ${error.message.split('\n')[0]}` }));
  const result = await Promise.race([ran, late]);
  stop.abort();
  return result;
}

/** The chosen cases by one way; a fresh browser. */
async function runWay(name, upstream, chosen) {
  const t = new Context({ suite: 'conformance', title: name }, false);
  const results = new Map();
  let broken = '';
  try {
    const missing = (await Promise.all((name === 'direct' ? ['chromium'] : ['chromium', 'owndir']).map(whyNot))).filter(Boolean);
    if (missing.length > 0) throw new Error(missing.join('; '));
    let absent = 0;
    let { page, frame, again } = await ways[name](t, { name: 'conformance', origin: upstream.origin, isIt: () => typeof globalThis.conformance === 'object' });
    for (const one of chosen) {
      const started = Date.now();
      if (frame === undefined) {
        frame = await again().catch((error) => {
          results.set(one.name, { error: `the page did not come again: ${error.message}`, seconds: (Date.now() - started) / 1000 });
          say(`  ${name} ${one.name}: the page did not come again`);
        });
        if (frame === undefined && (absent += 1) >= 3) throw new Error('three times the page did not come again');
        if (frame === undefined) continue;
        absent = 0;
      }
      const result = await runCase(frame, one);
      results.set(one.name, { ...result, seconds: (Date.now() - started) / 1000 });
      if (result.error) {
        await page.screenshot({ path: t.artefact(`${name} ${one.name}.png`.replace(/[^a-z0-9.]+/gi, '-')) }).catch(() => {});
        say(`  ${name} ${one.name}: ${result.error}`);
        frame = undefined; // the next case gets a fresh page
      }
    }
  } catch (error) {
    broken = error.message;
    for (const one of chosen) if (!results.has(one.name)) results.set(one.name, { error: broken, seconds: 0, broken: true });
    for (const line of t.lines.slice(-20)) say(`    ${line}`);
  } finally {
    await t.end();
  }
  return { results, broken, seconds: t.elapsed, mess: t.lines.filter((line) => line.includes('cleaning up: ')) };
}

/** 'passed' | 'limit' | 'failed' with the reason. */
function judge(one, way, got, expected, limits) {
  const reason = limits.get(one.name)?.get(way);
  const why =
    got.error !== undefined ? got.error
    : way !== 'direct' && expected.error !== undefined ? `nothing to compare with: ${expected.error}`
    : JSON.stringify(got.value) !== JSON.stringify(expected.value) ? `differs: ${JSON.stringify(got.value)} instead of ${JSON.stringify(expected.value)}`
    : '';
  if (why !== '') return reason ? { status: 'limit', why: reason } : { status: 'failed', why };
  return reason ? { status: 'failed', why: `it works, but docs/limits.md still says that it does not: ${reason}` } : { status: 'passed', why: '' };
}

const marks = { passed: 'ok', failed: 'FAIL', limit: 'limit' };

function table(names, rows) {
  const width = Math.max(...rows.map(({ name }) => name.length));
  const line = (first, cells) => `${first.padEnd(width)}  ${cells.map((cell) => cell.padEnd(8)).join('')}`.trimEnd();
  return [line('', names), ...rows.map(({ name, verdicts }) => line(name, names.map((way) => marks[verdicts[way].status])))].join('\n');
}

const names = ['direct', ...(values.way ?? usual).filter((way) => way !== 'direct')];
const upstream = await startUpstream();
const done = {};
for (const way of names) {
  say(`== ${way}: ${chosen.length} cases`);
  done[way] = await runWay(way, upstream, chosen);
  say(`   ${done[way].seconds.toFixed(0)} s`);
}

const limits = readLimits();
const verdict = (one, way, all) => judge(one, way, all[way].results.get(one.name), all.direct.results.get(one.name), limits);
const rows = chosen.map((one) => ({ name: one.name, verdicts: Object.fromEntries(names.map((way) => [way, verdict(one, way, done)])) }));

// A few that differ are tried once more, with the direct way, in fresh browsers: a busy machine is late now and then. Both outcomes are told.
const unsteady = [];
const differing = rows.filter(({ verdicts }) => names.some((way) => verdicts[way].status === 'failed'));
if (differing.length > 0 && differing.length <= mostRepeated) {
  const ones = chosen.filter(({ name }) => differing.some((row) => row.name === name));
  const second = {};
  for (const way of names.filter((name) => name === 'direct' || differing.some(({ verdicts }) => verdicts[name].status === 'failed'))) second[way] = await runWay(way, upstream, ones);
  for (const row of differing) {
    for (const way of Object.keys(second).filter((name) => row.verdicts[name].status === 'failed')) {
      const now = verdict(ones.find(({ name }) => name === row.name), way, second);
      if (now.status === 'failed') continue;
      unsteady.push({ way, name: row.name, why: row.verdicts[way].why });
      row.verdicts[way] = now;
    }
  }
}
await upstream.close();
const failures = names.filter((way) => done[way].broken).map((way) => `${way}: ${done[way].broken}`);
const told = ({ results }, name) => results.get(name).broken !== true;
failures.push(...rows.flatMap(({ name, verdicts }) => names.filter((way) => verdicts[way].status === 'failed' && told(done[way], name)).map((way) => `${way}  ${name}\n     ${verdicts[way].why.slice(0, 700)}`)));
const gone = [...limits.keys()].filter((name) => !cases.some((one) => one.name === name)).map((name) => `docs/limits.md names a case that there is not: ${name}`);
const tooMany = limits.size > mostLimits ? [`docs/limits.md names ${limits.size} cases; at most ${mostLimits} may be there`] : [];
const mess = names.flatMap((way) => done[way].mess.map((line) => `${way}: ${line.trim()}`));
failures.push(...gone, ...tooMany, ...mess);

const counts = names.map((way) => {
  const count = (status) => rows.filter(({ verdicts }) => verdicts[way].status === status).length;
  return `${way}: ${count('passed')} ok, ${count('failed')} failed, ${count('limit')} limits of ${rows.length} (${done[way].seconds.toFixed(0)} s)`;
});
counts.push(...unsteady.map(({ way, name, why }) => `unsteady: ${way}  ${name}: the second time as it should; at first: ${why.slice(0, 300)}`));
const text = `${table(names, rows)}\n\n${counts.join('\n')}\n${failures.map((failure) => `\nFAIL ${failure}`).join('')}`;
mkdirSync(join(root, 'test-artefacts'), { recursive: true });
writeFileSync(join(root, 'test-artefacts/conformance.txt'), `${text}\n`);
writeFileSync(join(root, 'test-artefacts/conformance.json'), JSON.stringify(rows.map(({ name, verdicts }) => ({ name, ways: Object.fromEntries(names.map((way) => [way, { ...verdicts[way], ...done[way].results.get(name) }])) })), null, 1));
if (values.results) {
  const first = (way, name) => {
    const found = unsteady.find((one) => one.way === way && one.name === name);
    return found ? { unsteady: true, reason: `at first: ${found.why}` } : {};
  };
  const list = rows.flatMap(({ name, verdicts }) => names.map((way) => ({ suite: 'conformance', title: `${way}: ${name}`, status: verdicts[way].status === 'failed' ? 'failed' : 'passed', reason: verdicts[way].why, ...first(way, name) })));
  writeFileSync(values.results, JSON.stringify([...list, ...[...gone, ...tooMany, ...mess].map((reason) => ({ suite: 'conformance', title: 'limits and ends', status: 'failed', reason }))]));
}
console.log(values.quiet ? [...counts, ...failures.map((failure) => `FAIL ${failure}`)].join('\n') : text);
process.exit(failures.length > 0 ? 1 : 0);
