// Runs test files in Chromium, some side by side.
import { require } from '../support/paths.mjs';

const switches = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-pings',
  '--autoplay-policy=no-user-gesture-required', '--mute-audio'];
/** Beyond what the test file gives itself. */
const patience = 8;
const filesPerContext = 50;

export async function openBrowser(t, rules) {
  const { chromium } = require('playwright-core');
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: [...switches, `--host-resolver-rules=${rules}`], env: { ...process.env, TMPDIR: t.directory } });
  t.defer(() => browser.close());
  return browser;
}

/** Where a test file is: its name says what it must come by. */
export function urlOf(path, ports) {
  const flags = new URLSearchParams(path.split('?')[1]).getAll('wpt_flags');
  const has = (flag) => flags.includes(flag) || path.split('?')[0].includes(`.${flag}.`);
  if (has('h2')) return `https://web-platform.test:${ports.h2[0]}${path}`;
  if (has('https')) return `https://web-platform.test:${ports.https[0]}${path}`;
  return `http://web-platform.test:${ports.http[0]}${path}`;
}

/** { harness: [status, message], tests: [[name, status, message]] }, or { error }. Never later than its time. */
async function runIn(page, { path, seconds }, ports) {
  try {
    await page.goto(urlOf(path, ports), { waitUntil: 'commit', timeout: 20_000 });
    const found = await page.waitForFunction(() => globalThis.owndirFound, undefined, { timeout: (seconds + patience) * 1000, polling: 50 });
    return await found.jsonValue();
  } catch (error) {
    return { error: error.message.split('\n')[0] };
  }
}

async function openPage(browser) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  page.on('dialog', (dialog) => void dialog.dismiss().catch(() => {}));
  return page;
}

/** In a browser context of its own: no cookies and caches of others. */
export async function runAlone(browser, test, ports) {
  const page = await openPage(browser);
  const result = await runIn(page, test, ports);
  await page.context().close().catch(() => {});
  return result;
}

/** All of them, `jobs` at a time; `done(test, result)` after each. A context serves a number of files, until one fails to end. */
export async function runTests(browser, tests, ports, { jobs, done }) {
  const waiting = [...tests];
  const work = async () => {
    let [page, used] = [undefined, 0];
    for (let test = waiting.shift(); test; test = waiting.shift()) {
      page ??= await openPage(browser);
      const result = await runIn(page, test, ports);
      done(test, result);
      if (result.error === undefined && result.harness[0] !== 2 && (used += 1) < filesPerContext) continue;
      await page.context().close().catch(() => {});
      [page, used] = [undefined, 0];
    }
    await page?.context().close().catch(() => {});
  };
  await Promise.all(Array.from({ length: jobs }, work));
}
