// One build: packages, assemble, bundles, statics, files. Every step is skipped when its result is there from before.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { assemble } from './assemble.ts';
import { bundle, type Bundle, type BundleContext, type Platform } from './bundler.ts';
import { BuildCache } from './cache.ts';
import { nameClient, nameRuntime, type ClientSite } from './client.ts';
import { discover, ownPart, readPackage, type FoundTree } from './discover.ts';
import type { BuildJob } from './job.ts';
import { installMissing, planPackages, tidyPackages, type PackagePlan } from './packages.ts';
import type { Finished, Reporter } from './report.ts';
import type { Share } from './share.ts';
import { toSingleFile } from './single_file.ts';
import { digestOf, Site, writeIfChanged, writeSite, type FinishedSite, type SitePlaces } from './site.ts';
import { sourceVariable } from './sources.ts';
import { plainStatics } from './static/plain.ts';
import type { Evaluated } from './static/evaluate.ts';
import type { ClientAssets } from './static/page.ts';
import { pageHtml } from './static/page.ts';
import { scopeClass } from './styles.ts';

interface Build {
  job: BuildJob;
  share: Share;
  /** host.cjs itself, which the worker runs as well. */
  script: string;
  report: Reporter;
  tree: FoundTree;
  packages: PackagePlan;
  cache: BuildCache;
  /** Of everything that decides the bundles. */
  key: string;
  title: string;
  minify: boolean;
  /** Where modules are evaluated and generators may write; removed when the site is there. */
  scratch: string | null;
}

const temporaryOf = (scratch: string) => join(scratch, 'temporary');

/** The key "owndir" of the root module's package.json. */
function rootSettings(job: BuildJob, tree: FoundTree): { minify: boolean } {
  const file = '.owndir/package.json';
  const settings = tree.files.has(file) ? readPackage(join(job.source, file), file).owndir : undefined;
  const minify = typeof settings === 'object' && settings !== null ? (settings as { minify?: unknown }).minify : true;
  return { minify: minify !== false };
}

/** Whether any module may have routes, middleware or statics: plugins are asked, scripts are looked at for the name O. */
export function needsServer(tree: FoundTree): boolean {
  if (ownPart(tree, 'server', 'package') !== null || ownPart(tree, 'server', 'bundler') !== null) return true;
  if (tree.modules.some(module => module.plugins.length > 0)) return true;
  return [...tree.files].some(([path, { code }]) => code?.server === true && !path.startsWith('.owndir/build/'));
}

/** Threads take a while to load; most folders have neither a bundler of their own nor code at home. */
async function bundleByItsOwn({ script, job }: Build, context: BundleContext, bundler: string): Promise<Bundle> {
  const { bundleContained } = await import('./custom.ts');
  return bundleContained(script, context, bundler, job.limits);
}

/** Does `work` once the bundler has been asked, which then works beside us. */
async function meanwhile<Value>(work: () => Value): Promise<Value> {
  await new Promise(setImmediate);
  return work();
}

async function makeBundle(build: Build, platform: Platform): Promise<Bundle> {
  const { job, share, tree, packages, cache, key, minify } = build;
  const known = cache.bundle(platform, key);
  if (known) return known;
  const bundler = ownPart(tree, platform, 'bundler');
  const own = ownPart(tree, platform, 'package');
  const standard = platform === 'client' ? join(share.directory, 'client-default') : 'owndir.server';
  const context: BundleContext = {
    platform,
    entry: own === null ? standard : join(job.source, own),
    source: job.source,
    cache: job.cache,
    share,
    tree,
    needs: packages.needs,
    assembled: assemble(tree, job.source, share, platform === 'server'),
    minify,
    inlineAssets: job.singleFile,
  };
  const making = bundler === null ? bundle(context) : bundleByItsOwn(build, context, bundler);
  const [made] = await Promise.all([making, meanwhile(() => cache.forgetBundle(platform))]);
  cache.keepBundle(platform, key, made);
  return made;
}

async function bundleFor(build: Build, platform: Platform): Promise<Bundle> {
  const made = await build.report.step(`bundle ${platform}`, () => makeBundle(build, platform));
  for (const warning of made.warnings) build.report.warning(warning);
  return made;
}

/** Server code is told where its source lies, and stack traces where the person has it. */
function writeServer({ job }: Build, server: Bundle, directory: string): string {
  const place = join(directory, 'dist.cjs');
  for (const { name, bytes } of server.files) {
    if (name === 'dist.js') {
      const text = Buffer.from(bytes).toString('utf8');
      const placed = text.replace(`"@@${sourceVariable}@@"`, () => JSON.stringify(job.source));
      writeIfChanged(place, Buffer.from(`${placed}//# sourceMappingURL=dist.cjs.map\n`));
    } else if (name === 'dist.js.map') {
      const map = JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, unknown>;
      writeIfChanged(`${place}.map`, Buffer.from(JSON.stringify({ ...map, sourceRoot: `${job.folder}/` })));
    }
  }
  return place;
}

