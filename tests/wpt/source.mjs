// The copy of web-platform-tests in Debian's source package firefox-esr: fetched by apt, checked by apt against the signed
// index, and unpacked as far as the suites here need it, into build/wpt/tree. Once; delete build/wpt to have it anew.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support/paths.mjs';

const place = join(root, 'build/wpt');
const tree = join(place, 'tree');
const stamp = join(place, 'tree.version');

/** What tests are run, and what they and the server use. */
export const suites = ['fetch/api', 'xhr', 'websockets', 'eventsource'];
const needed = ['fetch', 'xhr', 'websockets', 'eventsource', 'resources', 'common', 'tools', 'interfaces', 'media', 'images', 'fonts', 'cors', 'wpt', 'wpt.py', 'LICENSE.md', 'docs/commands.json', 'docs/*.py',
  'service-workers/service-worker/resources', 'html/browsers/browsing-the-web', 'html/semantics/forms/form-submission-0/resources', 'feature-policy/resources'];

function run(command, { input, seconds = 1800, visible = false } = {}) {
  const done = spawnSync(command[0], command.slice(1), { input, encoding: 'utf8', timeout: seconds * 1000, maxBuffer: 64 << 20, stdio: ['pipe', 'pipe', visible ? 'inherit' : 'pipe'] });
  if (done.error) throw new Error(`${command[0]}: ${done.error.message}`);
  if (done.status !== 0) throw new Error(`${command.slice(0, 3).join(' ')} ended with ${done.status}: ${(done.stderr ?? '').trim().split('\n').slice(-3).join('; ')}`);
  return done.stdout;
}

/** apt with a list of its own: the source packages of wherever this machine's binary packages come from. */
function aptOptions() {
  const format = '$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)';
  const entries = run(['apt-get', 'indextargets', '--format', format, 'Created-By: Packages']).split('\n').map((line) => line.split('|')).filter(([, , , origin]) => origin === 'Debian');
  if (entries.length === 0) throw new Error('apt knows no Debian packages here; run apt-get update');
  const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';
  const lines = entries.map(([uri, release, component]) => `deb-src ${existsSync(keys) ? `[signed-by=${keys}] ` : ''}${uri} ${release} ${component}`);
  const apt = join(place, 'apt');
  for (const each of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(apt, each), { recursive: true });
  const list = join(apt, 'sources.list');
  writeFileSync(list, `${[...new Set(lines)].join('\n')}\n`);
  const options = { 'Dir::Etc::SourceList': list, 'Dir::Etc::SourceParts': '-', 'Dir::State::Lists': join(apt, 'lists'), 'Dir::Cache': join(apt, 'cache'), 'APT::Sandbox::User': '' };
  return Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/** [version, uri, size, hash] of the upstream tarballs, the newest first. */
function tarballs(options) {
  run(['apt-get', ...options, 'update', '-q']);
  const versions = [...run(['apt-cache', ...options, 'showsrc', '--only-source', 'firefox-esr']).matchAll(/^Version: (\S+)$/gm)].map(([, version]) => version);
  const newer = (a, b) => (spawnSync('dpkg', ['--compare-versions', a, 'gt', b]).status === 0 ? -1 : 1);
  return [...new Set(versions)].sort(newer).map((version) => {
    const uris = run(['apt-get', ...options, 'source', '--print-uris', '--tar-only', `firefox-esr=${version}`]);
    const [, uri, size, hash] = /^'([^']+)' \S+\.orig\.tar\.xz (\d+) (SHA\d+:\S+)/m.exec(uris) ?? [];
    return [version, uri, size, hash];
  }).filter(([, uri]) => uri);
}

function download(say) {
  say('Asking apt for source packages');
  const options = aptOptions();
  const failures = [];
  for (const [version, uri, size, hash] of tarballs(options)) {
    say(`Fetching the source of firefox-esr ${version}: ${Math.round(Number(size) / 1e6)} MB`);
    const file = join(place, 'firefox-esr.orig.tar.xz');
    try {
      run(['/usr/lib/apt/apt-helper', ...options, 'download-file', uri, file, hash]);
      return { version, file };
    } catch (error) {
      failures.push(`${version}: ${error.message}`);
    }
  }
  throw new Error(`no source package of firefox-esr could be had. ${failures.join(' ') || 'apt has none.'}`);
}

/** The copy, and what it is a copy of. */
export function webPlatformTests(say) {
  if (!existsSync(stamp)) {
    mkdirSync(place, { recursive: true });
    const { version, file } = download(say);
    say(`Unpacking ${needed.length} of its folders (some minutes)`);
    const making = join(place, 'tree.new');
    for (const each of [making, tree]) rmSync(each, { recursive: true, force: true });
    mkdirSync(making);
    const patterns = needed.flatMap((path) => ['', '/*'].map((rest) => `*/testing/web-platform/tests/${path}${rest}`));
    // tar minds a pattern that is met by nothing; what counts is there or not
    const got = spawnSync('tar', ['-xJf', file, '-C', making, '--strip-components=4', '--wildcards', ...patterns], { encoding: 'utf8', timeout: 1_800_000 });
    if (!existsSync(join(making, 'resources/testharness.js'))) throw new Error(`could not unpack ${file}: ${got.stderr.slice(-400)}`);
    renameSync(making, tree);
    rmSync(file);
    writeFileSync(stamp, `firefox-esr ${version}\n`);
  }
  return { tree, version: readFileSync(stamp, 'utf8').trim() };
}

/** [{ path, seconds }] of every test, by the copy's own tool. `path` has a query for variants. */
export function listTests(at) {
  const file = join(place, 'manifest.json');
  if (!existsSync(file)) run(['/usr/bin/python3', join(at, 'wpt'), 'manifest', '--no-download', '--cache-root', join(place, 'manifest-cache'), '-p', file, ...suites]);
  const tests = [];
  const walk = (entries, path) => {
    for (const [name, value] of Object.entries(entries)) {
      if (!Array.isArray(value)) walk(value, `${path}${name}/`);
      else for (const [url, more] of value.slice(1)) tests.push({ path: `/${url ?? path + name}`, seconds: more?.timeout === 'long' ? 60 : 10 });
    }
  };
  walk(JSON.parse(readFileSync(file, 'utf8')).items.testharness, '');
  return tests.filter(({ path }) => suites.some((suite) => path.startsWith(`/${suite}/`))).sort((a, b) => (a.path < b.path ? -1 : 1));
}
