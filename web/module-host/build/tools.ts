// The large packages that lie beside host.cjs, loaded where they are first wanted. By require: import() would first start the
// other module loader, which takes longer than the package itself.
import { createRequire } from 'node:module';
import { realpathSync } from 'node:fs';
import type * as Esbuild from 'esbuild';
import type * as Sass from 'sass';

function load(name: string): unknown {
  return createRequire(realpathSync(process.argv[1] ?? ''))(name);
}

export const loadEsbuild = () => load('esbuild') as typeof Esbuild;
export const loadSass = () => load('sass') as typeof Sass;
