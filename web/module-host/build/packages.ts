// The packages that modules name in their package.json: those that come with the product are used from there, the others
// are installed by npm into the cache directory, keyed by what decides the result. Never anything below the folder.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import type { BuildCache } from './cache.ts';
import { readPackage, type FoundTree } from './discover.ts';
import { explain, runNpm } from './npm.ts';
import { BuildFailure, type Problem } from './report.ts';
import type { Share } from './share.ts';
import { loadSatisfies } from './tools.ts';

/** What one package.json asks for. */
export interface PackageNeeds {
  /** Directory of the package.json, relative to the source. */
  home: string;
  dependencies: Record<string, string>;
  /** Names of those that come with the product in a version that fits. */
  shipped: ReadonlySet<string>;
  /** Where its node_modules is; null when everything comes with the product. */
  installed: string | null;
}

const maxDependencies = 500;
const keepUnusedMs = 30 * 24 * 60 * 60_000;

function dependenciesOf(source: string, home: string): Record<string, string> {
  const file = `${home}/package.json`;
  const { dependencies } = readPackage(join(source, file), file);
  if (dependencies === undefined || dependencies === null) return {};
  if (typeof dependencies !== 'object') throw BuildFailure.of('"dependencies" must be an object', { file });
  const entries = Object.entries(dependencies as Record<string, unknown>);
  if (entries.length > maxDependencies) throw BuildFailure.of(`more than ${maxDependencies} dependencies`, { file });
  for (const [name, range] of entries)
    if (typeof range !== 'string') throw BuildFailure.of(`the version of "${name}" must be a string`, { file });
  // Client and server packages name the assembled modules by these; the build itself has them.
  const ours = ['owndir.package', 'owndir.assembled'];
  const theirs = entries.filter(([name]) => !ours.includes(name));
  return Object.fromEntries(theirs.sort(([a], [b]) => (a < b ? -1 : 1))) as Record<string, string>;
}

type Fits = (name: string, range: string) => boolean;

/** Whether the product's version fits a range. What is known from before is not asked anew: loading semver takes a while. */
function shippedFits(share: Share, all: readonly Record<string, string>[], cache: BuildCache): Fits {
  const asked = all.flatMap(each => Object.entries(each)).filter(([name]) => name in share.shipped);
  const known = cache.value<Record<string, boolean>>('shipped', share.digest) ?? {};
  const keyOf = (name: string, range: string) => `${name}@${range}`;
  if (asked.some(([name, range]) => known[keyOf(name, range)] === undefined)) {
    const satisfies = loadSatisfies();
    for (const [name, range] of asked)
      known[keyOf(name, range)] = range === '' || range === 'latest' || satisfies(share.shipped[name] ?? '', range);
    cache.keep('shipped', share.digest, known);
  }
  return (name, range) => name in share.shipped && known[keyOf(name, range)] === true;
}

/** A local package: its directory inside the module, relative to the source; null when it is something else. */
function localDirectory(home: string, range: string): string | null {
  const path = /^(?:file:)?(\.{1,2}\/.*)$/.exec(range)?.[1] ?? /^file:([^/].*)$/.exec(range)?.[1];
  return path === undefined ? null : normalize(`${home}/${path}`).replace(/\/$/, '');
}

interface Install extends PackageNeeds {
  lock: string | null;
  locals: Map<string, string>;
  key: string;
}

interface Asked {
  home: string;
  dependencies: Record<string, string>;
}

function plan({ home, dependencies }: Asked, source: string, tree: FoundTree, fits: Fits, scripts: boolean): Install | PackageNeeds {
  const wanted = Object.entries(dependencies).filter(([name, range]) => !fits(name, range));
  const missing = new Set(wanted.map(([name]) => name));
  const shipped = new Set(Object.keys(dependencies).filter(name => !missing.has(name)));
  if (wanted.length === 0) return { home, dependencies, shipped, installed: null };
  const lockFile = `${home}/package-lock.json`;
  const lock = tree.files.has(lockFile) ? readFileSync(join(source, lockFile), 'utf8') : null;
  const locals = new Map<string, string>();
  for (const [name, range] of wanted) {
    const local = localDirectory(home, range);
    if (local === null) continue;
    if (!local.startsWith(`${home}/`) || !tree.files.has(`${local}/package.json`))
      throw BuildFailure.of(`"${name}": "${range}" must be a directory with a package.json below ${home}`, {
        file: `${home}/package.json`,
      });
    locals.set(name, local);
  }
  const hash = createHash('sha256');
  const parts = [lock === null ? wanted : dependencies, lock, scripts, process.platform, process.arch];
  hash.update(JSON.stringify([1, parts, process.versions.node.split('.')[0]]));
  for (const local of locals.values())
    for (const [path, file] of tree.files) if (path.startsWith(`${local}/`)) hash.update(`${path}\0${file.digest}\0`);
  const key = hash.digest('hex').slice(0, 32);
  return { home, dependencies, shipped, installed: null, lock, locals, key };
}

