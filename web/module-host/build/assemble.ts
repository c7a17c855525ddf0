// The package `owndir.package`: one script that imports every module and plugin of the folder and binds them into the tree.
import type { FoundTree } from './discover.ts';

/** What a module or plugin is imported by; the resolver knows it. */
export const codePrefix = 'owndir.code/';

/** `specifierOf` says by which name the bundler finds an entry that is relative to the source. */
export function assemble(tree: FoundTree, specifierOf: (entry: string) => string = entry => codePrefix + entry): string {
  const imports: string[] = [];
  const adds: string[] = [];
  const names = new Map<string, string>();
  const nameOf = (entry: string): string => {
    let name = names.get(entry);
    if (name === undefined) {
      name = `code${names.size}`;
      names.set(entry, name);
      imports.push(`import * as ${name} from ${JSON.stringify(specifierOf(entry))};`);
    }
    return `exported(${name})`;
  };
  for (const { path, entry, plugins } of tree.modules) {
    const module = entry === null ? 'undefined' : nameOf(entry);
    const list = plugins.map(plugin => `{ name: ${JSON.stringify(plugin.name)}, apply: ${nameOf(plugin.entry)} }`);
    adds.push(`OwnDir.addModule(${JSON.stringify(path)}, ${module}, [${list.join(', ')}]);`);
  }
  return [
    `import { createTree } from "owndir.tree";`,
    ...imports,
    // A module may export its object as default, by module.exports, or as names.
    `const exported = code => ("default" in code ? code.default : code);`,
    `export const OwnDir = createTree();`,
    ...adds,
    '',
  ].join('\n');
}
