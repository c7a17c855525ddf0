// run.mjs [--preset P] [--list] [NAME…]: every test of the project, counted. ./dev test builds, then comes here.
// Programs known to ctest (GoogleTest and corpora), the checks and tests of web/, the end-to-end suites, conformance. With names,
// only those whose name starts so. The last line is "N passed, N failed, N skipped".
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { whyNot } from './support/needs.mjs';
import { root } from './support/paths.mjs';

const { values, positionals: names } = parseArgs({
  allowPositionals: true,
  options: { preset: { type: 'string', default: 'dev' }, list: { type: 'boolean' } },
});
const build = join(root, 'build', values.preset);
const reports = join(build, 'reports');
const strict = process.env.CI === 'true';
const programsOnly = values.preset !== 'dev';
const counts = { passed: 0, failed: 0, skipped: 0 };
const failures = [];
const skips = [];
const unsteady = [];

function count(status, name, detail = '') {
  counts[status] += 1;
  if (status === 'failed') failures.push(detail ? `${name}: ${detail}` : name);
  if (status === 'skipped') skips.push(detail ? `${name}: ${detail}` : name);
}

/** The results that a suite of ours left. What failed beside others and passed alone has passed, and is told. */
function countResults(report) {
  for (const { suite, title, status, reason, ...result } of JSON.parse(readFileSync(report, 'utf8'))) {
    const [name, why] = [`${suite}: ${title}`, reason.split('\n')[0]];
    count(status, name, why);
    if (result.unsteady) unsteady.push(`${name}: ${why}`);
  }
}

/** Runs a command; its lines go to `onLine`. Returns { code, tail }. */
function command(argv, { env = {}, onLine = () => {} } = {}) {
  return new Promise((resolve) => {
    const child = spawn(argv[0], argv.slice(1), { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const lines = [];
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (text) => {
        const parts = (rest + text).split('\n');
        rest = parts.pop();
        for (const line of parts) {
          lines.push(line);
          onLine(line);
        }
      });
      stream.on('end', () => rest && lines.push(rest));
    }
    child.on('error', (error) => resolve({ code: 127, lines: [String(error)] }));
    child.on('close', (code, signal) => resolve({ code: code ?? signal, lines }));
  });
}

const heading = (text) => console.log(`\n== ${text}`);
const unescape = (text) => text.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&quot;/g, '"').replace(/&apos;/g, "'").replace(/&#x0*A;/gi, '\n').replace(/&amp;/g, '&');
const attribute = (tag, name) => unescape(tag.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1] ?? '');

// ------------------------------------------------------------------------------------------- programs known to ctest

function programs() {
  const listed = spawnSync('ctest', ['-N', '--test-dir', build], { encoding: 'utf8' });
  return [...listed.stdout.matchAll(/Test\s+#\d+: (\S+)/g)].map((match) => match[1]);
}

/** The cases of one GoogleTest report: [{ name, status, detail }]. */
function gtestCases(file) {
  const cases = [];
  for (const [, tag, body = ''] of readFileSync(file, 'utf8').matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const failed = body.match(/<failure message="([^"]*)"/);
    const skipped = attribute(tag, 'result') === 'skipped' || attribute(tag, 'status') === 'notrun' || body.includes('<skipped');
    const reason = body.match(/<skipped message="([^"]*)"/)?.[1] ?? '';
    cases.push({
      name: `${attribute(tag, 'classname')}.${attribute(tag, 'name')}`,
      status: failed ? 'failed' : skipped ? 'skipped' : 'passed',
      detail: unescape(failed?.[1] ?? reason).split('\n').slice(0, 3).join(' '),
      failures: [...body.matchAll(/<failure message="([^"]*)"/g)].map((match) => unescape(match[1])),
    });
  }
  return cases;
}

const suppressions = (name) => {
  const file = join(root, 'tests/support', `${name}.supp`);
  return existsSync(file) ? `suppressions=${file}:` : '';
};
const sanitizerOptions = {
  ASAN_OPTIONS: 'detect_stack_use_after_return=1:strict_string_checks=1',
  LSAN_OPTIONS: suppressions('lsan'),
  UBSAN_OPTIONS: 'print_stacktrace=1',
  TSAN_OPTIONS: `${suppressions('tsan')}second_deadlock_stack=1:history_size=4`,
};

