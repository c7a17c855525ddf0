// The parts of `globalThis.owndir` (the browser runtime) and of the module tree that this client uses.

export interface Address {
  /** In the folder, decoded: "/a b/c". */
  readonly path: string;
  /** "" or "?…". */
  readonly query: string;
  /** "" or "#…". */
  readonly hash: string;
}

export interface AddressParts {
  query?: string;
  hash?: string;
}

export interface Node {
  readonly name: string;
  readonly path: string;
  readonly absolutePath: string;
  walk(path: string): Node;
  children(): Promise<Node[]>;
}

export interface Runtime {
  readonly ready: Promise<void>;
  readonly directory: Node;
  readonly address: Address;
  on(event: 'address', listener: (address: Address) => void): () => void;
  navigate(path: string, options?: AddressParts & { replace?: boolean }): void;
  href(path: string, parts?: AddressParts): string;
}

export interface Module {
  O: { path: string };
  directory?: Node;
  frame?: unknown;
}

export interface Tree {
  (path: string): Module;
  injectFsRoot(root: unknown): void;
}

const { owndir } = globalThis as { owndir?: Runtime };
if (!owndir) throw new Error('the page has not loaded the runtime (owndir-….js) before the client');

export const runtime: Runtime = owndir;
