// Assembled by the build: the tree of all modules of the folder (web/module-tree).
declare module 'owndir.package' {
  interface Module {
    O: { path: string };
  }
  interface Tree {
    (path: string): Module;
    injectFsRoot(root: unknown): void;
  }
  export const OwnDir: Tree;
}
