// Real Chromium for tests: headless with a prepared profile in which file:// pages may write chosen directories, so that
// no prompt stands in the way. That profile is an internal format of Chromium; chromium.e2e.mjs is the canary for it.
// Where the prompt itself is under test, display.mjs starts Chromium under Xvfb.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { require } from './paths.mjs';
import { Child } from './processes.mjs';

// Loaded on first use: the suites can be listed without npm packages.
const playwright = () => require('playwright-core').chromium;

const switches = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-default-apps', '--disable-domain-reliability', '--no-pings'];

/** Writes preferences in which every file:// page of this profile, and pages of the origins, may read and write the directories. */
export function permitDirectories(profile, directories, origins = []) {
  const microsecondsSince1601 = String((Date.now() + 11_644_473_600_000) * 1000);
  const objects = directories.map((path) => ({
    'display-name': basename(path), 'is-directory': true, path, readable: true, writable: true,
  }));
  const pages = ['file:///*', ...origins.map((origin) => new URL(origin).origin)];
  const entry = (setting) => Object.fromEntries(pages.map((page) => [`${page},*`, { last_modified: microsecondsSince1601, setting }]));
  mkdirSync(join(profile, 'Default'), { recursive: true });
  writeFileSync(join(profile, 'Default', 'Preferences'), JSON.stringify({
    profile: { content_settings: { exceptions: {
      file_system_access_chooser_data: entry({ 'chosen-objects': objects }),
      file_system_access_extended_permission: entry(1),
    } } },
  }));
}

/**
 * A browser with one persistent profile. `directories`: permitted without a prompt, on file:// and on `origins`. `profile`: an earlier one, to come
 * back to. `prefix`: runs Chromium under that command (a network namespace). `env`, `headless`: for
 * display.mjs.
 */
export async function openBrowser(t, { directories = [], origins = [], profile, prefix = [], env, headless = true, more = [], viewport, javaScript = true } = {}) {
  const home = profile ?? mkdtempSync(join(t.directory, 'profile-'));
  if (!profile && directories.length > 0) permitDirectories(home, directories.map((path) => resolve(path)), origins);
  const context = await playwright().launchPersistentContext(home, {
    executablePath: prefix.length > 0 ? wrapper(t, prefix) : '/usr/bin/chromium',
    headless,
    viewport: viewport === undefined ? { width: 1000, height: 760 } : viewport,
    acceptDownloads: true,
    javaScriptEnabled: javaScript,
    args: [...switches, ...more],
    env: { ...(env ?? process.env), TMPDIR: t.directory },
  });
  context.profile = home;
  context.setDefaultTimeout(20_000);
  t.defer(() => context.close());
  return context;
}

/**
 * A browser without anything that automation adds, for what depends on it: hidden tabs are hidden and sleep as they do for
 * people. On a display.
 */
export async function openPlainBrowser(t, { directories, display, more = [] }) {
  const home = mkdtempSync(join(t.directory, 'profile-'));
  permitDirectories(home, directories.map((path) => resolve(path)));
  const child = new Child(['chromium', ...switches, ...more, `--user-data-dir=${home}`, '--remote-debugging-port=0', 'about:blank'], { env: { ...display.env, TMPDIR: t.directory } });
  t.defer(() => child.stop());
  const address = await child.until(() => child.errors.map((line) => /DevTools listening on (ws:\S+)/.exec(line)?.[1]).find(Boolean), { seconds: 30, what: 'an address to control it' });
  const browser = await playwright().connectOverCDP(address, { noDefaults: true });
  t.defer(() => browser.close());
  return browser.contexts()[0];
}

function wrapper(t, prefix) {
  const path = join(t.directory, `chromium-${prefix.join('-').replace(/[^a-z0-9]+/gi, '-')}`);
  writeFileSync(path, `#!/bin/sh\nexec ${prefix.join(' ')} /usr/bin/chromium "$@"\n`, { mode: 0o755 });
  return path;
}

/** The first tab, on that file; what the page says on its console goes to the test's log. */
export async function openPage(t, context, file, { fragment = '' } = {}) {
  const page = context.pages()[0] ?? (await context.newPage());
  watch(t, page);
  await page.goto(pathToFileURL(file).href + fragment);
  return page;
}

export function watch(t, page) {
  page.on('console', (message) => t.log(`page ${message.type()}: ${message.text().slice(0, 400)}`));
  page.on('pageerror', (error) => t.log(`page error: ${error.stack ?? error.message}`));
}

/** Drops a directory on the page as a file manager does. */
export async function dropDirectory(page, directory, { x = 200, y = 200 } = {}) {
  const cdp = await page.context().newCDPSession(page);
  const data = { items: [], files: [resolve(directory)], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop']) await cdp.send('Input.dispatchDragEvent', { type, x, y, data });
  await cdp.detach();
}
