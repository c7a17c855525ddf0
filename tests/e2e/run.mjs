// run.mjs [SUITE…] [options]: the end-to-end suites. ./dev e2e and ./dev soak come here, ./dev test too.
//   --soak            the tests that take long, and only these
//   --only TEXT       tests whose title contains TEXT
//   --results FILE    also as JSON
//   --list            names the suites
//   syncthing --watcher-delay S              one run with that delay
//   nat --a KIND --b KIND --answer-delay S [--client native|chromium] [--turn]     one cell
import { readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { known, run } from '../support/harness.mjs';
import { natCell } from './nat.e2e.mjs';
import { syncthingRun } from './syncthing.e2e.mjs';

const { values, positionals } = (() => {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        soak: { type: 'boolean' }, list: { type: 'boolean' }, only: { type: 'string' }, results: { type: 'string' },
        quiet: { type: 'boolean' }, a: { type: 'string' }, b: { type: 'string' }, 'answer-delay': { type: 'string' },
        client: { type: 'string' }, turn: { type: 'boolean' }, 'watcher-delay': { type: 'string' },
      },
    });
  } catch (error) {
    console.error(`./dev e2e: ${error.message}`);
    process.exit(2);
  }
})();

for (const file of readdirSync(new URL('.', import.meta.url)).sort()) {
  if (file.endsWith('.e2e.mjs')) await import(`./${file}`);
}
if (values.list) {
  for (const [name, tests] of known()) console.log(`${name.padEnd(12)} ${tests.length} tests`);
  process.exit(0);
}

function chosen() {
  const [first] = positionals;
  if (first === 'nat' && (values.a || values.b || values['answer-delay'] || values.client)) {
    return natCell({ a: values.a ?? 'port', b: values.b ?? 'port', answerDelay: Number(values['answer-delay'] ?? 2), client: values.client, turn: values.turn });
  }
  if (first === 'syncthing' && values['watcher-delay']) return [syncthingRun(Number(values['watcher-delay']))];
  const unknown = positionals.find((name) => !known().has(name));
  if (unknown) {
    console.error(`./dev e2e: no suite ${unknown}; there are: ${[...known().keys()].join(' ')}`);
    process.exit(2);
  }
  return [...known().values()]
    .flat()
    .filter((test) => (positionals.length === 0 || positionals.includes(test.suite)) && test.soak === Boolean(values.soak))
    .filter((test) => !values.only || test.title.includes(values.only));
}

const tests = (() => {
  try {
    return chosen();
  } catch (error) {
    console.error(`./dev e2e: ${error.message}`);
    process.exit(2);
  }
})();
// Alone on the screen, a test may tell its steps as they happen.
const verbose = !values.quiet && new Set(tests.map((test) => test.lane)).size <= 1;
const all = await run(tests, { verbose, results: values.results });
const count = (status) => all.filter((result) => result.status === status).length;
for (const { suite, title } of all.filter((result) => result.unsteady)) console.log(`unsteady: ${suite}: ${title}`);
console.log(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
process.exit(count('failed') > 0 ? 1 : 0);
