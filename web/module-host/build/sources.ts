// What the folder's own scripts need before the bundler reads them: where they lie, and which JSX they mean.
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Loader, Plugin } from 'esbuild';
import type { FoundTree, SourceFile } from './discover.ts';

/** Stands for the absolute path of the source in a server bundle until it is written to its place. */
export const sourceVariable = '__owndir_source';

const loaders: Record<string, Loader> = { '.jsx': 'jsx', '.tsx': 'tsx', '.ts': 'ts', '.mts': 'ts', '.cts': 'ts' };

export function loaderOf(path: string): Loader {
  return loaders[/\.[^.]*$/.exec(path)?.[0] ?? ''] ?? 'jsx';
}

export function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** Goes onto the first line, so that lines keep their numbers. */
function prefixOf(text: string, file: string, absolute: (path: string) => string): string {
  const declares = (name: string) => new RegExp(`\\b(?:const|let|var)\\s+${name}\\b`).test(text);
  let prefix = '';
  if (/\b__dirname\b/.test(text) && !declares('__dirname')) prefix += `const __dirname = ${absolute(dirname(file))};`;
  if (/\b__filename\b/.test(text) && !declares('__filename')) prefix += `const __filename = ${absolute(file)};`;
  if (/\bimport\.meta\b/.test(text)) prefix += `const __owndir_url = "file://" + ${absolute(file)};`;
  return prefix;
}

function classicJsx(text: string): string {
  return /@jsx\s+\w/.test(text) && !/@jsxRuntime\s/.test(text) ? '/** @jsxRuntime classic */' : '';
}

/** Scripts of packages are treated likewise when `others` names them: absolute paths. */
export function sourcesPlugin(
  platform: 'client' | 'server',
  source: string,
  tree: FoundTree,
  others: readonly string[] = [],
): Plugin {
  const special = ({ code }: SourceFile) => code !== undefined && (code.place || code.classicJsx);
  const mine = [...tree.files].filter(([, file]) => special(file)).map(([path]) => join(source, path));
  const paths = [...mine, ...others];
  return {
    name: 'owndir-sources',
    setup: build => {
      if (paths.length === 0) return;
      build.onLoad({ filter: new RegExp(`^(?:${paths.map(escapeRegExp).join('|')})$`) }, ({ path }) => {
        const text = readFileSync(path, 'utf8').replace(/^#!.*/, '');
        const file = relative(source, path);
        const absolute = (at: string): string => {
          if (others.includes(path)) return JSON.stringify(join(source, at));
          const below = at === '.' ? '' : `/${at}`;
          return platform === 'server' ? `(${sourceVariable} + ${JSON.stringify(below)})` : JSON.stringify(below || '/');
        };
        const strict = /^\s*(['"])use strict\1/.test(text) ? '"use strict";' : '';
        return { contents: strict + classicJsx(text) + prefixOf(text, file, absolute) + text, loader: loaderOf(path) };
      });
    },
  };
}
