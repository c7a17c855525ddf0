// The large packages that lie beside host.cjs, loaded where they are first wanted. By require: import() would first start the
// other module loader, which takes longer than the package itself.
import { createRequire } from 'node:module';
import { realpathSync } from 'node:fs';
import type * as Esbuild from 'esbuild';
import type Postcss from 'postcss';
import type prefixer from 'postcss-prefix-selector';
import type * as Sass from 'sass';
import type { satisfies } from 'semver';

function load(name: string): unknown {
  return createRequire(realpathSync(process.argv[1] ?? ''))(name);
}

export const loadEsbuild = () => load('esbuild') as typeof Esbuild;
export const loadSass = () => load('sass') as typeof Sass;
export const loadPostcss = () => load('postcss') as typeof Postcss;
export const loadPrefixer = () => load('postcss-prefix-selector') as typeof prefixer;
export const loadSatisfies = () => load('semver/functions/satisfies') as typeof satisfies;

/** Once: its process starts while we find out what to ask. The server starts no build where nothing has changed. */
export function startEsbuild(): void {
  // A failure is told by the build that follows.
  loadEsbuild()
    .initialize({})
    .catch(() => undefined);
}
