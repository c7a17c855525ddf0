// The content of the site: paths with their bytes, who wrote them, and how it is put on the disk without touching what
// has not changed.
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { BuildFailure, type Problem } from './report.ts';
import { injectInto, type Inject } from './static/inject.ts';
import { placeRoot } from './static/root_mark.ts';
import type { StaticItem } from './static/messages.ts';
import { fillMark, siteMark, type ClientAssets, type SiteInfo } from './static/page.ts';

const maxFiles = 50_000;
const maxBytes = 2 * 1024 * 1024 * 1024;

const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const known = new WeakMap<Uint8Array, string>();

/** In hex. Bytes must not change any more: the same array is not read twice. */
export function digestOf(bytes: string | Uint8Array): string {
  if (typeof bytes === 'string') return sha256(bytes);
  const digest = known.get(bytes) ?? sha256(bytes);
  known.set(bytes, digest);
  return digest;
}

type Content = { bytes: Uint8Array } | { file: string };

interface Entry {
  content: Content;
  /** Who wrote it: a module's path, or null for what the build itself writes. */
  module: string | null;
}

export interface SitePlaces {
  /** Directories that files of a module may be copied from. */
  roots(module: string, generated: boolean): string[];
  /** What relative sources of a module count from. */
  home(module: string): string;
}

const skippedNames = new Set(['node_modules', '.wrtc-proxy', '.stfolder', '.stversions', '.dist', '.git']);

export class Site {
  readonly #entries = new Map<string, Entry>();
  readonly #warn: (problem: Problem) => void;
  readonly #assets: ClientAssets;
  readonly #directories = new Set<string>();
  #bytes = 0;

  constructor(assets: ClientAssets, warn: (problem: Problem) => void) {
    this.#assets = assets;
    this.#warn = warn;
  }

