// Where the bundler finds packages: modules lie in a snapshot without node_modules, so that each bare import is looked for in
// what was installed for the module's own package.json, then for those of the modules above, then in the product.
// React, its router and Preact exist once in a bundle: two copies would not know each other's contexts.
import { existsSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, isAbsolute, join, relative } from 'node:path';
import type { OnResolveArgs, OnResolveResult, Plugin, PluginBuild } from 'esbuild';
import { loadingPrefix, loadingScript } from './assemble.ts';
import type { PackageNeeds } from './packages.ts';
import type { Share } from './share.ts';

export interface ResolveContext {
  platform: 'client' | 'server';
  source: string;
  share: Share;
  needs: readonly PackageNeeds[];
  /** Text of `owndir.package`. */
  assembled: string;
}

const groups = [
  ['react', 'react-dom', 'scheduler'],
  ['react-router-dom', 'react-router', '@remix-run/router'],
  ['preact'],
];

/** Node's modules that browsers can have; the others are empty there. */
const polyfills: Record<string, string> = {
  assert: 'assert',
  buffer: 'buffer',
  events: 'events',
  os: 'os-browserify/browser',
  path: 'path-browserify',
  'path/posix': 'path-browserify',
  process: 'process/browser',
  querystring: 'querystring-es3',
  stream: 'stream-browserify',
  string_decoder: 'string_decoder',
  url: 'url',
  util: 'util',
};

const virtualText: Record<string, string> = {
  timers:
    'const g = globalThis; module.exports = { setTimeout: g.setTimeout.bind(g), clearTimeout: g.clearTimeout.bind(g), ' +
    'setInterval: g.setInterval.bind(g), clearInterval: g.clearInterval.bind(g), ' +
    'setImmediate: (f, ...a) => g.setTimeout(f, 0, ...a), clearImmediate: t => g.clearTimeout(t) };',
  crypto:
    'module.exports = { webcrypto: globalThis.crypto, subtle: globalThis.crypto?.subtle, ' +
    'getRandomValues: a => globalThis.crypto.getRandomValues(a), randomUUID: () => globalThis.crypto.randomUUID() };',
};

const loadingFilter = new RegExp(`^${loadingPrefix.replace('.', '\\.')}`);

const builtins = new Set(builtinModules);

/** Of names without the prefix: exactly these. */
const builtinFilter = new RegExp(`^(?:node:.*|(?:${builtinModules.filter(name => /^[a-z]/.test(name)).join('|')}))$`);

export function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** The directory of the module that owns a file: "a/b" for "a/b/.owndir/x/y.js" and "a/b/.owndir.js". */
export function ownerOf(file: string): string {
  const at = /(?:^|\/)\.owndir(?:\/|\.[jt]sx?$)/.exec(file);
  return at ? file.slice(0, at.index) : '';
}

/** Homes of package.json files that serve a file, nearest first: those around it, then those of the modules above. */
export function homesFor(file: string): string[] {
  const homes: string[] = [];
  const owner = ownerOf(file);
  const own = owner === '' ? '.owndir' : `${owner}/.owndir`;
  for (let at = dirname(file); at === own || at.startsWith(`${own}/`); at = dirname(at)) homes.push(at);
  for (let at = owner; at !== ''; ) {
    at = at.includes('/') ? dirname(at) : '';
    homes.push(at === '' ? '.owndir' : `${at}/.owndir`);
  }
  return homes;
}

export class Resolver {
  readonly #context: ResolveContext;
  readonly #installed: Map<string, string>;
  /** Of all installs, those of modules nearer to the root first. */
  readonly #bases: string[];
  readonly #versions = new Map<string, string | null>();
  readonly #single = new Map<string, string>();

  constructor(context: ResolveContext) {
    this.#context = context;
    const byDepth = [...context.needs].sort((a, b) => a.home.split('/').length - b.home.split('/').length);
    this.#installed = new Map(byDepth.flatMap(({ home, installed }) => (installed ? [[home, installed]] : [])));
    this.#bases = [...new Set(this.#installed.values())];
    for (const group of groups) {
      const base = this.#baseOfGroup(group, byDepth);
      for (const name of group) if (this.versionAt(base, name) !== null) this.#single.set(name, base);
    }
  }