async function runPrograms(chosen) {
  heading(`${chosen.length} test programs`);
  const directory = join(reports, 'gtest');
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const unexplained = []; // a crash, a timeout, a sanitizer: the program's own last words tell
  const onLine = (line) => {
    const ended = line.match(/^\s*\d+\/\d+ Test\s+#\d+: (\S+) \.*\s*(\**\w[^0-9]*?)\s+([\d.]+) sec/);
    if (!ended) return;
    const [, name, outcome, seconds] = ended;
    const file = join(directory, `${name}.xml`);
    const cases = existsSync(file) ? gtestCases(file) : [];
    const passed = outcome.trim() === 'Passed';
    for (const each of cases) count(each.status, `${name} ${each.name}`, each.detail);
    if (cases.length === 0) count(passed ? 'passed' : 'failed', name, passed ? '' : outcome.replace(/\*/g, '').trim());
    else if (!passed && !cases.some((each) => each.status === 'failed')) count('failed', name, 'all its tests passed, then it failed (a leak or a sanitizer?)');
    console.log(`${passed ? 'ok  ' : 'FAIL'} ${name}${cases.length ? `: ${cases.length} tests` : ''} (${seconds} s)`);
    for (const { name: title, failures: messages } of cases.filter((each) => each.status === 'failed')) {
      const text = messages.flatMap((message) => message.split('\n')).slice(0, 14);
      console.log([`     ${title}`, ...text].join('\n       ').slice(0, 2000));
    }
    if (!passed && !cases.some((each) => each.status === 'failed')) unexplained.push(name);
  };
  const exact = `^(${chosen.join('|')})$`;
  const { code, lines } = await command(
    ['ctest', '--test-dir', build, '-j2', '--timeout', programsOnly ? '900' : '300', '-R', exact, '--output-on-failure'],
    { env: { GTEST_OUTPUT: `xml:${directory}/`, GTEST_BRIEF: '1', ...sanitizerOptions }, onLine },
  );
  for (const name of unexplained) {
    const from = lines.findIndex((line) => /^\s*\d+\/\d+ Test\s/.test(line) && line.includes(`: ${name} `));
    const length = lines.slice(from + 1).findIndex((line) => /^\s+(Start\s+\d+:|\d+\/\d+ Test\s)|^\d+% tests/.test(line));
    const output = lines.slice(from + 1, length < 0 ? undefined : from + 1 + length);
    const report = output.findIndex((line) => /ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:/.test(line));
    console.log(`-- ${name}\n${(report >= 0 ? output.slice(report, report + 50) : output.slice(-30)).join('\n')}`);
  }
  if (code !== 0 && counts.failed === 0) count('failed', 'ctest', lines.slice(-3).join(' '));
}

// ------------------------------------------------------------------------------------------- web/

async function runWeb() {
  heading('web: types, lint, format, unit and browser tests');
  const lacking = await whyNot('chromium');
  if (lacking && strict) count('failed', 'web: browser tests', lacking);
  const report = join(reports, 'vitest.json');
  rmSync(report, { force: true });
  const { code, lines } = await command(
    ['npm', '--prefix', 'web', 'run', '--silent', 'check', '--', '--retry=1', '--reporter=json', '--reporter=dot', `--outputFile.json=${report}`],
    { env: { OWNDIR_PRESET: values.preset } },
  );
  if (!existsSync(report)) {
    count('failed', 'web: types, lint and format', `npm --prefix web run check ended with ${code}`);
    console.log(lines.slice(-40).join('\n'));
    return;
  }
  count('passed', 'web: types, lint and format');
  let tests = 0;
  let bad = 0;
  for (const file of JSON.parse(readFileSync(report, 'utf8')).testResults) {
    const where = file.name.slice(file.name.indexOf('/web/') + 1);
    for (const test of file.assertionResults) {
      tests += 1;
      const status = { passed: 'passed', failed: 'failed' }[test.status] ?? 'skipped';
      if (status === 'failed') bad += 1;
      const [first = ''] = (test.failureMessages?.[0] ?? '').split('\n');
      count(status, `${where} ${test.fullName}`, first);
      if (status === 'passed' && first) unsteady.push(`${where} ${test.fullName}: ${first}`);
    }
    if (file.assertionResults.length === 0 && file.status === 'failed') {
      bad += 1;
      count('failed', where, (file.message ?? '').split('\n')[0]);
    }
  }
  if (code !== 0 && bad === 0) count('failed', 'web: vitest', `ended with ${code}`);
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'} web: ${tests} tests`);
  if (code !== 0) console.log(lines.slice(-60).join('\n'));
}

// ------------------------------------------------------------------------------------------- end to end

function e2eSuites() {
  const listed = spawnSync('node', [join(root, 'tests/e2e/run.mjs'), '--list'], { encoding: 'utf8', cwd: root });
  if (listed.status !== 0) throw new Error(listed.stderr);
  return listed.stdout.trim().split('\n').map((line) => line.split(' ')[0]);
}

async function runE2e(chosen) {
  heading('end to end: browser, Syncthing, NATs, side by side');
  const report = join(reports, 'e2e.json');
  rmSync(report, { force: true });
  const { code, lines } = await command(['node', 'tests/e2e/run.mjs', '--quiet', '--results', report, ...chosen], {
    env: { OWNDIR_PRESET: values.preset },
    onLine: (line) => /^\d+ passed, \d+ failed/.test(line) || console.log(line),
  });
  if (!existsSync(report)) {
    count('failed', 'end to end', `ended with ${code}: ${lines.slice(-2).join(' ')}`);
    return;
  }
  countResults(report);
}

async function runConformance() {
  heading('conformance: the same by every way');
  const report = join(reports, 'conformance.json');
  rmSync(report, { force: true });
  const lacking = (await Promise.all(['chromium', 'owndir'].map(whyNot))).find(Boolean);
  if (lacking) return count(strict ? 'failed' : 'skipped', 'conformance', lacking);
  const { code, lines } = await command(['node', 'tests/conformance/run.mjs', '--quiet', '--results', report], { env: { OWNDIR_PRESET: values.preset }, onLine: console.log });
  if (!existsSync(report)) return count('failed', 'conformance', `ended with ${code}: ${lines.slice(-2).join(' ')}`);
  countResults(report);
}

// ------------------------------------------------------------------------------------------- all of it

const startsLikeOne = (name) => names.length === 0 || names.some((wanted) => name.startsWith(wanted));
const all = { programs: programs(), web: ['web'], e2e: programsOnly ? [] : e2eSuites(), conformance: programsOnly ? [] : ['conformance'] };
if (programsOnly) all.web = [];
if (values.list) {
  console.log(`programs  ${all.programs.join(' ')}\nweb       web\ne2e       ${all.e2e.join(' ')}\nother     ${all.conformance.join(' ')}`);
  process.exit(0);
}
const chosen = Object.fromEntries(Object.entries(all).map(([kind, list]) => [kind, list.filter(startsLikeOne)]));
const unknown = names.find((wanted) => !Object.values(all).flat().some((name) => name.startsWith(wanted)));
if (unknown) {
  console.error(`./dev test: nothing is called ${unknown}…; ./dev test --list names everything`);
  process.exit(2);
}

const started = Date.now();
mkdirSync(reports, { recursive: true });
if (chosen.programs.length > 0) await runPrograms(chosen.programs);
if (chosen.web.length > 0) await runWeb();
if (chosen.e2e.length > 0) await runE2e(chosen.e2e);
if (chosen.conformance.length > 0) await runConformance();

heading(`done in ${Math.round((Date.now() - started) / 1000)} s`);
for (const skip of skips) console.log(`skipped  ${skip}`);
for (const line of unsteady) console.log(`unsteady ${line}`);
for (const failure of failures) console.log(`failed   ${failure}`);
const total = counts.passed + counts.failed + counts.skipped;
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(counts.failed > 0 || total === 0 ? 1 : 0);
