// states.mjs --out DIR [STATE…]: photographs each state of states.ts, light and dark, wide and narrow.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { esbuildWorkers, target } from '../../worker-plugin.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const at = process.argv.indexOf('--out');
if (at < 0 || !process.argv[at + 1]) throw new Error('usage: node states.mjs --out DIR [STATE…]');
const out = resolve(process.argv[at + 1]);
const wanted = process.argv.slice(at + 2);
mkdirSync(out, { recursive: true });
await build({
  entryPoints: [join(here, 'states.ts'), join(here, '../page.css')],
  outdir: out,
  entryNames: '[name]',
  bundle: true,
  format: 'iife',
  plugins: [esbuildWorkers],
  target,
});
const template = readFileSync(join(here, '../index.html'), 'utf8');
writeFileSync(
  join(out, 'states.html'),
  template
    .replace('{{script}}', 'states.js')
    .replace('{{style}}', 'page.css')
    .replace(/<script>[^]*?<\/script>/, ''),
);

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
try {
  for (const [width, height] of [
    [1200, 800],
    [360, 740],
  ])
    for (const colorScheme of ['light', 'dark']) {
      const page = await browser.newPage({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce' });
      page.on('pageerror', error => console.error(error.message));
      page.on('console', message => message.type() === 'error' && console.error(message.text()));
      await page.goto(`file://${out}/states.html`);
      const names = wanted.length > 0 ? wanted : await page.evaluate(() => window.stories.names);
      for (const name of names) {
        await page.goto('about:blank');
        await page.goto(`file://${out}/states.html`);
        await page.evaluate(story => window.stories.show(story), name);
        await page.waitForTimeout(name === 'loading' ? 500 : 120);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
        if (wide) console.error(`${name} is wider than ${width} px`);
        await page.screenshot({
          path: join(out, `${name}-${width}-${colorScheme}.png`),
          fullPage: await page.evaluate(() => document.documentElement.scrollHeight < 3000),
        });
      }
      await page.close();
    }
} finally {
  await browser.close();
}
