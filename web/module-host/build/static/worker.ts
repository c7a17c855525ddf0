// Runs modules at build time, in a thread of its own that can be ended: loads the server bundle and evaluates O.static.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { openFolder } from '../../folder.ts';
import { loadingName } from '../assemble.ts';
import { messageOf } from '../report.ts';
import { loadSass } from '../tools.ts';
import type { Inject } from './inject.ts';
import type { Fault, StaticItem, StaticJob, StaticMessage } from './messages.ts';
import { destination, isDirectoryTarget, parseOperations, type Operation } from './operations.ts';
import { rootMark, rootName } from './root_mark.ts';
import { iconSvg, pageHtml, upFrom, type PageOptions } from './page.ts';

const maxBytes = 128 * 1024 * 1024;

interface Module {
  O: { path: string; routes: unknown[]; middleware: unknown[]; static?: unknown };
}

interface Tree {
  modules: readonly Module[];
  errors: readonly { module: string; plugin?: string; message: string; error: unknown }[];
  injectFsRoot(root: unknown): void;
}

function say(message: StaticMessage): void {
  parentPort?.postMessage(message);
}

function faultOf(error: unknown, module: string | null): Fault {
  return { text: messageOf(error), stack: error instanceof Error ? (error.stack ?? '') : '', module };
}

