// A small fixed part of the web-platform-tests, directly and through `owndir connect`: the same verdicts, and passes.
// All of them: ./dev conformance wpt.
import assert from 'node:assert/strict';
import { suite } from '../support/harness.mjs';
import { openBrowser, runAlone, runTests } from '../wpt/browser.mjs';
import { differing, verdicts } from '../wpt/compare.mjs';
import { startSubset, subsetTests } from '../wpt/subset_server.mjs';
import { ways } from '../wpt/ways.mjs';

async function runWay(t, way, tests, ports) {
  const browser = await openBrowser(t, await ways[way](t, ports));
  const results = new Map();
  await runTests(browser, tests, ports, { jobs: 2, done: ({ path }, result) => results.set(path, result) });
  for (const test of tests) if ([...verdicts(results.get(test.path)).values()].some((verdict) => !['OK', 'PASS'].includes(verdict))) results.set(test.path, await runAlone(browser, test, ports));
  t.step(`${way}: ${results.size} files`);
  return results;
}

suite('wpt', (test) => {
  test('a part of the web-platform-tests gives the same through connect', { needs: ['owndir', 'chromium'], seconds: 240, lane: 'wpt' }, async (t) => {
    const ports = { http: [await startSubset(t)] };
    const tests = subsetTests();
    const [direct, connect] = [await runWay(t, 'direct', tests, ports), await runWay(t, 'connect', tests, ports)];
    const differences = tests.flatMap(({ path }) => differing(direct.get(path), connect.get(path)).map((difference) => `${path} ${difference.join(' | ')}`));
    assert.equal(differences.join('\n'), '');
    const failed = tests.flatMap(({ path }) => [...verdicts(connect.get(path))].filter(([, verdict]) => !['OK', 'PASS'].includes(verdict)).map((verdict) => `${path} ${verdict.join(' | ')}`));
    assert.equal(failed.join('\n'), '');
  });
});
