// Makes the page of states.ts in a directory: states.html, states.js, page.css.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { esbuildWorkers, target } from '../../worker-plugin.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));

export const kSwitches = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Returns the address of the page. */
export async function bundleStates(out) {
  await build({
    entryPoints: [join(here, 'states.ts'), join(here, '../page.css')],
    outdir: out,
    entryNames: '[name]',
    bundle: true,
    format: 'iife',
    plugins: [esbuildWorkers],
    target,
    logLevel: 'error',
  });
  const template = readFileSync(join(here, '../index.html'), 'utf8');
  const filled = template.replace('{{script}}', 'states.js').replace('{{style}}', 'page.css');
  // Without the inline script, which would wait for the real page's.
  writeFileSync(
    join(out, 'states.html'),
    filled.replace(/<script>(?:(?!<\/script>)[^])*var missing[^]*?<\/script>/, ''),
  );
  return `file://${out}/states.html`;
}
