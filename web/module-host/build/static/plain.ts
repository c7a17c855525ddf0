// `.owndir/static` of a module without O.static: its files belong to the site as they are, as in the earlier OwnDir.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { below, type FoundTree } from '../discover.ts';

interface PlainFile {
  /** From the site's root. */
  to: string;
  /** Absolute. */
  file: string;
  module: string;
}

/** The earlier OwnDir wrote its own page and bundle into the root's directory. */
function isLeftover(name: string, file: string): boolean {
  if (/^dist\.(?:js|css)(?:\.map)?$/.test(name)) return true;
  return name === 'index.html' && readFileSync(file, 'utf8').includes('___redirectedToRootFrom');
}

export function plainStatics(tree: FoundTree, source: string, own: ReadonlySet<string>): PlainFile[] {
  return tree.modules.flatMap(({ path: module, home }) => {
    if (own.has(module)) return [];
    const start = `${home}/static/`;
    return [...tree.files.keys()].flatMap(path => {
      if (!path.startsWith(start)) return [];
      const [name, file] = [path.slice(start.length), join(source, path)];
      return module === '' && isLeftover(name, file) ? [] : [{ to: below(module, name), file, module }];
    });
  });
}
