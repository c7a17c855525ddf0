// bundle.mjs --out FILE: the browser runtime of built pages as one classic script; its style is text inside it. Same input,
// same bytes.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { esbuildWorkers, knowsItself, target } from '../worker-plugin.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));

/** `import css from 'style:./x.css'`: the style sheet with all that it imports, to be put into a shadow root. */
export const esbuildStyles = {
  name: 'style',
  setup(builder) {
    builder.onResolve({ filter: /^style:/ }, args => ({
      path: resolve(args.resolveDir, args.path.slice('style:'.length)),
      namespace: 'style',
    }));
    builder.onLoad({ filter: /.*/, namespace: 'style' }, async args => {
      const result = await build({ entryPoints: [args.path], bundle: true, write: false, minify: true, target });
      return { contents: result.outputFiles[0].text.trimEnd(), loader: 'text', watchFiles: [args.path] };
    });
  },
};

export async function bundleRuntime(entry = join(here, 'index.ts'), more = {}) {
  const result = await build({
    entryPoints: [entry],
    absWorkingDir: join(here, '..'),
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    minify: true,
    // A page that does not say its encoding must not spoil our words.
    charset: 'ascii',
    legalComments: 'none',
    target,
    plugins: [esbuildWorkers, esbuildStyles],
    logLevel: 'error',
    ...knowsItself,
    ...more,
  });
  // A script that is put inline into a page must not end its own element.
  return result.outputFiles[0].text.replaceAll('</script', '<\\/script');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const option = process.argv.indexOf('--out');
  if (option < 0 || !process.argv[option + 1]) {
    console.error('usage: node bundle.mjs --out FILE');
    process.exit(2);
  }
  const out = resolve(process.argv[option + 1]);
  const text = await bundleRuntime();
  mkdirSync(dirname(out), { recursive: true });
  if (!existsSync(out) || readFileSync(out, 'utf8') !== text) writeFileSync(out, text);
}
