// `x.module.css`: local names. They are made here, from the file's place and not by the bundle that it gets into, so that what is
// rendered at home and what runs in the browser have the same.
import { createHash } from 'node:crypto';
import { basename, dirname, relative } from 'node:path';
import type { Plugin } from 'esbuild';
import { packageName } from './resolve.ts';
import { confine, loadStyle, scopeFor, styleErrors, type StylesContext } from './styles.ts';
import { loadEsbuild } from './tools.ts';

export const cssModuleFiles = /\.module\.(?:css|scss|sass)$/;

interface CssModule {
  css: string;
  /** A script that exports the names. */
  script: string;
}

function nameOf(path: string, source: string): string {
  const packaged = path.lastIndexOf('/node_modules/');
  const place = packaged < 0 ? relative(source, path) : path.slice(packaged);
  const stem = basename(path).replace(cssModuleFiles, '').replace(/[^\w-]/g, '_');
  return `${stem}_${createHash('sha256').update(place).digest('hex').slice(0, 6)}`;
}

/** `css` is the text of the style sheet at `path`; what it names by url() stays as it is. Throws esbuild's failure. */
async function compile(css: string, path: string, source: string): Promise<CssModule> {
  const resolveDir = dirname(path);
  const { outputFiles } = await loadEsbuild().build({
    stdin: { contents: 'export { default } from "owndir-css";', resolveDir },
    bundle: true,
    write: false,
    format: 'esm',
    outdir: '/owndir-css',
    charset: 'utf8',
    logLevel: 'silent',
    plugins: [
      {
        name: 'owndir-css-module',
        setup: build => {
          build.onResolve({ filter: /^owndir-css$/ }, () => ({ path: `/${nameOf(path, source)}.css`, namespace: 'owndir-css' }));
          build.onLoad({ filter: /./, namespace: 'owndir-css' }, () => ({ contents: css, loader: 'local-css', resolveDir }));
          build.onResolve({ filter: /./ }, args =>
            args.kind === 'url-token' || args.kind === 'import-rule' ? { path: args.path, external: true } : undefined,
          );
        },
      },
    ],
    loader: { '.css': 'local-css' },
  });
  const text = (end: string) => outputFiles.find(file => file.path.endsWith(end))?.text ?? '';
  // As CommonJS, so that names can be imported one by one as well.
  return { css: text('.css'), script: text('.js').replace(/export \{\s*(\w+) as default\s*\};?/, 'module.exports = $1;') };
}

interface ModuleData {
  resolved?: boolean;
  scope?: string | null;
  css?: string;
}

const textPrefix = 'owndir-css-text:';

/** What a script imports is a script with the names, which in the browser's bundle imports the style sheet. */
export function cssModulesPlugin(platform: 'client' | 'server', context: StylesContext): Plugin {
  return {
    name: 'owndir-css-modules',
    setup: build => {
      build.onResolve({ filter: cssModuleFiles }, async ({ kind, importer, path, resolveDir, pluginData }) => {
        if ((pluginData as ModuleData | undefined)?.resolved || !/^(?:import-statement|require-call|dynamic-import)$/.test(kind))
          return undefined;
        const base = /^[./]/.test(path) ? resolveDir : context.resolver.baseFor(importer, packageName(path));
        if (base === null) return undefined; // the resolver of packages tells what is missing
        const found = await build.resolve(path, { kind, importer, resolveDir: base, pluginData: { resolved: true } });
        if (found.errors.length > 0) return { errors: found.errors };
        const scope = scopeFor(importer, context);
        return { path: found.path, suffix: `?${scope ?? ''}`, namespace: 'owndir-css-module', pluginData: { scope } };
      });
      build.onLoad({ filter: /./, namespace: 'owndir-css-module' }, async args => {
        const { scope = null } = args.pluginData as ModuleData;
        const resolveDir = dirname(args.path);
        try {
          const { css, script } = await compile(loadStyle(args.path, context), args.path, context.source);
          const text = platform === 'client' ? `require(${JSON.stringify(`${textPrefix}${args.path}?${scope ?? ''}`)});\n` : '';
          return { contents: text + script, loader: 'js', resolveDir, pluginData: { css: await confine(css, scope, args.path) } };
        } catch (error) {
          return { errors: styleErrors(error, context) };
        }
      });
      build.onResolve({ filter: new RegExp(`^${textPrefix}`) }, ({ path, pluginData }) => ({
        path: path.slice(textPrefix.length),
        namespace: 'owndir-css-text',
        pluginData: pluginData as unknown,
      }));
      build.onLoad({ filter: /./, namespace: 'owndir-css-text' }, args => ({
        contents: (args.pluginData as ModuleData).css ?? '',
        loader: 'css',
        resolveDir: dirname(args.path),
      }));
    },
  };
}
