/** What the tree needs of the folder: a node of web/fsnode, or anything that walks. */
export interface DirectoryNode {
  walk(path: string): DirectoryNode;
}

/** A root that takes this method is told how a node finds its module (`node.module`); the argument is the node's path. */
export const injectModuleKey: unique symbol = Symbol.for('owndir.injectModule') as never;

export interface ModuleAwareRoot extends DirectoryNode {
  [injectModuleKey]?(find: (path: string) => OwnDirModule): void;
}

/** `["get", "/x", handler…]`: a method of an Express router, a path below the module's directory, handlers with `this` = the module. */
export type RouteSpec = readonly [method: string, path: unknown, ...handlers: unknown[]];

/** What owndir keeps about a module, on the module itself. Never inherited from the module above. */
export interface ModuleInfo {
  /** Of the directory, from the root: "/", "/a/b". */
  path: string;
  /** The nearest module above; the root has none. */
  parent: OwnDirModule | undefined;
  /** Modules of directories below that have code of their own and this one nearest above, sorted by path. */
  children: OwnDirModule[];
  module: OwnDirModule;
  /** Those applied to this module: the ones propagated from above first. */
  plugins: Plugin[];
  middleware: RouteSpec[];
  routes: RouteSpec[];
  static?: unknown;
  /** The directory itself (not its `.owndir`); undefined until the folder is injected. */
  readonly directory: DirectoryNode | undefined;
  [key: string]: unknown;
}

/** What a person's code exports for a directory, once it stands in the tree. Everything but `O` is theirs. */
export interface OwnDirModule {
  O: ModuleInfo;
  readonly directory?: DirectoryNode | undefined;
  [key: string]: unknown;
}

/** Applied to the module of its directory; with `propagate` also to every module below. */
export type Plugin = ((module: OwnDirModule) => unknown) & { propagate?: unknown };

export interface NamedPlugin {
  name: string;
  apply: unknown;
}

/** Something in the tree that does not work and was left out; the rest of the tree is whole. */
export interface TreeError {
  /** Path of the module from the root: "/", "/a/b". */
  module: string;
  /** Name of the plugin at fault; absent if it is the module itself. */
  plugin?: string;
  message: string;
  error: unknown;
}

export interface TreeOptions {
  /** Hears of each error as it happens; the default writes it to the console. */
  onError?: (error: TreeError) => void;
}

export interface OwnDir {
  /**
   * The module of a directory. A directory without code of its own has a derived one: it inherits everything from the nearest above and
   * has the plugins that propagate, but its own path and directory.
   */
  (path?: string): OwnDirModule;
  /** Puts a module into the tree, those above it first. `module` may be empty; plugins that have names are applied in the names' order. */
  addModule(path: string, module?: unknown, plugins?: readonly (Plugin | NamedPlugin)[]): OwnDirModule;
  /** Gives every module its `directory`, and every node of the folder its `module`. */
  injectFsRoot(root: ModuleAwareRoot): void;
  /** The nearest module that was added, at the path or above it. */
  nearest(path: string): OwnDirModule;
  /** True if a module was added for exactly this directory. */
  has(path: string): boolean;
  /** All that were added, each after those above it. */
  readonly modules: readonly OwnDirModule[];
  /** The first hundred errors. */
  readonly errors: readonly TreeError[];
}
