// The product's own data directory, where host.cjs itself lies: packages that need no network, the client, the runtime.
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Share {
  directory: string;
  /** Whose node_modules has the packages; another directory only when node_modules is a link. */
  base: string;
  digest: string;
  /** Versions of the packages that modules may name. */
  shipped: Readonly<Record<string, string>>;
  /** Of all that are there, by name. */
  packages: Readonly<Record<string, string>>;
  /** Null while the browser runtime is not part of the product. */
  runtime: string | null;
}

export function openShare(directory: string): Share {
  const file = join(directory, 'manifest.json');
  if (!existsSync(file)) throw new Error(`${file} is missing: the installation is incomplete`);
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as Pick<Share, 'digest' | 'shipped' | 'packages'>;
  const runtime = join(directory, 'runtime/runtime.js');
  return {
    directory,
    base: dirname(realpathSync(join(directory, 'node_modules'))),
    digest: manifest.digest,
    shipped: manifest.shipped,
    packages: manifest.packages,
    runtime: existsSync(runtime) ? runtime : null,
  };
}