async function evaluate(build: Build, server: Bundle, assets: ClientAssets): Promise<Evaluated> {
  const { job, tree, cache, key, title, report } = build;
  const evaluationKey = digestOf(JSON.stringify([key, title, assets]));
  const known = cache.value<Evaluated>('static', evaluationKey);
  if (known) return known;
  mkdirSync(job.cache, { recursive: true });
  build.scratch = mkdtempSync(join(job.cache, 'made-'));
  const dist = writeServer(build, server, join(build.scratch, 'server'));
  const temporary = temporaryOf(build.scratch);
  mkdirSync(temporary);
  const homes = Object.fromEntries(tree.modules.map(({ path, home }) => [path, join(job.source, home)]));
  const { source, folder } = job;
  const told: unknown[] = [];
  const { evaluateStatic } = await import('./static/evaluate.ts');
  const evaluated = await evaluateStatic(
    build.script,
    { kind: 'owndir-static', dist, source, folder, title, homes, client: assets, temporary },
    problem => {
      told.push(problem);
      report.warning(problem);
    },
    job.limits,
  );
  // What functions have made may differ next time; warnings are to be told again.
  if (!evaluated.dynamic && told.length === 0 && evaluated.items.every(item => 'from' in item))
    cache.keep('static', evaluationKey, evaluated);
  return evaluated;
}

function placesOf(build: Build): SitePlaces {
  const { job, tree, scratch } = build;
  const homes = new Map(tree.modules.map(({ path, home }) => [path, join(job.source, home)]));
  return {
    home: module => homes.get(module) ?? join(job.source, module),
    roots: (module, generated) => [
      homes.get(module) ?? join(job.source, module),
      ...(generated ? [join(job.folder, module), ...(scratch === null ? [] : [temporaryOf(scratch)])] : []),
    ],
  };
}

function fillSite(build: Build, client: ClientSite, server: Bundle | null, evaluated: Evaluated | null): FinishedSite {
  const { job, tree, title, report } = build;
  const site = new Site(client.assets, problem => report.warning(problem));
  for (const file of client.files) site.put(file.path, { bytes: file.bytes }, null);
  for (const { name, bytes } of server?.files ?? [])
    if (name.startsWith('assets/') && !site.has(name)) site.put(name, { bytes }, null);
  const template = ownPart(tree, 'client', 'static');
  if (template !== null)
    for (const path of tree.files.keys())
      if (path.startsWith(`${template}/`))
        site.put(path.slice(template.length + 1), { file: join(job.source, path) }, null);
  if (!site.has('index.html'))
    site.put('index.html', { bytes: Buffer.from(pageHtml('index.html', {}, title, client.assets)) }, null);
  const places = placesOf(build);
  for (const { to, file, module } of plainStatics(tree, job.source, new Set(evaluated?.own)))
    site.put(to, { file }, module);
  for (const item of evaluated?.items ?? []) site.add(item, places);
  const modules = tree.modules.map(module => module.path);
  const classes = Object.fromEntries(modules.flatMap(path => (path === '' ? [] : [[path, scopeClass(path) ?? '']])));
  const finished = site.finish({ title, name: basename(job.folder), modules, classes });
  return job.singleFile ? toSingleFile(finished, problem => report.warning(problem)) : finished;
}

async function makeSite(build: Build): Promise<Finished> {
  const { job, report, tree } = build;
  const withServer = needsServer(tree);
  const bundles = Promise.all([bundleFor(build, 'client'), withServer ? bundleFor(build, 'server') : null]);
  const [[clientBundle, server], runtime] = await Promise.all([bundles, meanwhile(() => nameRuntime(build.share))]);
  const client = nameClient(clientBundle, runtime);
  return report.step('static', async () => {
    try {
      const evaluated = server === null ? null : await evaluate(build, server, client.assets);
      const site = fillSite(build, client, server, evaluated);
      writeSite(join(job.out, 'site'), site.files);
      const routes = evaluated?.routes ?? false;
      if (routes && server !== null) writeServer(build, server, join(job.out, 'server'));
      else rmSync(join(job.out, 'server'), { recursive: true, force: true });
      return {
        files: site.files.map(({ path, bytes }) => ({ path, bytes: bytes.length })),
        server: routes ? 'server/dist.cjs' : null,
        routes,
        modules: tree.modules.map(module => module.path),
        digest: site.digest,
      };
    } finally {
      if (build.scratch !== null) rmSync(build.scratch, { recursive: true, force: true });
    }
  });
}

export async function build(job: BuildJob, share: Share, script: string, report: Reporter): Promise<Finished> {
  const tree = await report.step('assemble', () => discover(job.source));
  for (const warning of tree.warnings) report.warning(warning);
  const cache = new BuildCache(join(job.cache, 'bundles'));
  cache.tidy();
  const options = { share, source: job.source, tree, directory: job.cache, cache, scripts: job.scripts };
  const packages = planPackages(options);
  if (packages.missing.length > 0) {
    const detail = packages.missing.map(({ home, dependencies }) => `${home}: ${Object.keys(dependencies).join(' ')}`);
    const work = () => installMissing(options, packages);
    await report.step('packages', work, detail.join('; ').slice(0, 500));
  }
  tidyPackages(job.cache, packages);
  const { minify } = rootSettings(job, tree);
  const files = [...tree.files].map(([path, file]) => [path, file.digest]);
  // Absolute paths are in it because a custom bundler and maps may have seen them.
  const key = digestOf(JSON.stringify([share.digest, files, packages.digest, minify, job.singleFile, job.source]));
  const title = job.title === '' ? basename(job.folder) : job.title;
  return makeSite({ job, share, script, report, tree, packages, cache, key, title, minify, scratch: null });
}
