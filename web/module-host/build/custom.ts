// A folder's own bundler and client or server package: `.owndir/build/{client,server}/{bundler,package,static}`.
// The bundler is a Node package whose default export is called as bundler(src, dst, context).
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { BuildOptions } from 'esbuild';
import { assemble } from './assemble.ts';
import { bundle, bundleOptions, type Bundle, type BundleContext, type BundleFile } from './bundler.ts';
import { runContained, type ContainedLimits } from './contained.ts';
import { BuildFailure, messageOf, type Problem } from './report.ts';
import { placeOf } from './place.ts';

/** A directory of ours in which Node finds the packages that a bundler or package names. */
function stage(context: BundleContext, from: string, to: string): void {
  const { share, needs, source } = context;
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true });
  const modules = join(to, 'node_modules');
  const link = (base: string, name: string) => {
    const target = join(base, 'node_modules', name);
    const path = join(modules, name);
    if (!existsSync(target) || existsSync(path)) return;
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(target, path);
  };
  const home = relative(source, from);
  const installed = needs.find(each => each.home === home)?.installed ?? null;
  if (installed !== null)
    for (const name of readdirSync(join(installed, 'node_modules'))) if (!name.startsWith('.')) link(installed, name);
  for (const name of Object.keys(share.shipped)) link(share.base, name);
}

/** The package that the bundle starts from, as a directory in which `owndir.package` can be required. */
function stagePackage(context: BundleContext, from: string, to: string): void {
  stage(context, from, to);
  const assembled = join(to, 'node_modules/owndir.package');
  mkdirSync(assembled, { recursive: true });
  const text = assemble(context.tree, context.source, context.share, false);
  writeFileSync(join(assembled, 'index.js'), text);
  writeFileSync(join(assembled, 'package.json'), '{"name":"owndir.package","version":"0.0.0","main":"index.js"}\n');
}

function filesIn(directory: string, at = ''): string[] {
  return readdirSync(join(directory, at), { withFileTypes: true }).flatMap(entry => {
    const path = at === '' ? entry.name : `${at}/${entry.name}`;
    return entry.isDirectory() ? filesIn(directory, path) : entry.isFile() ? [path] : [];
  });
}

/** For the thread that runs it. */
interface BundlerJob {
  kind: 'owndir-bundler';
  context: BundleContext;
  /** Of the bundler, relative to the source. */
  directory: string;
}

type BundlerMessage = { bundle: Bundle } | { problems: readonly Problem[] };

type Bundler = (src: string, dst: string, context: object) => unknown;

async function loadBundler(directory: string): Promise<Bundler> {
  let loaded: unknown;
  try {
    loaded = createRequire(join(directory, 'index.js'))(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_REQUIRE_ESM') throw error;
    const entry = createRequire(join(directory, 'index.js')).resolve(directory);
    loaded = await import(pathToFileURL(entry).href);
  }
  const exported: unknown = (loaded as { default?: unknown } | null)?.default ?? loaded;
  if (typeof exported !== 'function') throw new Error('exports no function');
  return exported as Bundler;
}

/** What it leaves beside `dst` is the bundle. */
async function bundleByFolder({ context, directory }: BundlerJob): Promise<Bundle> {
  const { platform, source, cache, entry } = context;
  const base = join(cache, 'stage', platform);
  const [src, out] = [join(base, 'package'), join(base, 'out')];
  const dst = join(out, 'dist.js');
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  stage(context, join(source, directory), join(base, 'bundler'));
  stagePackage(context, entry, src);
  const { options, resolver } = bundleOptions(context);
  const defaultBundler = async (_src: string, to: string, overrides: BuildOptions = {}): Promise<boolean> => {
    const { files, place } = await bundle(context, overrides);
    if (place !== undefined) rmSync(place, { recursive: true, force: true });
    for (const file of files) {
      const path = join(dirname(to), file.name.replace(/^(?:client|dist)\./, `${basename(to, '.js')}.`));
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, file.bytes);
    }
    return true;
  };
  const resolve = (specifier: string, importer: string): string | null => {
    const found = resolver.baseFor(importer, specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/'));
    return found === null ? null : join(found, 'node_modules', specifier);
  };
  try {
    const bundler = await loadBundler(join(base, 'bundler'));
    const result = await bundler(src, dst, { platform, source, defaultBundler, resolve, esbuildOptions: options });
    if (result === false) throw new Error('returned false');
    if (!existsSync(dst)) throw new Error(`has not written ${dst}`);
  } catch (error) {
    if (error instanceof BuildFailure) throw error;
    const stack = (error as Error).stack?.replaceAll(join(base, 'bundler'), join(source, directory)) ?? '';
    throw BuildFailure.of(`the folder's own ${platform} bundler failed: ${messageOf(error)}`, {
      file: directory,
      ...placeOf(stack, source),
    });
  }
  const stem = platform === 'client' ? 'client.' : 'dist.';
  const files: BundleFile[] = filesIn(out)
    .sort()
    .map(name => ({ name: name.replace(/^dist\./, stem), bytes: readFileSync(join(out, name)) }));
  return { files, warnings: [] };
}

export async function runBundlerWorker(): Promise<void> {
  const say = (message: BundlerMessage) => parentPort?.postMessage(message);
  try {
    say({ bundle: await bundleByFolder(workerData as BundlerJob) });
  } catch (error) {
    say({ problems: error instanceof BuildFailure ? error.problems : [{ text: messageOf(error) }] });
  }
  // Whatever it has left running, esbuild among it, must not keep the build waiting.
  setImmediate(() => process.exit(0));
}

/** Runs the folder's own bundler in a thread of its own. */
export function bundleContained(script: string, context: BundleContext, directory: string, limits: ContainedLimits): Promise<Bundle> {
  const data: BundlerJob = { kind: 'owndir-bundler', context, directory };
  return runContained<BundlerMessage, Bundle>({
    script,
    data,
    limits,
    places: [context.source],
    doing: { text: `the folder's own ${context.platform} bundler (${directory})`, module: null, ms: limits.bundlerMs },
    take(message, run) {
      if ('problems' in message) throw new BuildFailure(message.problems);
      run.settle(message.bundle);
    },
  });
}
