export { createTree } from './tree.ts';
export { treePath, parentPath } from './paths.ts';
export { injectModuleKey } from './types.ts';
export type {
  DirectoryNode,
  ModuleAwareRoot,
  ModuleInfo,
  NamedPlugin,
  OwnDir,
  OwnDirModule,
  Plugin,
  RouteSpec,
  TreeError,
  TreeOptions,
} from './types.ts';
