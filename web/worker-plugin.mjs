// `import source from 'worker:./x.ts'`: the bundled text of a dedicated worker, to be started from a blob, since a page on
// file:// cannot load a sibling file as a worker. One bundler function, a plugin for esbuild and one for vitest.
import { dirname, resolve } from 'node:path';
import { build } from 'esbuild';

export const target = ['chrome110', 'firefox115', 'safari16'];

/** esbuild's options for a program that starts a copy of itself as a worker (tunnel_host/program.ts): it has a name inside itself. */
export const knowsItself = { banner: { js: '(function owndirProgram(){' }, footer: { js: '})();' } };

async function bundleWorker(path) {
  const result = await build({
    entryPoints: [path],
    bundle: true,
    write: false,
    format: 'iife',
    minify: true,
    target,
    charset: 'utf8',
    legalComments: 'none',
    plugins: [esbuildWorkers],
  });
  return result.outputFiles[0].text.trimEnd();
}

export const esbuildWorkers = {
  name: 'worker',
  setup(builder) {
    builder.onResolve({ filter: /^worker:/ }, args => ({
      path: resolve(args.resolveDir, args.path.slice('worker:'.length)),
      namespace: 'worker',
    }));
    builder.onLoad({ filter: /.*/, namespace: 'worker' }, async args => ({
      contents: await bundleWorker(args.path),
      loader: 'text',
      watchFiles: [args.path],
    }));
  },
};

export const viteWorkers = {
  name: 'worker',
  enforce: 'pre',
  resolveId(source, importer) {
    if (!source.startsWith('worker:') || !importer) return null;
    return '\0worker:' + resolve(dirname(importer), source.slice('worker:'.length)) + '.text';
  },
  async load(id) {
    if (!id.startsWith('\0worker:')) return null;
    const source = await bundleWorker(id.slice('\0worker:'.length, -'.text'.length));
    return `export default ${JSON.stringify(source)};`;
  },
};
