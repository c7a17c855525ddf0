// What code there is along the tree: the modules, their plugins, and a digest of every file of theirs. Symbolic links are
// never followed, so that nothing outside the folder is taken in and no loop is walked.
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, type Dirent } from 'node:fs';
import { join } from 'node:path';
import { BuildFailure, messageOf, type Problem } from './report.ts';

export const limits = { modules: 1000, files: 20_000, depth: 100, fileBytes: 64 * 1024 * 1024, bytes: 512 * 1024 * 1024 };

export interface SourceFile {
  digest: string;
  bytes: number;
  /** Set for JavaScript and TypeScript. */
  code?: CodeTraits;
}

/** What the text of a script mentions; found once, so that the bundler need not look at each file. */
export interface CodeTraits {
  /** __dirname, __filename or import.meta.url. */
  place: boolean;
  /** A `@jsx` pragma without `@jsxRuntime`. */
  classicJsx: boolean;
  /** It may set routes, middleware or statics: it writes O, or hands it on. */
  server: boolean;
  /** It may need what browsers lack of Node's globals: it names one, or a package other than those that do without. */
  node: boolean;
}

export interface FoundPlugin {
  name: string;
  /** Relative to the source: a script, or a directory that has one. */
  entry: string;
}

export interface FoundModule {
  /** Of its directory, from the root: "", "a/b". */
  path: string;
  /** Its `.owndir`, or the directory of its `.owndir.js`, relative to the source. */
  home: string;
  /** Relative to the source; null when `.owndir` holds no code of its own. */
  entry: string | null;
  plugins: FoundPlugin[];
}

export interface FoundTree {
  modules: FoundModule[];
  /** By path relative to the source, sorted. */
  files: Map<string, SourceFile>;
  /** Directories with a package.json, relative to the source. */
  packages: string[];
  warnings: Problem[];
}

const skipped = new Set(['.dist', '.wrtc-proxy', 'node_modules', '.git', '.stfolder', '.stversions']);
const scripts = /\.(?:[jt]sx?|mjs|cjs|mts|cts)$/;
const indexNames = ['index.js', 'index.jsx', 'index.ts', 'index.tsx'];
const bareNames = ['.owndir.js', '.owndir.jsx', '.owndir.ts', '.owndir.tsx'];

const byName = (a: Dirent, b: Dirent) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

