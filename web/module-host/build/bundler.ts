// The default bundler: esbuild, for the browser and for Node. It knows nothing of React; the client package brings that.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, isAbsolute, join, relative, resolve } from 'node:path';
import type { BuildOptions, BuildResult, Message, Metafile, Plugin } from 'esbuild';
import { assetFiles, assetsPlugin } from './assets.ts';
import { cssModuleFiles, cssModulesPlugin } from './css_modules.ts';
import type { FoundTree } from './discover.ts';
import type { PackageNeeds } from './packages.ts';
import { BuildFailure, type Problem } from './report.ts';
import { packageName, Resolver } from './resolve.ts';
import type { Share } from './share.ts';
import { writeIfChanged } from './site.ts';
import { sourcesPlugin, sourceVariable } from './sources.ts';
import { sassFiles, stylesPlugin } from './styles.ts';
import { loadEsbuild } from './tools.ts';

export type Platform = 'client' | 'server';

export interface BundleContext {
  platform: Platform;
  /** Script or package directory that the bundle starts from, or a name that the resolver knows. */
  entry: string;
  source: string;
  cache: string;
  share: Share;
  tree: FoundTree;
  needs: readonly PackageNeeds[];
  assembled: string;
  minify: boolean;
  inlineAssets: boolean;
}

export interface BundleFile {
  /** Relative to where the bundle goes: "client.js", "client.css", "assets/x-HASH.png". */
  name: string;
  bytes: Uint8Array;
}

export interface Bundle {
  files: BundleFile[];
  warnings: Problem[];
  /**
   * A directory whose "files" are these as well, for whoever takes it or removes it: that esbuild writes files and we read them is
   * faster than having them sent.
   */
  place?: string;
}

/** What scripts expect of Node and browsers lack; a file is only taken in where its name is used. */
const globals: Record<string, string> = {
  'process.js': "export { default as process } from 'process';\n",
  'buffer.js': "export { Buffer } from 'buffer';\n",
  'immediate.js':
    'export const setImmediate = /* @__PURE__ */ (() => (f, ...a) => setTimeout(f, 0, ...a))();\n' +
    'export const clearImmediate = /* @__PURE__ */ (() => t => clearTimeout(t))();\n',
  'package.json': '{"sideEffects": false, "type": "module"}\n',
};

function writeGlobals(cache: string): string[] {
  const directory = join(cache, 'globals');
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of Object.entries(globals)) writeIfChanged(join(directory, name), Buffer.from(text));
  return Object.keys(globals)
    .filter(name => name.endsWith('.js'))
    .map(name => join(directory, name));
}

/** Compiled addons stay files: they are loaded from where they are. */
const addonsPlugin: Plugin = {
  name: 'owndir-addons',
  setup: build => {
    build.onResolve({ filter: /\.node$/ }, ({ path, resolveDir }) => ({ path: resolve(resolveDir, path), external: true }));
  },
};

export interface PreparedBundle {
  options: BuildOptions;
  resolver: Resolver;
}

/** All that esbuild is called with; `placed` are scripts of packages that want to know where they lie. */
export function bundleOptions(context: BundleContext, placed: readonly string[] = []): PreparedBundle {
  const { platform, source, tree } = context;
  const resolver = new Resolver(context);
  const client = platform === 'client';
  const modules = new Set(tree.modules.map(module => module.path));
  const styles = { source, cache: context.cache, resolver, modules };
  // Each plugin, and each file to inject, costs questions and answers: without packages of its own a folder shows what it needs.
  const mayHave = (names: RegExp) => !resolver.plain || [...tree.files.keys()].some(path => names.test(path));
  const mayNeedNode = !resolver.plain || [...tree.files.values()].some(file => file.code?.node === true);
  const options: BuildOptions = {
    entryPoints: [{ in: context.entry, out: client ? 'client' : 'dist' }],
    absWorkingDir: source,
    bundle: true,
    metafile: true,
    assetNames: 'assets/[name]-[hash]',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'silent',
    jsx: 'automatic',
    sourcemap: 'external',
    sourcesContent: false, // put in by tidyMap, for the folder's own files only
    minify: client && context.minify,
    define: {
      'process.env.NODE_ENV': '"production"',
      'import.meta.url': '__owndir_url',
      ...(client ? { global: 'globalThis' } : {}),
    },
    loader: {
      '.js': 'jsx',
      '.md': 'text',
      '.txt': 'text',
      '.html': 'text',
      ...(client ? {} : { '.css': 'empty', '.scss': 'empty', '.sass': 'empty' }),
    },
    nodePaths: resolver.plain ? [join(context.share.base, 'node_modules')] : [],
    plugins: [
      ...(mayHave(cssModuleFiles) ? [cssModulesPlugin(platform, styles)] : []),
      ...(client ? (tree.modules.some(module => module.path !== '') || mayHave(sassFiles) ? [stylesPlugin(styles)] : []) : [addonsPlugin]),
      ...(mayHave(assetFiles) ? [assetsPlugin(platform, context.inlineAssets)] : []),
      resolver.plugin(),
      sourcesPlugin(platform, source, tree, placed),
    ],
    ...(client
      ? {
          platform: 'browser',
          format: 'iife',
          target: 'es2020',
          inject: mayNeedNode ? writeGlobals(context.cache) : [],
          banner: { js: 'var __owndir_url="",__dirname="/",__filename="/index.js";' },
        }
      : {
          platform: 'node',
          format: 'cjs',
          target: 'node18',
          banner: { js: `var ${sourceVariable}="@@${sourceVariable}@@",__owndir_url=require("node:url").pathToFileURL(__filename).href;` },
        }),
  };
  return { options, resolver };
}

