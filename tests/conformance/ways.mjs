// The ways from a browser to the upstream. Each gives { page, frame }: `page` is the tab, `frame()` the document of the
// upstream in it, in which cases run; called again after page.reload-like `again()`.
import { openBrowser, watch } from '../support/chromium.mjs';
import { Courier } from '../support/courier.mjs';
import { until } from '../support/harness.mjs';
import { connect, proxy } from '../support/owndir.mjs';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** Chromium plays sound and film without a click there, and says nothing of its own. */
const browser = { more: ['--autoplay-policy=no-user-gesture-required', '--mute-audio'] };

const hasCases = (frame) => frame.evaluate(() => typeof globalThis.conformance === 'object').catch(() => false);

/** The frame of that tab in which the upstream's page is, once it is there. */
async function framed(page, seconds = 20) {
  return until(
    async () => {
      for (const frame of page.frames()) if (await hasCases(frame)) return frame;
      return undefined;
    },
    { seconds, what: `the upstream's page in ${page.url()}` },
  );
}

/** A tab on that address; `again` loads it anew. */
async function tab(t, address, { context, prepare = async () => {} } = {}) {
  const owner = context ?? (await openBrowser(t, browser));
  const page = owner.pages()[0] ?? (await owner.newPage());
  watch(t, page);
  page.on('dialog', (dialog) => void dialog.dismiss().catch(() => {}));
  await prepare(page);
  const again = async () => {
    await page.goto(address);
    return framed(page);
  };
  return { page, frame: await again(), again };
}

async function direct(t, upstream) {
  return tab(t, `${upstream.origin}/`);
}

/** Through `owndir proxy` at home and `owndir connect` elsewhere, the two folders carried as a sync does. */
async function throughConnect(t, upstream) {
  const [home, away] = ['home', 'away'].map((name) => join(t.directory, name));
  for (const folder of [home, away]) mkdirSync(folder, { recursive: true });
  await proxy(t, home, upstream.origin, { args: ['--name', 'conformance'] });
  new Courier(t, { home, away });
  const client = await connect(t, away);
  const { apps } = await client.event('apps', { seconds: 40 });
  const prepare = async (page) => {
    await page.goto(client.url); // the login link
    await page.goto(`http://127.0.0.1:${client.port}/@/app/${apps[0].name}`); // signs in at the app's own host too
  };
  return tab(t, `http://${apps[0].name}.localhost:${client.port}/`, { prepare });
}

export const ways = { direct, connect: throughConnect };
