// build.cold, build.warm: `host.cjs build` of examples/notes against bare esbuild on the same entry points, whole processes turn
// by turn. cold: nothing is cached; warm: one module has changed. build.nochange: `owndir build` where nothing has, against a
// Node that does nothing; how long, and how many files are rewritten.
import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../tests/support/paths.mjs';

export const names = ['build.cold', 'build.warm', 'build.nochange'];

const rounds = 25;
const share = join(root, 'build/release/share/owndir');
const median = list => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const round = (value, digits = 3) => Number(value.toFixed(digits));

function timed(argv, input = '', program = process.execPath) {
  const started = performance.now();
  const run = spawnSync(program, argv, {
    input,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  const milliseconds = performance.now() - started;
  if (run.status !== 0) throw new Error(`${argv.join(' ')}: ${run.stdout.slice(-500)} ${run.stderr.slice(-500)}`);
  return milliseconds;
}

/** What the same entry points cost without us: the client with the module, one bundle, and the files written. */
function bareScript(directory, folder) {
  const work = join(directory, 'bare');
  mkdirSync(work, { recursive: true });
  const module = JSON.stringify(join(folder, '.owndir/index.jsx'));
  writeFileSync(
    join(work, 'tree.js'),
    `import { createTree } from ${JSON.stringify(join(share, 'module-tree.mjs'))}; import * as m from ${module};
    export const OwnDir = createTree(); OwnDir.addModule('', m.default);`,
  );
  const script = join(work, 'build.cjs');
  writeFileSync(
    script,
    `require(${JSON.stringify(join(share, 'node_modules/esbuild'))}).build({
    entryPoints: [${JSON.stringify(join(share, 'client-default/index.tsx'))}], outdir: ${JSON.stringify(join(work, 'out'))}, bundle: true, minify: true,
    sourcemap: true, format: 'iife', target: 'es2020', jsx: 'automatic', loader: { '.js': 'jsx' }, legalComments: 'none', charset: 'utf8', logLevel: 'error',
    define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' }, nodePaths: [${JSON.stringify(join(share, 'node_modules'))}],
    alias: { 'owndir.package': ${JSON.stringify(join(work, 'tree.js'))} } });`,
  );
  return script;
}

function stamps(directory, at = '') {
  return readdirSync(join(directory, at), { withFileTypes: true }).flatMap(entry => {
    const path = join(at, entry.name);
    if (entry.isDirectory()) return stamps(directory, path);
    const { ino, mtimeMs } = statSync(join(directory, path));
    return [`${path} ${ino} ${mtimeMs}`];
  });
}

export async function measure(t, wanted, _programs, print) {
  const folder = join(t.directory, 'notes');
  cpSync(join(root, 'examples/notes'), folder, { recursive: true });
  const [out, cache] = [join(t.directory, 'out'), join(t.directory, 'cache')];
  const job = JSON.stringify({
    source: folder,
    folder,
    out,
    cache,
    title: 'Notes',
  });
  const host = [join(share, 'host.cjs'), 'build', cache]; // as the server does
  const bare = [bareScript(t.directory, folder)];
  const clear = () => [out, cache].forEach(path => rmSync(path, { recursive: true, force: true }));
  let changes = 0;
  const change = () =>
    appendFileSync(join(folder, '.owndir/index.jsx'), `\nexport const change${++changes} = ${changes};\n`);
  const compare = (name, prepare) => {
    const times = { ours: [], theirs: [] };
    for (let i = 0; i <= rounds; ++i) {
      prepare();
      const theirs = timed(bare);
      const ours = timed(host, job);
      if (i === 0) continue; // the disk's cache
      times.ours.push(ours);
      times.theirs.push(theirs);
    }
    const [ours, theirs] = [median(times.ours), median(times.theirs)];
    print({
      name,
      ratio: round(median(times.ours.map((time, i) => time / times.theirs[i]))), // of neighbours: the machine's load changes
      build_ms: round(ours, 1),
      esbuild_ms: round(theirs, 1),
      rounds,
    });
  };
  if (wanted.includes('build.cold')) compare('build.cold', clear);
  if (wanted.includes('build.warm')) compare('build.warm', change);
  if (!wanted.includes('build.nochange')) return;
  const owndir = () =>
    timed(
      ['build', folder, '--trust', '--state', join(t.directory, 'state')],
      '',
      join(root, 'build/release/src/cli/owndir'),
    );
  const site = join(folder, '.owndir/.dist');
  owndir();
  const before = stamps(site);
  const [times, empty] = [[], []];
  for (let i = 0; i < rounds; ++i) {
    times.push(owndir());
    empty.push(timed(['-e', '0']));
  }
  const rewritten = stamps(site).filter(stamp => !before.includes(stamp)).length;
  print({
    name: 'build.nochange',
    ratio: round(median(times) / median(empty)),
    build_ms: round(median(times), 1),
    node_ms: round(median(empty), 1),
    rewritten,
    rounds,
  });
}