/** "node_modules/x/y.js" for whatever lies in a package, else the path in the folder. */
function shownPath(path: string, source: string): string {
  const whole = isAbsolute(path) ? path : resolve(source, path);
  const inside = relative(source, whole);
  if (!inside.startsWith('..')) return inside;
  const at = whole.indexOf('/node_modules/');
  return at < 0 ? whole : whole.slice(at + 1);
}

export function problemOf({ text, location, notes }: Message, source: string): Problem {
  const more = notes
    .map(note => note.text)
    .filter(note => note !== '' && !/mark (?:it|this path) as external|platform to "node"/.test(note))
    .slice(0, 2);
  const problem: Problem = { text: [text, ...more].join('. ') };
  if (!location) return problem;
  return {
    ...problem,
    file: shownPath(location.file.replace(/\?[^?]*$/, ''), source),
    line: location.line,
    column: location.column + 1,
    excerpt: location.lineText,
  };
}

/** What the bundler says of a package that is not there, in words that help. */
function aboutMissing(problem: Problem, context: BundleContext, resolver: Resolver): Problem {
  const specifier = /^Could not resolve "([^./"][^"]*)"/.exec(problem.text)?.[1];
  if (specifier === undefined || problem.file === undefined || problem.file.startsWith('node_modules/')) return problem;
  return { ...problem, text: resolver.missing(join(context.source, problem.file), packageName(specifier)) };
}

type Made = BuildResult & { metafile: Metafile };

async function run(
  options: BuildOptions,
  context: BundleContext,
  resolver: Resolver,
): Promise<Made> {
  try {
    return (await loadEsbuild().build(options)) as Made;
  } catch (error) {
    const { errors } = error as { errors?: Message[] };
    if (!Array.isArray(errors)) throw error;
    const problems = errors.map(each => problemOf(each, context.source));
    throw new BuildFailure(problems.map(each => aboutMissing(each, context, resolver)));
  }
}

