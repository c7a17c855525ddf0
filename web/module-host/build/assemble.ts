// The package `owndir.package`: one script that imports every module and plugin of the folder and binds them into the tree.
import { join } from 'node:path';
import type { FoundTree } from './discover.ts';
import type { Share } from './share.ts';

/** A global function that is told, where there is one, whose code runs next. */
export const loadingName = '__owndir_loading';

/** Imported before the code of the module that its path names: "owndir.loading:a/b". */
export const loadingPrefix = 'owndir.loading:';

export function loadingScript(specifier: string): string {
  return `globalThis.${loadingName}?.(${JSON.stringify(specifier.slice(loadingPrefix.length))});`;
}

/** Entries are imported by absolute path, so that the bundler itself resolves them, with the tsconfig.json beside them. */
export function assemble(tree: FoundTree, source: string, share: Share, tellLoading: boolean): string {
  const imports: string[] = [];
  const adds: string[] = [];
  const names = new Map<string, string>();
  const nameOf = (entry: string, path: string): string => {
    let name = names.get(entry);
    if (name === undefined) {
      name = `code${names.size}`;
      names.set(entry, name);
      if (tellLoading) imports.push(`import ${JSON.stringify(loadingPrefix + path)};`);
      imports.push(`import * as ${name} from ${JSON.stringify(join(source, entry))};`);
    }
    return `exported(${name})`;
  };
  for (const { path, entry, plugins } of tree.modules) {
    const module = entry === null ? 'undefined' : nameOf(entry, path);
    const list = plugins.map(plugin => `{ name: ${JSON.stringify(plugin.name)}, apply: ${nameOf(plugin.entry, path)} }`);
    adds.push(`OwnDir.addModule(${JSON.stringify(path)}, ${module}, [${list.join(', ')}]);`);
  }
  return [
    `import { createTree } from ${JSON.stringify(join(share.directory, 'module-tree.mjs'))};`,
    ...imports,
    // A module may export its object as default, by module.exports, or as names.
    `const exported = code => ("default" in code ? code.default : code);`,
    `export const OwnDir = createTree();`,
    ...adds,
    '',
  ].join('\n');
}
