// The ways from a browser to the upstream. Each gives { page, frame }: `page` is the tab, `frame()` the document of the
// upstream in it, in which cases run; called again after page.reload-like `again()`.
import { openBrowser, watch } from '../support/chromium.mjs';
import { until } from '../support/harness.mjs';

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

export const ways = { direct };
