// The ways from a browser to an upstream. A way gives { page, frame, again }: `page` is the tab, `frame` the document of the
// upstream in it, `again(isIt)` loads it anew and gives the new one (isIt: where it is not the same document as at first).
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openBrowser, watch } from '../support/chromium.mjs';
import { Courier } from '../support/courier.mjs';
import { waitForPage } from '../support/folders.mjs';
import { until } from '../support/harness.mjs';
import { connect, proxy } from '../support/owndir.mjs';
import { chooseFolder, whatThePageSays } from '../support/page.mjs';
import { pageOf } from '../support/paths.mjs';
import { serveStatic } from '../support/static.mjs';
import { login } from './upstream/sign_in.mjs';

/** Chromium plays sound and film without a click there. */
const more = ['--autoplay-policy=no-user-gesture-required', '--mute-audio'];

/** The document in those tabs (a function gives them), or in a frame of them, that answers `isIt`. */
export async function documentIn(tabs, isIt, seconds = 30) {
  const frames = () => tabs().flatMap((page) => page.frames());
  return until(
    async () => {
      for (const frame of frames()) if (await frame.evaluate(isIt).catch(() => false)) return frame;
      return undefined;
    },
    { seconds, what: `a document for which ${isIt}` },
  ).catch((error) => {
    throw new Error(`${error.message}; there are: ${frames().map((frame) => frame.url()).join(' ')}`);
  });
}

async function firstTab(t, options) {
  const context = await openBrowser(t, { more, ...options });
  const page = context.pages()[0] ?? (await context.newPage());
  watch(t, page);
  // No question of an app keeps a test in a page that it leaves.
  page.on('dialog', (dialog) => void (dialog.type() === 'beforeunload' ? dialog.accept() : dialog.dismiss()).catch(() => {}));
  return page;
}

/** The person at the browser's own dialog: gives the login, and cancels when it is not taken. */
async function signInToBrowser(page) {
  const session = await page.context().newCDPSession(page);
  const tried = new Set();
  session.on('Fetch.requestPaused', ({ requestId }) => void session.send('Fetch.continueRequest', { requestId }).catch(() => {}));
  session.on('Fetch.authRequired', ({ requestId }) => {
    const answer = tried.has(requestId) ? { response: 'CancelAuth' } : { response: 'ProvideCredentials', username: login.name, password: login.password };
    tried.add(requestId);
    void session.send('Fetch.continueWithAuth', { requestId, authChallengeResponse: answer }).catch(() => {});
  });
  await session.send('Fetch.enable', { handleAuthRequests: true, patterns: [{ urlPattern: '*/auth/*' }] });
}

/** The same at the dialog of the folder's page. */
async function signInToPage(page) {
  await page.addInitScript(({ name, password }) => {
    if (window !== top) return;
    const answer = () => {
      const dialog = document.querySelector('dialog.sign-in[open]:not([data-answered])');
      if (!dialog) return;
      dialog.dataset.answered = '';
      const fields = dialog.querySelectorAll('input');
      if (!dialog.querySelector('[role=alert]').hidden) return dialog.querySelector('button[type=button]').click();
      [fields[0].value, fields[1].value] = [name, password];
      dialog.querySelector('button[type=submit]').click();
    };
    new MutationObserver(answer).observe(document, { subtree: true, childList: true, attributes: true });
  }, login);
}

/** Two folders, a proxy for the app at home, and a courier for a sync. */
async function offered(t, { name, origin }) {
  const [home, away] = ['home', 'away'].map((each) => join(t.directory, each));
  for (const folder of [home, away]) mkdirSync(folder, { recursive: true });
  await proxy(t, home, origin, { args: ['--name', name] });
  new Courier(t, { home, away });
  return { away, arrived: () => waitForPage(home, away) };
}

async function direct(t, app) {
  const page = await firstTab(t);
  await signInToBrowser(page);
  const again = async (isIt = app.isIt) => {
    await page.goto(`${app.origin}/`);
    return documentIn(() => [page], isIt);
  };
  return { page, frame: await again(), again };
}

/** Through `owndir proxy` at home and `owndir connect` elsewhere. */
async function throughConnect(t, app, there) {
  const { away, prefix, stun } = there ?? (await offered(t, app));
  const client = await connect(t, away, { prefix, stun });
  await client.event('apps', { seconds: 60 });
  const page = await firstTab(t, { prefix });
  await signInToBrowser(page);
  await page.goto(client.url); // the login link
  await page.goto(`http://127.0.0.1:${client.port}/@/app/${app.name}`); // signs in at the app's own host too
  const again = async (isIt = app.isIt) => {
    await page.goto(`http://${app.name}.localhost:${client.port}/`);
    return documentIn(() => [page], isIt);
  };
  return { page, frame: await again(), again, client };
}

/** The page of the folder, which has been given the folder and shows the app in a frame. */
async function inThePage(t, app, { away, prefix }, address, options) {
  const page = await firstTab(t, { directories: [away], prefix, ...options });
  await signInToPage(page);
  let chosen = false;
  const again = async (isIt = app.isIt) => {
    await page.goto('about:blank');
    await page.goto(address);
    if (!chosen) await chooseFolder(page, away);
    chosen = true; // remembered, and permitted
    await page.waitForFunction((name) => globalThis.owndir?.state().app === name, app.name, { timeout: 60_000 }).catch(async (error) => {
      await page.screenshot({ path: t.artefact('page.png') }).catch(() => {});
      throw new Error(`${error.message.split('\n')[0]}; the page says: ${await whatThePageSays(page)}`);
    });
    return documentIn(() => [page], isIt);
  };
  return { page, frame: await again(), again };
}

/** The same page on a static host, the app under a service worker. */
async function underServiceWorker(t, app, given) {
  const there = given ?? (await offered(t, app));
  await there.arrived();
  // A name with names below it: each app has an origin of its own.
  const origin = (await serveStatic(t, join(there.away, '.owndir/.dist'), { prefix: there.prefix })).replace('//localhost', '//owndir.localhost');
  return inThePage(t, app, there, `${origin}/`, { origins: [origin] });
}

/** The page from disk, the app in a frame that is bridged. */
async function fromDisk(t, app, given) {
  const there = given ?? (await offered(t, app));
  await there.arrived();
  return inThePage(t, app, there, pathToFileURL(pageOf(there.away)).href);
}

/**
 * Each takes (t, { name, origin, isIt }, there): the app's name and address, and a function that knows its document from inside. `there`: where the app is
 * offered already, { away, arrived, prefix, stun }: the folder at this end, a promise that it holds the page, the host of this end.
 */
export const ways = { direct, connect: throughConnect, sw: underServiceWorker, file: fromDisk };
/** Those that are run when none is named: the ones that must not fail. */
export const usual = ['direct', 'connect', 'sw', 'file'];