const pathOf = (module: Module) => module.O.path.replace(/^\//, '');

/** The argument of generators. Everything that it gives depends only on the build's input. */
function helpers(job: StaticJob, module: Module, to: string) {
  const path = pathOf(module);
  const home = job.homes[path] ?? '';
  const up = upFrom(to);
  const relativeTo = (site: string) => up + site.replace(rootMark, '');
  return {
    /** Destination from the site's root. */
    path: to,
    title: job.title,
    module,
    /** A directory that may be written; `from` may lie in it. */
    temporary: job.temporary,
    page: (options: PageOptions = {}) => pageHtml(to, options, job.title, job.client),
    icon: (emoji: string) => iconSvg(emoji),
    /** The style sheets beside a module's code, of the modules above first; or just those that are named. */
    css: (...names: string[]) => styleText(job, path, home, names),
    client: () => ({
      scripts: job.client.scripts.map(each => ({ ...each, path: relativeTo(each.path) })),
      styles: job.client.styles.map(each => ({ ...each, path: relativeTo(each.path) })),
    }),
    url: relativeTo,
  };
}

function styleText(job: StaticJob, path: string, home: string, names: string[]): string {
  const files = names.length > 0 ? names.map(name => join(home, name)) : [];
  if (names.length === 0) {
    const above = Object.keys(job.homes).filter(each => each === '' || each === path || path.startsWith(`${each}/`));
    for (const each of above.sort((a, b) => a.length - b.length)) {
      const directory = job.homes[each] ?? '';
      if (existsSync(directory))
        for (const name of readdirSync(directory).sort())
          if (/\.(?:css|scss|sass)$/.test(name) && !name.startsWith('_')) files.push(join(directory, name));
    }
  }
  const texts: string[] = [];
  for (const file of files) {
    if (!file.startsWith(`${home}/`) && names.length > 0) throw new Error(`o.css: ${file} is no file of the module`);
    if (file.endsWith('.css')) texts.push(readFileSync(file, 'utf8'));
    else texts.push(loadSass().compile(file, { quietDeps: true }).css);
  }
  return texts.join('\n');
}

async function collect(pieces: AsyncIterable<unknown> | Iterable<unknown>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const piece of pieces) {
    if (typeof piece !== 'string' && !(piece instanceof Uint8Array))
      throw new Error('the stream gives something that is neither text nor bytes');
    const chunk = typeof piece === 'string' ? Buffer.from(piece) : piece;
    size += chunk.length;
    if (size > maxBytes) throw new Error(`the stream gives more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

type Made = { bytes: Uint8Array } | { from: string };

/** Text, bytes, a Response, a stream, or { file }. */
async function made(value: unknown): Promise<Made> {
  if (typeof value === 'string') return { bytes: Buffer.from(value) };
  if (value instanceof Uint8Array) return { bytes: value };
  if (value instanceof ArrayBuffer) return { bytes: new Uint8Array(value) };
  if (typeof Response !== 'undefined' && value instanceof Response) {
    if (!value.ok) throw new Error(`the Response has status ${value.status}`);
    return { bytes: value.body ? await collect(value.body) : new Uint8Array() };
  }
  if (typeof value === 'object' && value !== null) {
    if (Symbol.asyncIterator in value) return { bytes: await collect(value as AsyncIterable<unknown>) };
    if (Symbol.iterator in value && 'next' in value) return { bytes: await collect(value as Iterable<unknown>) };
    const { file } = value as { file?: unknown };
    if (typeof file === 'string') return { from: file };
  }
  throw new Error('a generator returns text, bytes, a Response, a stream or { file: "path" }');
}

async function injectOf(value: unknown, module: Module, o: unknown): Promise<Inject | null> {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'object') throw new Error('O.static: "inject" must be an object');
  const known = ['head', 'body', 'css', 'icon', 'client'];
  const inject: Record<string, unknown> = {};
  for (const [slot, given] of Object.entries(value)) {
    if (!known.includes(slot)) throw new Error(`O.static: "inject" knows ${known.join(', ')}, not "${slot}"`);
    const content: unknown =
      typeof given === 'function' ? await (given as (this: unknown, o: unknown) => unknown).call(module, o) : given;
    if (typeof content !== 'string' && typeof content !== 'boolean')
      throw new Error(`O.static: "inject.${slot}" must be a text${slot === 'css' || slot === 'client' ? ' or true' : ''}`);
    inject[slot] = content;
  }
  return inject;
}

function usesFunctions(operation: Operation): boolean {
  const { from, inject } = operation;
  const slots = typeof inject === 'object' && inject !== null ? Object.values(inject) : [];
  return 'generate' in from || slots.some(each => typeof each === 'function');
}

class Evaluation {
  dynamic = false;
  readonly #job: StaticJob;

  constructor(job: StaticJob) {
    this.#job = job;
  }

  async module(module: Module): Promise<void> {
    const path = pathOf(module);
    let value = module.O.static;
    if (typeof value === 'function') {
      this.dynamic = true;
      say({ current: 'O.static', module: path });
      const o = helpers(this.#job, module, path === '' ? 'index.html' : `${path}/index.html`);
      value = await (value as (this: unknown, o: unknown) => unknown).call(module, o);
      if (typeof value === 'string')
        return this.#item({ module: path, to: path, directory: true, inject: null, from: value, generated: true });
    }
    for (const operation of parseOperations(value)) await this.#operation(module, path, operation);
  }

  async #operation(module: Module, path: string, operation: Operation): Promise<void> {
    const { to, from } = operation;
    const target = destination(path, to);
    const directory = isDirectoryTarget(to);
    say({ current: `O.static "${to}"`, module: path });
    if (usesFunctions(operation)) this.dynamic = true;
    const o = helpers(this.#job, module, target);
    const inject = await injectOf(operation.inject, module, o);
    const base = { module: path, to: target, directory, inject };
    if ('path' in from) return this.#item({ ...base, from: from.path, generated: false });
    if ('generate' in from) {
      const result = await made(await from.generate.call(module, o));
      if ('from' in result) return this.#item({ ...base, from: result.from, generated: true });
      return this.#bytes(base, result.bytes, to);
    }
    return this.#bytes(base, typeof from.content === 'string' ? Buffer.from(from.content) : from.content, to);
  }

  #bytes(base: Omit<StaticItem, 'from' | 'generated' | 'bytes'>, bytes: Uint8Array, to: string): void {
    if (base.directory) throw new Error(`O.static: "${to}" names a directory, but what is made is one file`);
    if (bytes.length > maxBytes) throw new Error(`O.static: "${to}" has more than ${maxBytes} bytes`);
    // A copy: what a module returns may be a part of a larger buffer.
    this.#item({ ...base, bytes: new Uint8Array(bytes) });
  }

  #item(item: StaticItem): void {
    say({ item });
  }
}

async function evaluate(job: StaticJob): Promise<void> {
  process.setSourceMapsEnabled(true);
  // The server bundle says whose code comes next.
  const globals = globalThis as Record<string, unknown>;
  globals[rootName] = rootMark;
  globals[loadingName] = (module: string) =>
    say({ current: 'loading its code', module, loading: true });
  const { OwnDir } = createRequire(job.dist)(job.dist) as { OwnDir?: Tree };
  if (!OwnDir) throw new Error('the server package exports no OwnDir');
  say({ current: 'the modules’ code', module: null });
  for (const { module, plugin, error } of OwnDir.errors) {
    const fault = faultOf(error, module.replace(/^\//, ''));
    say({ warning: { ...fault, text: plugin === undefined ? fault.text : `the plugin ${plugin} does not work: ${fault.text}` } });
  }
  const routes = OwnDir.modules.some(({ O }) => O.routes.length + O.middleware.length > 0);
  const evaluation = new Evaluation(job);
  const withStatic = OwnDir.modules.filter(({ O }) => O.static !== undefined && O.static !== null);
  if (withStatic.length > 0) OwnDir.injectFsRoot(await openFolder(job.folder));
  for (const module of withStatic)
    try {
      await evaluation.module(module);
    } catch (error) {
      say({ failed: faultOf(error, pathOf(module)) });
    }
  say({ evaluated: { routes, dynamic: evaluation.dynamic, own: withStatic.map(pathOf) } });
}

export async function runStaticWorker(): Promise<void> {
  try {
    await evaluate(workerData as StaticJob);
  } catch (error) {
    say({ failed: faultOf(error, null) });
    say({ ended: true });
  }
  // Timers that modules have started must not keep the build waiting.
  setImmediate(() => process.exit(0));
}
