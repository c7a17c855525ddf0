import { isBelow, parentPath, treePath } from './paths.ts';
import { injectModuleKey } from './types.ts';
import type {
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

const maxDerived = 1000;
const maxErrors = 100;

interface Step {
  name: string;
  apply: unknown;
}

function toConsole({ module, plugin, message, error }: TreeError): void {
  console.error(`owndir: ${plugin === undefined ? 'module' : `plugin ${plugin} of`} ${module}: ${message}`, error);
}

function isPlugin(value: unknown): value is Plugin {
  return typeof value === 'function';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The modules of one folder: who inherits from whom, which plugins apply where. Whoever assembles the modules owns it. */
class Tree {
  readonly added = new Map<string, OwnDirModule>();
  readonly errors: TreeError[] = [];
  /** Modules of directories that have none, least recently used first; remade when asked for again. */
  readonly #derived = new Map<string, OwnDirModule>();
  readonly #names = new WeakMap<Plugin, string>();
  readonly #onError: (error: TreeError) => void;
  /** What the root inherits from: the folder, by its present and its earlier names. */
  readonly #base: object;
  #fsRoot: DirectoryNode | undefined;

  constructor(options: TreeOptions) {
    this.#onError = options.onError ?? toConsole;
    const here = (module: OwnDirModule) => this.#directoryOf(module.O.path);
    const getter = {
      get(this: OwnDirModule) {
        return here(this);
      },
      configurable: true,
    };
    // A setter is missing on purpose: `this.directory = x` in a module is a mistake that strict mode tells of.
    this.#base = Object.create(Object.prototype, { directory: getter, fsNode: getter, file: getter }) as object;
  }

  find(path: string): OwnDirModule {
    const known = this.added.get(path) ?? this.#derived.get(path);
    if (known) {
      if (this.#derived.delete(path)) this.#derived.set(path, known);
      return known;
    }
    if (path === '/') return this.#place('/', {}, []);
    const made = this.#derive(path);
    for (const oldest of this.#derived.keys()) {
      if (this.#derived.size <= maxDerived) break;
      this.#derived.delete(oldest);
    }
    return made;
  }

  /** By steps from the nearest known place down, so that a plugin that propagates sees every directory on the way. */
  #derive(path: string): OwnDirModule {
    const missing: string[] = [];
    let at = path;
    while (at !== '/' && !this.added.has(at) && !this.#derived.has(at)) {
      missing.unshift(at);
      at = parentPath(at);
    }
    let module = this.find(at);
    for (const step of missing) {
      module = this.#grow(step, {} as OwnDirModule, module, []);
      this.#derived.set(step, module);
    }
    return module;
  }

  nearest(path: string): OwnDirModule {
    for (let at = path; ; at = parentPath(at)) {
      const module = this.added.get(at);
      if (module) return module;
      if (at === '/') return this.find('/');
    }
  }

  add(path: string, exported: unknown, plugins: readonly (Plugin | NamedPlugin)[]): OwnDirModule {
    if (this.added.has(path)) throw new Error(`the tree already has a module for ${path}`);
    for (const other of this.added.keys())
      if (isBelow(other, path)) throw new Error(`${path} must be added before ${other}, which is below it`);
    if (path !== '/') this.find('/');
    // What was derived so far may have to inherit from the new one.
    this.#derived.clear();
    return this.#place(path, exported, plugins);
  }

  #place(path: string, exported: unknown, plugins: readonly (Plugin | NamedPlugin)[]): OwnDirModule {
    const parent = path === '/' ? undefined : this.nearest(parentPath(path));
    const module = this.#grow(path, this.#moduleOf(path, exported), parent, this.#steps(plugins));
    this.added.set(path, module);
    if (parent) {
      parent.O.children.push(module);
      parent.O.children.sort((a, b) => (a.O.path > b.O.path ? 1 : -1));
    }
    return module;
  }

  /** The exported object itself, unless it cannot stand in the tree. */
  #moduleOf(path: string, exported: unknown): OwnDirModule {
    if (exported === undefined || exported === null) return {} as OwnDirModule;
    if (typeof exported !== 'object' && typeof exported !== 'function') {
      const error = new TypeError(
        `a module exports an object, not a ${typeof exported}; the directory has an empty one`,
      );
      this.#report({ module: path, message: error.message, error });
      return {} as OwnDirModule;
    }
    const taken = [...this.added.values()].includes(exported as OwnDirModule);
    if (!taken && Object.isExtensible(exported)) return exported as OwnDirModule;
    const copy = {};
    for (const [key, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(exported))) {
      if ('value' in descriptor) descriptor.writable = true;
      Object.defineProperty(copy, key, { ...descriptor, configurable: true });
    }
    if (taken) delete (copy as Partial<OwnDirModule>).O;
    return copy as OwnDirModule;
  }

  #grow(path: string, module: OwnDirModule, parent: OwnDirModule | undefined, own: Step[]): OwnDirModule {
    Object.setPrototypeOf(module, parent ?? this.#base);
    const propagated = (parent?.O.plugins ?? []).filter(plugin => plugin.propagate);
    const steps = [...propagated.map(plugin => ({ name: this.#nameOf(plugin), apply: plugin })), ...own];
    this.#giveInfo(path, module, parent, steps);
    for (const { name, apply } of steps) this.#apply(module, name, apply);
    return module;
  }

  #giveInfo(path: string, module: OwnDirModule, parent: OwnDirModule | undefined, steps: Step[]): void {
    const written: unknown = Object.hasOwn(module, 'O') ? module.O : undefined;
    const usable = typeof written === 'object' && written !== null;
    const info = (usable && Object.isExtensible(written) ? written : { ...(usable ? written : {}) }) as ModuleInfo;
    const list = (value: unknown) =>
      (Array.isArray(value) && Object.isExtensible(value) ? value : [...toList(value)]) as RouteSpec[];
    Object.assign(info, {
      middleware: list(info.middleware),
      routes: list(info.routes),
      plugins: steps.map(step => step.apply).filter(isPlugin),
      path,
      parent,
      children: [],
      module,
    });
    Object.defineProperty(info, 'directory', {
      get: () => this.#directoryOf(path),
      configurable: true,
      enumerable: false,
    });
    Object.defineProperty(module, 'O', { value: info, writable: true, configurable: true, enumerable: true });
  }

  #apply(module: OwnDirModule, name: string, apply: unknown): void {
    const path = module.O.path;
    try {
      if (!isPlugin(apply))
        throw new TypeError(`a plugin exports a function, not ${apply === null ? 'null' : `a ${typeof apply}`}`);
      const result: unknown = apply(module);
      // Nobody awaits a plugin, so that an async one is told of instead of ending the process.
      if (result instanceof Promise) result.catch((error: unknown) => this.#fail(path, name, error));
    } catch (error) {
      this.#fail(path, name, error);
    }
  }

  #fail(module: string, plugin: string, error: unknown): void {
    const message = messageOf(error);
    // Derived modules come and go: the same fault of one plugin in many of them is one fault.
    if (!this.added.has(module) && this.errors.some(known => known.plugin === plugin && known.message === message))
      return;
    this.#report({ module, plugin, message, error });
  }

  #report(error: TreeError): void {
    if (this.errors.length >= maxErrors) return;
    this.errors.push(error);
    this.#onError(error);
  }

  #steps(plugins: readonly (Plugin | NamedPlugin)[]): Step[] {
    const steps = plugins.map((plugin, index): Step & { named: boolean } => {
      if (isPlugin(plugin)) return { name: this.#nameOf(plugin) || `#${index + 1}`, apply: plugin, named: false };
      const { name, apply } = plugin ?? { name: `#${index + 1}`, apply: plugin };
      if (isPlugin(apply)) this.#names.set(apply, name);
      return { name, apply, named: true };
    });
    if (steps.every(step => step.named)) steps.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    return steps;
  }

  #nameOf(plugin: Plugin): string {
    return this.#names.get(plugin) ?? plugin.name;
  }

  injectFsRoot(root: ModuleAwareRoot): void {
    this.#fsRoot = root;
    root[injectModuleKey]?.(path => this.find(treePath(path)));
  }

  #directoryOf(path: string): DirectoryNode | undefined {
    // Relative, because an absolute path may mean a place outside the folder to the one who walks.
    return this.#fsRoot?.walk(path === '/' ? '.' : path.slice(1));
  }
}

function toList(value: unknown): Iterable<unknown> {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

/** A tree without modules. Its root exists at once, empty, unless a module is added for it first. */
export function createTree(options: TreeOptions = {}): OwnDir {
  const tree = new Tree(options);
  const find = (path = '/') => tree.find(treePath(path));
  return Object.defineProperties(find, {
    addModule: {
      value: (path: string, module?: unknown, plugins: readonly (Plugin | NamedPlugin)[] = []) =>
        tree.add(treePath(path), module, plugins),
    },
    injectFsRoot: { value: (root: ModuleAwareRoot) => tree.injectFsRoot(root) },
    nearest: { value: (path: string) => tree.nearest(treePath(path)) },
    has: { value: (path: string) => tree.added.has(treePath(path)) },
    modules: { get: () => [...tree.added.values()] },
    errors: { get: () => [...tree.errors] },
  }) as unknown as OwnDir;
}
