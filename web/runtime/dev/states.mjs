// states.mjs --out DIR [STATE…]: photographs each state of states.ts, light and dark, wide and narrow.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { chromium } from 'playwright-core';
import { kSwitches } from '../../shell/dev/bundle.mjs';
import { makeStates } from './page.mjs';

const at = process.argv.indexOf('--out');
if (at < 0 || !process.argv[at + 1]) throw new Error('usage: node states.mjs --out DIR [STATE…]');
const out = resolve(process.argv[at + 1]);
const wanted = process.argv.slice(at + 2);
mkdirSync(out, { recursive: true });
const address = await makeStates(out);
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: kSwitches });
try {
  for (const [width, height] of [
    [1000, 640],
    [340, 640],
  ])
    for (const colorScheme of ['light', 'dark']) {
      const page = await browser.newPage({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce' });
      page.on('pageerror', error => console.error(error.message));
      await page.goto(address);
      const names = wanted.length > 0 ? wanted : await page.evaluate(() => window.stories.names);
      for (const name of names) {
        await page.goto(address);
        await page.evaluate(story => window.stories.show(story), name);
        await page.screenshot({ path: join(out, `${name}-${width}-${colorScheme}.png`) });
      }
      await page.close();
    }
} finally {
  await browser.close();
}