/** Writes what npm needs into `directory` and runs it. */
async function install(source: string, needs: Install, directory: string, scripts: boolean): Promise<void> {
  mkdirSync(directory, { recursive: true });
  // Without a lock only what is missing is fetched; with one, all of it must match.
  const dependencies = Object.fromEntries(
    Object.entries(needs.dependencies).filter(([name]) => needs.lock !== null || !needs.shipped.has(name)),
  );
  for (const local of needs.locals.values())
    cpSync(join(source, local), join(directory, local.slice(needs.home.length + 1)), { recursive: true });
  const original = readPackage(join(source, needs.home, 'package.json'), `${needs.home}/package.json`);
  const written = needs.lock === null ? { name: 'owndir-packages', version: '0.0.0', private: true, dependencies } : original;
  writeFileSync(join(directory, 'package.json'), JSON.stringify(written, null, 2));
  if (needs.lock !== null) writeFileSync(join(directory, 'package-lock.json'), needs.lock);
  const verb = needs.lock === null ? ['install', '--install-links'] : ['ci'];
  const result = await runNpm(directory, [...verb, '--omit=dev', ...(scripts ? [] : ['--ignore-scripts'])]);
  if (result.ok) return;
  const { name, text } = explain(result.output);
  const asked = Object.entries(dependencies).map(([each, range]) => `${each}@${range}`);
  const which =
    name !== null && name in dependencies
      ? `"${name}": "${dependencies[name]}"`
      : `${name === null ? '' : `"${name}", needed by one of `}${asked.slice(0, 20).join(', ')}`;
  throw BuildFailure.of(`cannot install ${which}: ${text}`, { file: `${needs.home}/package.json` });
}

function isInstall(needs: Install | PackageNeeds): needs is Install {
  return 'key' in needs;
}

export interface PackagePlan {
  needs: (Install | PackageNeeds)[];
  /** Of everything that is or will be installed. */
  digest: string;
  /** How many are not in the cache yet. */
  missing: Install[];
}

function placeOf(cache: string, needs: Install): string {
  return join(cache, 'packages', needs.key);
}

export interface PackageOptions {
  share: Share;
  source: string;
  tree: FoundTree;
  /** The cache directory: packages are installed below it. */
  directory: string;
  cache: BuildCache;
  /** Install scripts of packages may run. */
  scripts: boolean;
}

export function planPackages({ share, source, tree, directory, cache, scripts }: PackageOptions): PackagePlan {
  const problems: Problem[] = [];
  const collect = <From, To>(list: readonly From[], work: (each: From) => To): To[] =>
    list.flatMap(each => {
      try {
        return [work(each)];
      } catch (error) {
        if (!(error instanceof BuildFailure)) throw error;
        problems.push(...error.problems);
        return [];
      }
    });
  const asked = collect(tree.packages, home => ({ home, dependencies: dependenciesOf(source, home) }));
  const fits = shippedFits(share, asked.map(each => each.dependencies), cache);
  const needs = collect(asked, each => plan(each, source, tree, fits, scripts));
  if (problems.length > 0) throw new BuildFailure(problems);
  const installs = needs.filter(isInstall);
  const digest = createHash('sha256').update(JSON.stringify(installs.map(({ home, key }) => [home, key])));
  const missing = installs.filter(each => !existsSync(join(placeOf(directory, each), 'done')));
  for (const each of installs) if (!missing.includes(each)) each.installed = placeOf(directory, each);
  return { needs, digest: digest.digest('hex'), missing };
}

/** Installs what is missing, one after the other; npm itself works in parallel. */
export async function installMissing({ source, directory, scripts }: PackageOptions, plan: PackagePlan): Promise<void> {
  const base = join(directory, 'packages');
  mkdirSync(base, { recursive: true });
  for (const needs of plan.missing) {
    const place = placeOf(directory, needs);
    if (!existsSync(join(place, 'done'))) {
      const temporary = join(base, `.${needs.key}.${process.pid}`);
      rmSync(temporary, { recursive: true, force: true });
      try {
        await install(source, needs, temporary, scripts);
        writeFileSync(join(temporary, 'done'), '');
        rmSync(place, { recursive: true, force: true });
        renameSync(temporary, place);
      } finally {
        rmSync(temporary, { recursive: true, force: true });
      }
    }
    needs.installed = place;
  }
}

/** Marks what is in use, and removes what nothing has used for a month. */
export function tidyPackages(cache: string, plan: PackagePlan, now = Date.now()): void {
  const base = join(cache, 'packages');
  if (!existsSync(base)) return;
  const used = new Set(plan.needs.filter(isInstall).map(each => each.key));
  for (const name of readdirSync(base)) {
    const path = join(base, name);
    if (used.has(name)) {
      if (now - statSync(path).mtimeMs > 24 * 60 * 60_000) utimesSync(path, now / 1000, now / 1000);
    } else if (now - statSync(path).mtimeMs > keepUnusedMs) rmSync(path, { recursive: true, force: true });
  }
}
