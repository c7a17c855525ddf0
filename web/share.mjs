// share.mjs --out DIR [--link]: writes the runtime data directory (share/owndir) that the program finds beside itself:
// host.cjs and host-main.cjs (module-host), runtime/ (what every built page loads), module-tree.mjs, client-default/, the production
// packages of package.json under node_modules/, and manifest.json, which lists the packages and digests all of it.
// Same input, same bytes; a file that would not change is not touched. --link: node_modules is a link (for tests).
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const web = fileURLToPath(new URL('.', import.meta.url));
const { values } = parseArgs({ options: { out: { type: 'string' }, link: { type: 'boolean' } } });
if (!values.out) fail('usage: node share.mjs --out DIR [--link]');
const out = resolve(values.out);

function fail(message) {
  console.error(`share.mjs: ${message}`);
  process.exit(1);
}

async function loadTools() {
  try {
    const { build } = await import('esbuild');
    return { build };
  } catch (error) {
    if (error?.code === 'ERR_MODULE_NOT_FOUND')
      fail('run ./dev setup first (web/node_modules is missing or incomplete)');
    throw error;
  }
}

const written = new Map();

/** Writes one file under `out` by temporary name and rename, when it differs. */
function write(path, bytes) {
  const buffer = Buffer.from(bytes);
  written.set(path, createHash('sha256').update(buffer).digest('hex'));
  const target = join(out, path);
  if (existsSync(target) && readFileSync(target).equals(buffer)) return;
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(`${target}.tmp`, buffer);
  renameSync(`${target}.tmp`, target);
}

/** The files under `directory`, sorted, as paths relative to it. */
function filesUnder(directory, skip = () => false) {
  const found = [];
  const walk = at => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      if (skip(entry.name)) continue;
      if (entry.isDirectory()) walk(join(at, entry.name));
      else if (entry.isFile()) found.push(relative(directory, join(at, entry.name)));
    }
  };
  if (existsSync(directory)) walk(directory);
  return found.sort();
}

async function bundle({ build }, from, options) {
  const result = await build({
    entryPoints: [join(web, from)],
    absWorkingDir: web,
    bundle: true,
    write: false,
    outdir: '/',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'error',
    ...options,
  });
  return result.outputFiles;
}

async function bundleOurs(tools) {
  for (const [from, to] of Object.entries({ start: 'host.cjs', main: 'host-main.cjs' })) {
    const [host] = await bundle(tools, `module-host/${from}.ts`, {
      platform: 'node',
      format: 'cjs',
      target: 'node18',
      external: ['esbuild', 'express', 'sass'], // module-host/build/tools.ts loads more by name
    });
    write(to, host.contents);
  }
  if (existsSync(join(web, 'module-tree/index.ts'))) {
    const [tree] = await bundle(tools, 'module-tree/index.ts', {
      platform: 'neutral',
      format: 'esm',
      target: 'es2020',
    });
    write('module-tree.mjs', tree.contents);
  }
  if (existsSync(join(web, 'runtime/index.ts'))) {
    const { bundleRuntime } = await import('./runtime/bundle.mjs');
    write('runtime/runtime.js', await bundleRuntime());
  }
}

/** The production packages with all they need, as the lock file says: [[path under node_modules, version]]. */
function productionPackages() {
  const { packages } = JSON.parse(readFileSync(join(web, 'package-lock.json'), 'utf8'));
  return Object.entries(packages)
    .filter(([path, entry]) => path && !entry.dev && !entry.devOptional)
    .filter(([path, entry]) => !entry.optional || path.startsWith('node_modules/@esbuild/')) // no native file watchers
    .map(([path, entry]) => [path.slice('node_modules/'.length), entry.version])
    .filter(([path]) => existsSync(join(web, 'node_modules', path))) // not another platform's
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function linkOrCopy(from, to) {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

const leftOut = name => name === 'node_modules' || name === '.bin' || /\.(map|md|markdown)$/i.test(name);

/** Copies the packages, unless exactly they are there already. */
function copyPackages(packages, base) {
  const stamp = join(out, '.packages.json');
  const list = JSON.stringify(packages);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === list && existsSync(base)) return;
  rmSync(stamp, { force: true });
  rmSync(base, { recursive: true, force: true });
  for (const [path] of packages)
    for (const file of filesUnder(join(web, 'node_modules', path), leftOut)) {
      const to = join(base, path, file);
      mkdirSync(dirname(to), { recursive: true });
      linkOrCopy(join(web, 'node_modules', path, file), to);
    }
  writeFileSync(stamp, list);
}

function placePackages(packages) {
  const base = join(out, 'node_modules');
  const linked = lstatSync(base, { throwIfNoEntry: false })?.isSymbolicLink();
  if (linked) rmSync(base);
  if (!values.link) copyPackages(packages, base);
  else {
    rmSync(base, { recursive: true, force: true });
    symlinkSync(join(web, 'node_modules'), base);
  }
}

const tools = await loadTools();
mkdirSync(out, { recursive: true });
try {
  await bundleOurs(tools);
} catch (error) {
  // esbuild has already said what and where.
  if (Array.isArray(error?.errors)) process.exit(1);
  throw error;
}
for (const file of filesUnder(join(web, 'client-default'), name => /\.(?:test\.tsx?|d\.ts|md)$/.test(name)))
  write(join('client-default', file), readFileSync(join(web, 'client-default', file)));
for (const folder of ['runtime', 'client-default'])
  for (const file of filesUnder(join(out, folder)))
    if (!written.has(join(folder, file))) rmSync(join(out, folder, file));

const packages = productionPackages();
placePackages(packages);
const { dependencies } = JSON.parse(readFileSync(join(web, 'package.json'), 'utf8'));
const versions = Object.fromEntries(packages);
const digest = createHash('sha256')
  .update(JSON.stringify([[...written].sort(), versions]))
  .digest('hex');
// `shipped` are the packages that a folder's modules may name; `packages` is everything that is there.
const shipped = Object.fromEntries(Object.keys(dependencies).map(name => [name, versions[name]]));
const manifest = { digest, shipped, packages: versions };
write('manifest.json', `${JSON.stringify(manifest, null, 2)}\n`);
