// The bundles of build.mjs, for tests too: one script or sheet, and a page with its only script in it.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { esbuildWorkers, target } from './worker-plugin.mjs';

export { knowsItself } from './worker-plugin.mjs';

const web = fileURLToPath(new URL('.', import.meta.url));

/** `from`: relative to this folder. `more`: of esbuild's options. */
export async function bundle(from, more = {}) {
  const result = await build({
    entryPoints: [join(web, from)],
    absWorkingDir: web,
    bundle: true,
    write: false,
    outdir: '/',
    format: 'iife',
    platform: 'browser',
    minify: true,
    charset: 'utf8',
    legalComments: 'none',
    target,
    plugins: [esbuildWorkers],
    loader: { '.svg': 'text' },
    logLevel: 'error',
    ...more,
  });
  // A script that is put inline into a page must not end its own element, nor begin a comment.
  return result.outputFiles[0].text.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--');
}

/** A script that leaves a function of that name, which gives what the module exports; its text can be handed on. */
export async function functionBundle(from, name, notice) {
  const text = await bundle(from, { globalName: 'parts' });
  return `globalThis.${name}=function(){/* ${notice} */\n${text}\nreturn parts};\n`;
}

/** The html with its script, whose digest it names where it says {{digest}}. */
export async function pageWithScript(from, script) {
  const text = await bundle(script);
  const digest = `sha256-${createHash('sha256').update(text).digest('base64')}`;
  return readFileSync(join(web, from), 'utf8')
    .replace('{{digest}}', digest)
    .replace('<!-- script -->', () => `<script>${text}</script>`);
}