  /** Later ones win; that a module's file gives way to another's is told. */
  put(path: string, content: Content, module: string | null): void {
    const before = this.#entries.get(path);
    const name = (each: string | null) => (each === null ? 'the build' : each === '' ? 'the root' : each);
    if (before && before.module !== null)
      this.#warn({
        text: `two entries of O.static write "${path}": that of ${name(module)} replaces that of ${name(before.module)}`,
      });
    else if (before && module !== null && path !== 'index.html')
      this.#warn({ text: `O.static of ${name(module)} replaces "${path}", which the build itself writes` });
    const clash = this.#clash(path);
    if (clash !== null)
      throw BuildFailure.of(`O.static of ${name(module)} writes "${path}", but "${clash}" is a file as well as a directory`);
    if (this.#entries.size >= maxFiles) throw BuildFailure.of(`the site has more than ${maxFiles} files`);
    this.#entries.set(path, { content, module });
    for (let at = path; at.includes('/'); ) this.#directories.add((at = at.slice(0, at.lastIndexOf('/'))));
  }

  /** A file where another path needs a directory. */
  #clash(path: string): string | null {
    if (this.#directories.has(path)) return path;
    for (let at = path; at.includes('/'); ) {
      at = at.slice(0, at.lastIndexOf('/'));
      if (this.#entries.has(at)) return at;
    }
    return null;
  }

  has(path: string): boolean {
    return this.#entries.has(path);
  }

  add(item: StaticItem, places: SitePlaces): void {
    if ('bytes' in item) return this.#putPage(item.to, Buffer.from(item.bytes), item.inject, item.module);
    const roots = places.roots(item.module, item.generated);
    const from = resolve(places.home(item.module), item.from);
    const fault = (why: string) => BuildFailure.of(`O.static of ${item.module || 'the root'}: "${item.from}" ${why}`);
    if (isAbsolute(item.from) && !item.generated) throw fault('must be relative to the module’s own directory');
    if (!roots.some(root => from === root || from.startsWith(`${root}/`))) throw fault('lies outside of what the module may copy');
    if (!existsSync(from)) throw fault('does not exist');
    const inside = realRoots(roots);
    if (!inside(from)) throw fault('leads outside of what the module may copy');
    if (statSync(from).isDirectory()) return this.#addDirectory(from, item, inside, fault, 0);
    if (!statSync(from).isFile()) throw fault('is neither a file nor a directory');
    const name = from.slice(from.lastIndexOf('/') + 1);
    this.#addFile(from, item.directory ? (item.to === '' ? name : `${item.to}/${name}`) : item.to, item);
  }

  #addDirectory(
    from: string,
    item: StaticItem,
    inside: (path: string) => boolean,
    fault: (why: string) => BuildFailure,
    depth: number,
  ): void {
    if (depth > 100) throw fault('is nested too deeply');
    for (const entry of readdirSync(from, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (skippedNames.has(entry.name) || entry.name.startsWith('.owndir')) continue;
      const path = join(from, entry.name);
      if (!inside(path)) throw fault(`holds ${entry.name}, which leads outside of what the module may copy`);
      const to = item.to === '' ? entry.name : `${item.to}/${entry.name}`;
      const kind = statSync(path);
      if (kind.isDirectory()) {
        // A link to a directory above would be walked for ever.
        if (entry.isSymbolicLink()) throw fault(`holds ${entry.name}, a link to a directory`);
        this.#addDirectory(path, { ...item, to }, inside, fault, depth + 1);
      } else if (kind.isFile()) this.#addFile(path, to, item);
    }
  }

  #addFile(path: string, to: string, item: StaticItem): void {
    this.#bytes += statSync(path).size;
    if (this.#bytes > maxBytes) throw BuildFailure.of(`the site has more than ${maxBytes} bytes`);
    if (item.inject && /\.html?$/i.test(to)) this.#putPage(to, readFileSync(path), item.inject, item.module);
    else this.put(to, { file: path }, item.module);
  }

  #putPage(to: string, bytes: Uint8Array, inject: Inject | null, module: string): void {
    const made = inject ? Buffer.from(injectInto(Buffer.from(bytes).toString('utf8'), to, inject, this.#assets)) : bytes;
    this.put(to, { bytes: placeRoot(made, to) }, module);
  }

  pages(): string[] {
    return [...this.#entries.keys()].filter(path => /\.html?$/i.test(path)).sort();
  }

  #read(path: string): Uint8Array {
    const content = this.#entries.get(path)?.content;
    if (!content) return new Uint8Array();
    return 'bytes' in content ? content.bytes : readFileSync(content.file);
  }

  /** Fills in what pages say of the site; the digest covers all content and the title. */
  finish(info: Omit<SiteInfo, 'digest' | 'pages'>): FinishedSite {
    const pages = this.pages();
    const paths = [...this.#entries.keys()].sort();
    const files: SiteFile[] = paths.map(path => {
      const bytes = this.#read(path);
      return { path, bytes, digest: digestOf(bytes) };
    });
    const digest = digestOf(JSON.stringify([info, files.map(file => [file.path, file.digest])])).slice(0, 32);
    for (const file of files) {
      if (!/\.html?$|(?:^|\/)dist\.js$/i.test(file.path)) continue;
      const text = Buffer.from(file.bytes).toString('utf8');
      if (!text.includes(siteMark)) continue;
      file.bytes = Buffer.from(fillMark(text, file.path, { ...info, digest, pages }));
      file.digest = digestOf(file.bytes);
    }
    return { files, digest };
  }
}

export interface SiteFile {
  path: string;
  bytes: Uint8Array;
  digest: string;
}

export interface FinishedSite {
  files: SiteFile[];
  digest: string;
}

/** Follows links: true for what really lies in one of the directories. */
function realRoots(roots: readonly string[]): (path: string) => boolean {
  const real = roots.filter(root => existsSync(root)).map(root => realpathSync(root));
  return path => {
    const place = realpathSync(path);
    return real.some(root => place === root || place.startsWith(`${root}/`));
  };
}

/** All files under `directory`, relative to it. Links count as files. */
function listFiles(directory: string, at = ''): string[] {
  if (!existsSync(join(directory, at))) return [];
  return readdirSync(join(directory, at), { withFileTypes: true }).flatMap(entry => {
    const path = at === '' ? entry.name : `${at}/${entry.name}`;
    return entry.isDirectory() ? listFiles(directory, path) : [path];
  });
}

export function writeIfChanged(path: string, bytes: Uint8Array): boolean {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there?.isFile() && there.size === bytes.length && readFileSync(path).equals(bytes)) return false;
  if (there?.isDirectory()) rmSync(path, { recursive: true });
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.owndir-${process.pid}.tmp`;
  writeFileSync(temporary, bytes);
  renameSync(temporary, path);
  return true;
}

function removeEmpty(directory: string, stop: string): void {
  for (let at = directory; at !== stop && at.startsWith(`${stop}/`); at = dirname(at)) {
    if (readdirSync(at).length > 0) return;
    rmdirSync(at);
  }
}

/** Makes `directory` hold exactly the site; pages come last. Returns how many files were written. */
export function writeSite(directory: string, files: readonly SiteFile[]): number {
  const wanted = new Set(files.map(file => file.path));
  for (const path of listFiles(directory)) {
    if (wanted.has(path)) continue;
    rmSync(join(directory, path));
    removeEmpty(dirname(join(directory, path)), directory);
  }
  mkdirSync(directory, { recursive: true });
  const rank = (path: string) => (path === 'index.html' ? 2 : /\.html?$/i.test(path) ? 1 : 0);
  let written = 0;
  for (const file of [...files].sort((a, b) => rank(a.path) - rank(b.path)))
    if (writeIfChanged(join(directory, file.path), file.bytes)) written += 1;
  return written;
}
