// run.mjs: litmus, the test suite of WebDAV servers, against nginx directly and through `owndir proxy` and `owndir connect`;
// what differs is printed. ./dev conformance litmus comes here. Everything is kept in test-artefacts/litmus.json.
//   transparent: proxy and connect rewrite nothing.   rewritten: the proxy rewrites hosts, as it does for people.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Courier } from '../support/courier.mjs';
import { Context, until } from '../support/harness.mjs';
import { whyNot } from '../support/needs.mjs';
import { connect, proxy } from '../support/owndir.mjs';
import { root } from '../support/paths.mjs';
import { capture, Child } from '../support/processes.mjs';

const suites = ['basic', 'copymove', 'props', 'locks', 'http'];
const module = '/usr/lib/nginx/modules/ngx_http_dav_ext_module.so';

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** nginx with an empty folder for everybody to write into. */
async function startServer(t) {
  const at = join(t.directory, 'nginx');
  const port = await freePort();
  for (const name of ['site', 'tmp']) mkdirSync(join(at, name), { recursive: true });
  const paths = ['proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${join(at, 'tmp', name)};`).join(' ');
  writeFileSync(join(at, 'nginx.conf'), `load_module ${module}; ${process.getuid() === 0 ? 'user root; ' : ''}daemon off; pid ${join(at, 'nginx.pid')}; worker_processes 1;
events { worker_connections 256; }
http { client_body_temp_path ${join(at, 'site/.body')}; ${paths} access_log off; client_max_body_size 0; dav_ext_lock_zone zone=locks:1m;
  server { listen 127.0.0.1:${port}; root ${join(at, 'site')};
    location / { dav_methods PUT DELETE MKCOL COPY MOVE; dav_ext_methods PROPFIND OPTIONS LOCK UNLOCK; dav_ext_lock zone=locks; create_full_put_path off; } } }\n`);
  const server = new Child(['nginx', '-p', at, '-e', join(at, 'error.log'), '-c', join(at, 'nginx.conf')], { env: { PATH: `${process.env.PATH}:/usr/sbin` } });
  t.defer(() => server.stop());
  const answers = () => new Promise((resolve) => get({ port, timeout: 2000 }, (response) => resolve(Boolean(response.resume()))).on('error', () => resolve(false)));
  await until(() => {
    if (server.code !== undefined) throw new Error(`nginx ended with ${server.code}: ${server.tail()}`);
    return answers();
  }, { what: 'an answer of nginx' });
  return `http://127.0.0.1:${port}`;
}

async function through(t, name, origin, proxyArgs) {
  const [home, away] = ['home', 'away'].map((end) => join(t.directory, `${name}-${end}`));
  for (const folder of [home, away]) mkdirSync(folder, { recursive: true });
  await proxy(t, home, `dav=${origin}`, { state: join(t.directory, `${name}-state-home`), args: proxyArgs });
  new Courier(t, { home, away });
  // without --transparent, connect would ask litmus for a browser's session
  const client = await connect(t, away, { state: join(t.directory, `${name}-state-away`), args: ['--transparent'] });
  await client.event('apps', { seconds: 40 });
  return `http://localhost:${client.port}`;
}

/** What cannot be the same, from docs/limits.md: a line `* litmus basic: put_get: reason` each. */
function readLimits() {
  return new Set([...readFileSync(join(root, 'docs/limits.md'), 'utf8').matchAll(/^\* litmus (\w+: \w+): /gm)].map(([, name]) => name));
}

/** "basic: put_get" → [verdict, what litmus says of it]. */
async function litmus(t, name, origin) {
  const results = new Map();
  const at = join(t.directory, `litmus-${name}`);
  mkdirSync(at);
  for (const suite of suites) {
    const { stdout, stderr } = await capture(['timeout', '120', 'litmus', `${origin}/`], { cwd: at, env: { TESTS: suite } });
    // "pass (with 1 warning)" follows on a line without a name
    for (const line of stdout.split(/[\n\r]/)) {
      const [, test, verdict, more] = /^\s*\d+\. (\w+)\.* (pass|FAIL|SKIPPED|XFAIL|WARNING)(.*)$/.exec(line) ?? [];
      if (test) results.set(`${suite}: ${test}`, [verdict, more.trim()]);
    }
    if (![...results.keys()].some((each) => each.startsWith(suite))) throw new Error(`litmus ${suite} said nothing: ${stdout}${stderr}`);
  }
  return results;
}

async function main() {
  const missing = (await Promise.all(['owndir', 'nginx', 'litmus', 'dav'].map(whyNot))).filter(Boolean);
  if (missing.length > 0) throw new Error(missing.join('; '));
  const t = new Context({ suite: 'litmus', title: 'litmus' }, false);
  const results = {};
  try {
    const origin = await startServer(t);
    const origins = { direct: origin, transparent: await through(t, 'transparent', origin, ['--transparent']), rewritten: await through(t, 'rewritten', origin, []) };
    for (const [way, address] of Object.entries(origins)) {
      results[way] = await litmus(t, way, address);
      const count = (wanted) => [...results[way].values()].filter(([verdict]) => verdict === wanted).length;
      console.log(`${way.padEnd(12)} ${count('pass')} pass, ${count('FAIL')} fail, ${count('SKIPPED')} skipped of ${results[way].size}`);
    }
  } finally {
    await t.end();
  }
  const { direct, ...others } = results;
  const limits = readLimits();
  const differences = Object.entries(others).flatMap(([way, mine]) =>
    [...new Set([...direct.keys(), ...mine.keys()])].map((name) => [way, name, direct.get(name) ?? ['ABSENT'], mine.get(name) ?? ['ABSENT']]).filter(([, , one, other]) => one[0] !== other[0]));
  for (const [way, name, one, other] of differences)
    console.log(`${limits.has(name) ? 'limit    ' : 'differs  '} ${name}\n          directly ${one.join(' ')}; ${way} ${other.join(' ')}`);
  const stale = [...limits].filter((name) => !differences.some(([, each]) => each === name)).map((name) => `docs/limits.md names litmus ${name}, which does not differ`);
  const failures = differences.filter(([, name]) => !limits.has(name)).length;
  const mess = t.lines.filter((line) => line.includes('cleaning up: '));
  for (const line of [...stale, ...mess]) console.log(line);
  if (failures === 0) console.log(differences.length === 0 ? 'No difference.' : 'No difference beyond docs/limits.md.');
  mkdirSync(join(root, 'test-artefacts'), { recursive: true });
  writeFileSync(join(root, 'test-artefacts/litmus.json'), JSON.stringify({ differences, results: Object.fromEntries(Object.entries(results).map(([way, all]) => [way, Object.fromEntries(all)])) }, null, 1));
  return failures + stale.length + mess.length > 0 ? 1 : 0;
}

process.exit(await main().catch((error) => {
  console.error(`./dev conformance litmus: ${error.message}`);
  return 2;
}));