export function below(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

/** Not the mere reading of `this.O.path` and `this.O.parent`. */
const setsO = /\bO\s*(?::|=(?![=>])|\|\|=|\?\?=|[,)}[]|\??\.\s*(?:routes|middleware|static)\b)|['"`]O['"`]/;

const nodeGlobals = /\b(?:process|Buffer|setImmediate|clearImmediate)\b/;
const needsNode =
  /(?:\bfrom|\bimport|\brequire\s*\(|\bimport\s*\()\s*['"`](?!\.|(?:react|react-dom|react-router|react-router-dom|preact|preact-render-to-string|marked)(?:['"`/]))/;

function traitsOf(text: string): CodeTraits {
  return {
    place: /\b(?:__dirname|__filename|import\.meta)\b/.test(text),
    classicJsx: /@jsx\s+\w/.test(text) && !/@jsxRuntime\s/.test(text),
    server: setsO.test(text),
    node: nodeGlobals.test(text) || needsNode.test(text),
  };
}

class Walk {
  readonly tree: FoundTree = { modules: [], files: new Map(), packages: [], warnings: [] };
  readonly #source: string;
  #bytes = 0;

  constructor(source: string) {
    this.#source = source;
  }

  #entries(directory: string): Dirent[] {
    try {
      return readdirSync(join(this.#source, directory), { withFileTypes: true }).sort(byName);
    } catch (error) {
      throw BuildFailure.of(`cannot be read: ${messageOf(error)}`, { file: directory || '.' });
    }
  }

  /** A directory of the folder: its module, then what lies below. */
  directory(path: string, depth: number): void {
    if (depth > limits.depth) throw BuildFailure.of(`directories are nested deeper than ${limits.depth}`, { file: path });
    const entries = this.#entries(path);
    this.#module(path, entries);
    for (const entry of entries)
      if (entry.isDirectory() && !entry.name.startsWith('.owndir') && !skipped.has(entry.name))
        this.directory(below(path, entry.name), depth + 1);
  }

  #module(path: string, entries: Dirent[]): void {
    const has = entries.some(entry => entry.name === '.owndir' && entry.isDirectory());
    const bare = entries.filter(entry => entry.isFile() && bareNames.includes(entry.name));
    if (!has && bare.length === 0) return;
    if (this.tree.modules.length >= limits.modules) throw BuildFailure.of(`there are more than ${limits.modules} modules`);
    const home = below(path, '.owndir');
    if (has) this.#files(home, 0);
    for (const { name } of bare) this.#file(below(path, name));
    let entry = has ? this.#entryOf(home) : null;
    const taken = entry === null ? bare[0] : undefined;
    for (const { name } of bare)
      if (name !== taken?.name)
        this.tree.warnings.push({
          text: `is not used: the module of this directory is ${entry ?? below(path, taken?.name ?? '')}`,
          file: below(path, name),
        });
    if (taken) entry = below(path, taken.name);
    this.tree.modules.push({ path, home: has ? home : path, entry, plugins: has ? this.#plugins(home) : [] });
  }

  #plugins(home: string): FoundPlugin[] {
    const directory = `${home}/plugins`;
    if (!isDirectory(join(this.#source, directory))) return [];
    const plugins: FoundPlugin[] = [];
    for (const entry of this.#entries(directory)) {
      const path = below(directory, entry.name);
      if (entry.isFile() && scripts.test(entry.name)) plugins.push({ name: entry.name, entry: path });
      else if (entry.isDirectory() && this.#entryOf(path) !== null) plugins.push({ name: entry.name, entry: path });
    }
    return plugins;
  }

  /** The directory itself when a bundler can import it. A package.json that names no script may be there for its data. */
  #entryOf(directory: string): string | null {
    if (indexNames.some(name => this.tree.files.has(`${directory}/${name}`))) return directory;
    return this.#mainOf(directory) === null ? null : directory;
  }

  #mainOf(directory: string): string | null {
    const file = `${directory}/package.json`;
    if (!this.tree.files.has(file)) return null;
    const value = readPackage(join(this.#source, file), file);
    return [value.main, value.module, value.exports].some(main => main !== undefined) ? file : null;
  }

  /** All files of a `.owndir`. */
  #files(directory: string, depth: number): void {
    if (depth > limits.depth)
      throw BuildFailure.of(`directories are nested deeper than ${limits.depth}`, { file: directory });
    for (const entry of this.#entries(directory)) {
      const path = below(directory, entry.name);
      if (entry.isDirectory() && !skipped.has(entry.name)) this.#files(path, depth + 1);
      else if (entry.isFile()) this.#file(path);
      if (entry.isFile() && entry.name === 'package.json') this.tree.packages.push(directory);
    }
  }

  #file(path: string): void {
    const whole = join(this.#source, path);
    const { size } = lstatSync(whole);
    this.#bytes += size;
    if (size > limits.fileBytes) throw BuildFailure.of(`is larger than ${limits.fileBytes} bytes`, { file: path });
    if (this.tree.files.size >= limits.files || this.#bytes > limits.bytes)
      throw BuildFailure.of(`the modules have more than ${limits.files} files or ${limits.bytes} bytes`);
    const bytes = readFileSync(whole);
    const file: SourceFile = { digest: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length };
    if (scripts.test(path)) file.code = traitsOf(bytes.toString('utf8'));
    this.tree.files.set(path, file);
  }
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

export interface PackageFile {
  name?: unknown;
  main?: unknown;
  module?: unknown;
  exports?: unknown;
  owndir?: unknown;
  dependencies?: unknown;
  [key: string]: unknown;
}

/** Throws a failure that names `file` when it is no JSON object. */
export function readPackage(path: string, file: string): PackageFile {
  const text = readFileSync(path, 'utf8').replace(/^\ufeff/, '');
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as PackageFile;
  } catch (error) {
    throw BuildFailure.of(`is no JSON: ${messageOf(error)}`, { file });
  }
  throw BuildFailure.of('holds no JSON object', { file });
}

export function discover(source: string): FoundTree {
  if (!isDirectory(source)) throw BuildFailure.of(`there is no directory ${source}`);
  const walk = new Walk(source);
  walk.directory('', 0);
  const { tree } = walk;
  // Parents before children, and the same order on every file system.
  tree.modules.sort((a, b) => (a.path === b.path ? 0 : `${a.path}/` < `${b.path}/` ? -1 : 1));
  tree.files = new Map([...tree.files].sort(([a], [b]) => (a < b ? -1 : 1)));
  return tree;
}

export type Part = 'bundler' | 'package' | 'static';

/** Where a folder's own part is, relative to its source; null when it has none. */
export function ownPart(tree: FoundTree, platform: 'client' | 'server', part: Part): string | null {
  const directory = `.owndir/build/${platform}/${part}`;
  return [...tree.files.keys()].some(path => path.startsWith(`${directory}/`)) ? directory : null;
}