  /** The nearest to the root that asks for a version which the product does not have decides; else the product's. */
  #baseOfGroup(group: readonly string[], needs: readonly PackageNeeds[]): string {
    const other = needs.find(({ dependencies, shipped, installed }) =>
      group.some(name => name in dependencies && !shipped.has(name) && installed !== null && this.versionAt(installed, name) !== null),
    );
    return other?.installed ?? this.#context.share.base;
  }

  /** The version of what lies in `base`/node_modules; null when there is none. */
  versionAt(base: string, name: string): string | null {
    const { share } = this.#context;
    if (base === share.base) return share.packages[name] ?? null;
    const path = join(base, 'node_modules', name);
    let version = this.#versions.get(path);
    if (version === undefined) {
      version = null;
      const file = join(path, 'package.json');
      if (existsSync(file)) {
        const value = JSON.parse(readFileSync(file, 'utf8')) as { version?: unknown };
        version = typeof value.version === 'string' ? value.version : '';
      }
      this.#versions.set(path, version);
    }
    return version;
  }

  /** The directory above `from` whose node_modules has the package, as Node looks for it. */
  #nativeBase(from: string, name: string): string | null {
    for (let at = from; ; at = dirname(at)) {
      if (this.versionAt(at, name) !== null) return at;
      if (at === '/' || at === this.#context.share.base || this.#bases.includes(at)) return null;
    }
  }

  /** Several installs may hold the same version of a package: the one nearest to the root stands for all. */
  #shared(base: string, name: string): string {
    const version = this.versionAt(base, name);
    const { share } = this.#context;
    if (base !== share.base && name in share.shipped && this.versionAt(share.base, name) === version)
      return share.base;
    return this.#bases.find(each => this.versionAt(each, name) === version) ?? base;
  }

  /** Where `name` is taken from for an importer; null when it is nowhere. */
  baseFor(importer: string, name: string): string | null {
    const single = this.#single.get(name);
    if (single !== undefined) return single;
    const { source, share } = this.#context;
    const file = relative(source, importer);
    const inSource = !file.startsWith('..') && !isAbsolute(file);
    if (!inSource && importer.includes('/node_modules/')) {
      const native = this.#nativeBase(dirname(importer), name);
      if (native !== null) return this.#shared(native, name);
    }
    const own = inSource ? homesFor(file).map(home => this.#installed.get(home)) : this.#bases;
    for (const base of own) if (base !== undefined && this.versionAt(base, name) !== null) return this.#shared(base, name);
    return name in share.shipped && this.versionAt(share.base, name) !== null ? share.base : null;
  }

  /**
   * Nothing is installed: all packages are the product's, so that the bundler finds them by itself (`nodePaths`) and need not ask
   * here for each import, which takes a while.
   */
  get plain(): boolean {
    return this.#bases.length === 0;
  }

  /** True for a bare import from the folder's code of what only the product's own packages need. */
  isForeign(specifier: string): boolean {
    return !(packageName(specifier) in this.#context.share.shipped) && !this.#single.has(packageName(specifier));
  }

  isBuiltin(name: string): boolean {
    return name.startsWith('node:') || builtins.has(name);
  }

  missing(importer: string, name: string): string {
    const file = relative(this.#context.source, importer);
    if (file.startsWith('..')) return `cannot find the package "${name}"`;
    const home = homesFor(file)[0] ?? '.owndir';
    return `cannot find the package "${name}"; add it to "dependencies" in ${home}/package.json, for example by "npm install ${name}" there`;
  }

  plugin(): Plugin {
    return {
      name: 'owndir-resolve',
      setup: build => {
        const { source, assembled } = this.#context;
        build.onResolve({ filter: /^owndir\.(?:package|assembled|server)$/ }, args => ({
          path: args.path === 'owndir.server' ? args.path : 'owndir.package',
          namespace: 'owndir',
        }));
        build.onResolve({ filter: loadingFilter }, args => ({ path: args.path, namespace: 'owndir' }));
        const textOf = (path: string): string => {
          if (path.startsWith(loadingPrefix)) return loadingScript(path);
          return path === 'owndir.server' ? 'export { OwnDir } from "owndir.package";' : assembled;
        };
        build.onLoad({ filter: /./, namespace: 'owndir' }, args => ({
          contents: textOf(args.path),
          loader: 'js',
          resolveDir: source,
        }));
        build.onLoad({ filter: /./, namespace: 'owndir-builtin' }, args => ({
          contents: virtualText[args.path] ?? 'module.exports = {};',
          loader: 'js',
        }));
        build.onResolve({ filter: this.plain ? builtinFilter : /^[^./]/ }, args => this.#bare(build, args));
      },
    };
  }

  async #bare(build: PluginBuild, args: OnResolveArgs): Promise<OnResolveResult | undefined> {
    if (args.kind === 'entry-point' || isSkipped(args) || /^[a-z]+:/.test(args.path.replace(/^node:/, ''))) return undefined;
    const { platform, share } = this.#context;
    const name = packageName(args.path);
    if (name.startsWith('#')) return undefined;
    if (this.isBuiltin(args.path)) {
      if (platform === 'server') return undefined;
      const bare = args.path.replace(/^node:/, '');
      const base = args.path === bare ? this.baseFor(args.importer, name) : null;
      if (base === null || base === share.base) return this.#builtin(build, args, bare);
    }
    const base = this.baseFor(args.importer, name);
    if (base === null) {
      if (args.kind === 'require-resolve') return undefined;
      // What is required inside of try may be absent; esbuild then makes a warning of it.
      if (args.importer.includes('/node_modules/')) return undefined;
      return { errors: [{ text: this.missing(args.importer, name) }] };
    }
    if (args.importer.includes('/node_modules/') && this.#nativeBase(dirname(args.importer), name) === base) return undefined;
    return again(build, args, args.path, base);
  }

  async #builtin(build: PluginBuild, args: OnResolveArgs, name: string): Promise<OnResolveResult> {
    const polyfill = polyfills[name];
    // None does anything by being loaded: where nothing of it is used it is left out, though its package does not say so.
    if (polyfill !== undefined) return { ...(await again(build, args, polyfill, this.#context.share.base)), sideEffects: false };
    return { path: name, namespace: 'owndir-builtin', sideEffects: false };
  }
}

function isSkipped(args: OnResolveArgs): boolean {
  return (args.pluginData as { resolved?: unknown } | undefined)?.resolved === true;
}

/** Lets the bundler itself resolve, from another place. */
async function again(build: PluginBuild, args: OnResolveArgs, path: string, resolveDir: string): Promise<OnResolveResult> {
  const { kind, importer } = args;
  const found = await build.resolve(path, {
    kind: kind === 'entry-point' ? 'import-statement' : kind,
    importer,
    resolveDir,
    pluginData: { resolved: true },
  });
  const { errors, warnings, external, namespace, sideEffects, suffix } = found;
  if (errors.length > 0) return { errors };
  return { path: found.path, warnings, external, namespace, sideEffects, suffix };
}