/** Nothing outside the folder's code, the product and the installed packages may be taken in. */
function checkInputs(result: Made, context: BundleContext, resolver: Resolver): void {
  const { source, share, cache } = context;
  for (const [path, { imports }] of Object.entries(result.metafile.inputs)) {
    if (!resolver.plain || path.startsWith('../') || path.includes(':') || path.includes('node_modules/')) continue;
    for (const { original, path: found } of imports)
      if (original !== undefined && found.includes('node_modules/') && /^[^./]/.test(original))
        if (!resolver.isBuiltin(original) && resolver.isForeign(original))
          throw BuildFailure.of(resolver.missing(resolve(source, path), packageName(original)), { file: path });
  }
  const allowed = [source, share.directory, join(share.base, 'node_modules'), cache].map(each => `${each}/`);
  const outside = Object.keys(result.metafile.inputs).filter(path => {
    if (/^(?:[\w-]+:|\()/.test(path)) return false; // made by a plugin
    const whole = resolve(source, path.replace(/\?[^?]*$/, ''));
    return !allowed.some(each => whole.startsWith(each));
  });
  if (outside.length === 0) return;
  throw new BuildFailure(
    outside.map(path => ({ text: `a module imports ${resolve(source, path)}, which lies outside of the folder's code` })),
  );
}

/** Scripts of packages in a server bundle that look beside themselves for their data. */
function placedScripts(result: Made, source: string): string[] {
  return Object.keys(result.metafile.inputs)
    .filter(path => path.startsWith('../') && /\.[cm]?js$/.test(path))
    .map(path => resolve(source, path))
    .filter(path => /\b(?:__dirname|__filename)\b/.test(readFileSync(path, 'utf8')));
}

/** Maps name files as the person knows them, and carry no text of packages. */
function tidyMap(bytes: Uint8Array, context: BundleContext, outdir: string): Uint8Array {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // The mappings come last and are by far the most: they stay as they are, and only what stands before is read.
  const at = text.indexOf('\n  "mappings": ');
  const end = at < 0 ? text.lastIndexOf('}') : text.lastIndexOf(',', at);
  const map = JSON.parse(`${text.toString('utf8', 0, end)}}`) as { sources: string[]; sourcesContent?: (string | null)[] };
  const own = `${context.source}/`;
  const places = [context.share.directory, context.cache];
  const directories = new Map<string, string>();
  const paths = map.sources.map(each => {
    const at = each.lastIndexOf('/') + 1;
    const directory = each.slice(0, at);
    let whole = directories.get(directory);
    if (whole === undefined) directories.set(directory, (whole = `${resolve(outdir, directory)}/`));
    return whole + each.slice(at).replace(/\?[^?]*$/, '');
  });
  map.sourcesContent = paths.map(path => (path.startsWith(own) && existsSync(path) ? readFileSync(path, 'utf8') : null));
  map.sources = paths.map(path => {
    if (path.startsWith(own)) return path.slice(own.length);
    if (path.startsWith(`${outdir}/`)) return `owndir/${basename(path)}`; // made by a plugin
    const packaged = path.lastIndexOf('/node_modules/');
    if (packaged >= 0) return path.slice(packaged + 1);
    const place = places.find(each => path.startsWith(`${each}/`));
    return place === undefined ? path : `owndir/${path.slice(place.length + 1)}`;
  });
  return Buffer.concat([Buffer.from(JSON.stringify(map).slice(0, -1)), text.subarray(end)]);
}

function bundleOf(result: Made, context: BundleContext, outdir: string): Bundle {
  const fileAt = (path: string): BundleFile => {
    let bytes: Uint8Array = readFileSync(path);
    if (path.endsWith('.map')) writeFileSync(path, (bytes = tidyMap(bytes, context, outdir)));
    return { name: relative(outdir, path), bytes };
  };
  const paths = Object.keys(result.metafile.outputs).map(path => resolve(context.source, path));
  const files = paths.map(fileAt).sort((a, b) => (a.name < b.name ? -1 : 1));
  // What package.json keeps from browsers ("browser": { "./x.js": false }) is meant to be empty there.
  const warnings = result.warnings.filter(each => !each.text.includes('"(disabled):'));
  return { files, warnings: warnings.map(each => problemOf(each, context.source)) };
}

async function bundleInto(outdir: string, context: BundleContext, overrides: BuildOptions): Promise<Bundle> {
  const { options, resolver } = bundleOptions(context);
  const kept = { plugins: [...(overrides.plugins ?? []), ...(options.plugins ?? [])], metafile: true, write: true, outdir };
  let result = await run({ ...options, ...overrides, ...kept }, context, resolver);
  checkInputs(result, context, resolver);
  if (context.platform === 'server') {
    const placed = placedScripts(result, context.source);
    if (placed.length > 0) {
      const again = bundleOptions(context, placed).options;
      result = await run({ ...again, ...overrides, ...kept, plugins: again.plugins ?? [] }, context, resolver);
    }
  }
  return bundleOf(result, context, outdir);
}

let bundles = 0;

/** `overrides` are options of esbuild's that a folder's own bundler wants different. */
export async function bundle(context: BundleContext, overrides: BuildOptions = {}): Promise<Bundle> {
  // BuildCache.tidy knows the name.
  const place = join(context.cache, 'bundles', `.${context.platform}-${++bundles}.${process.pid}`);
  try {
    return { ...(await bundleInto(join(place, 'files'), context, overrides)), place };
  } catch (error) {
    rmSync(place, { recursive: true, force: true });
    throw error;
  }
}
