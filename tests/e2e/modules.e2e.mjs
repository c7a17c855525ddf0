// The folder's own code at home: what runs, when, and what its failures cost. The real program, the real Node host.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Child } from '../support/processes.mjs';
import { suite } from '../support/harness.mjs';
import { serve as serveFolder } from '../support/owndir.mjs';
import { owndir } from '../support/paths.mjs';

const put = (folder, files) => {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
};

/** A folder, a state directory and a cache of its own. */
function home(t, files) {
  const folder = join(t.directory, 'home');
  put(folder, { 'data.txt': 'data', ...files });
  return folder;
}

const cacheOf = (t) => ({ ...process.env, XDG_CACHE_HOME: join(t.directory, 'cache') });

/** Runs a command to its end: {code, out, err}. */
function owndirRun(t, command, folder, ...args) {
  return new Promise((resolve) => {
    const all = [command, folder, '--state', join(t.directory, 'state-home'), ...args];
    execFile(owndir, all, { timeout: 120_000, env: cacheOf(t) }, (error, out, err) => resolve({ code: error ? (error.code ?? -1) : 0, out, err }));
  });
}

const serve = (t, folder, options = {}) => serveFolder(t, folder, { ...options, env: cacheOf(t) });

const get = async (server, path, options = {}) => {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { redirect: 'manual', ...options });
  return { status: response.status, headers: response.headers, text: await response.text() };
};

const snapshotOf = (directory) =>
  Object.fromEntries(
    readdirSync(directory, { recursive: true })
      .map((name) => join(directory, name))
      .filter((path) => statSync(path).isFile())
      .map((path) => [path, statSync(path).mtimeMs]),
  );

const page = 'export default { frame() { return <h1>one</h1>; } };';

const misbehaving = `
let asked = 0;
export default {
  O: {
    routes: [
      ['get', '/hello', (req, res) => res.send('hello ' + ++asked)],
      ['get', '/slow', (req, res) => setTimeout(() => res.send('slow'), 400)],
      ['get', '/throw', () => { throw new Error('thrown on purpose'); }],
      ['get', '/reject', async () => { throw new Error('rejected on purpose'); }],
      ['get', '/stray', (req, res) => { setTimeout(() => { throw new Error('stray on purpose'); }, 5); setTimeout(() => res.send('still here'), 50); }],
      ['get', '/exit', () => process.exit(3)],
      ['get', '/kill', () => process.kill(process.pid, 'SIGKILL')],
      ['get', '/loop', () => { for (;;); }],
      ['get', '/memory', () => { const all = []; for (;;) all.push(new Array(1e6).fill(1.5)); }],
      ['get', '/file', (req, res) => res.sendFile(require('path').resolve(__dirname, 'note.txt'))],
      ['post', '/echo', (req, res) => req.pipe(res)],
    ],
  },
};`;

suite('modules', (test) => {
  const slow = { seconds: 240, lane: 'modules' };

  test('Nothing of the folder runs before it is approved, and what is served stays the last approved build', slow, async (t) => {
    const marker = join(t.directory, 'ran');
    const code = (text) => `require('fs').writeFileSync(${JSON.stringify(marker)}, 'x');\nexport default { O: { static: { 'index.html': ${JSON.stringify(text)} } } };`;
    const folder = home(t, { '.owndir/index.jsx': code('<p>one') });
    const refused = await owndirRun(t, 'build', folder);
    assert.equal(refused.code, 4, refused.out + refused.err);
    assert.match(refused.err, /owndir trust/);
    assert.ok(!existsSync(marker), 'code ran without approval');
    const shown = await owndirRun(t, 'trust', folder);
    assert.equal(shown.code, 4);
    assert.match(shown.out, /the folder itself/);
    assert.match(shown.err, /--yes/);
    assert.equal((await owndirRun(t, 'trust', folder, '--yes')).code, 0);
    const server = await serve(t, folder);
    assert.match((await get(server, '/', { headers: { Accept: 'text/html' } })).text, /<p>one/);
    t.step('the code changes while it is served');
    rmSync(marker, { force: true });
    put(folder, { '.owndir/index.jsx': code('<p>two') });
    const told = await server.event('unapproved');
    assert.deepEqual(told.files.changed, ['.owndir/index.jsx']);
    assert.match((await get(server, '/')).text, /<p>one/);
    assert.ok(!existsSync(marker), 'changed code ran without approval');
    t.step('approved by another process');
    assert.equal((await owndirRun(t, 'trust', folder, '--yes')).code, 0);
    await server.event('built', { seconds: 60, nth: 2 });
    assert.match((await get(server, '/')).text, /<p>two/);
    assert.equal((await owndirRun(t, 'trust', folder, '--revoke')).code, 0);
    assert.equal((await owndirRun(t, 'build', folder)).code, 4);
  });

  test('A build says its steps and sizes, rewrites nothing when nothing changed, and keeps the last good site', slow, async (t) => {
    const folder = home(t, { '.owndir/index.jsx': page });
    const first = await owndirRun(t, 'build', folder, '--trust');
    assert.equal(first.code, 0, first.out + first.err);
    assert.match(first.out, /bundle client +\d+ ms/);
    assert.match(first.out, /Built: \d+ files, [\d.]+ [KM]iB in \.owndir\/\.dist/);
    const dist = join(folder, '.owndir/.dist');
    const before = snapshotOf(dist);
    const again = await owndirRun(t, 'build', folder, '--trust');
    assert.match(again.out, /Up to date.* 0 written/);
    assert.deepEqual(snapshotOf(dist), before);
    t.step('a syntax error');
    put(folder, { '.owndir/index.jsx': 'export default {\n  frame() { return <h1>;\n};' });
    const broken = await owndirRun(t, 'build', folder, '--trust');
    assert.equal(broken.code, 1);
    assert.match(broken.out, /\.owndir\/index\.jsx:\d+:\d+: /);
    assert.match(broken.out, /│/);
    assert.deepEqual(snapshotOf(dist), before);
  });

  test('Approved code that changes is built in the background with --trust, and open pages are told', slow, async (t) => {
    const folder = home(t, { '.owndir/index.jsx': page });
    const server = await serve(t, folder, { args: ['--trust'] });
    const first = await server.event('built', { seconds: 60 });
    put(folder, { '.owndir/index.jsx': page.replace('one', 'two') });
    const second = await server.event('built', { seconds: 60, nth: 2 });
    assert.notEqual(first.site, second.site);
    put(folder, { '.owndir/index.jsx': 'syntax error here' });
    const failed = await server.event('failed', { seconds: 60 });
    assert.match(failed.text, /index\.jsx:1/);
    assert.equal((await get(server, '/data.txt')).text, 'data');
  });

  test('Whatever a handler does, its own request fails and all others are answered', { seconds: 300, lane: 'modules' }, async (t) => {
    const folder = home(t, {
      '.owndir/index.js': misbehaving,
      '.owndir/note.txt': 'beside the module',
      'a/.owndir/index.js': misbehaving,
    });
    const server = await serve(t, folder, { args: ['--trust', '--log', 'info'] });
    const login = await fetch(server.url, { redirect: 'manual' });
    const cookie = login.headers.get('set-cookie').split(';')[0];
    const headers = { cookie, origin: `http://127.0.0.1:${server.port}` };
    assert.match((await get(server, '/hello')).text, /hello/);
    assert.equal((await get(server, '/file')).text, 'beside the module');
    const echo = await get(server, '/echo', { method: 'POST', body: 'x'.repeat(2_000_000), headers });
    assert.equal(echo.text.length, 2_000_000);
    for (const [path, statuses] of [['/throw', [500]], ['/reject', [500]], ['/a/exit', [500, 502]], ['/kill', [502]], ['/a/memory', [502, 504]], ['/loop', [504]]]) {
      t.step(`${path} with others under way`);
      const others = [get(server, '/slow'), get(server, '/a/slow'), get(server, '/data.txt')];
      const bad = await get(server, path);
      assert.ok(statuses.includes(bad.status), `${path}: ${bad.status} ${bad.text}`);
      for (const other of await Promise.all(others)) assert.equal(other.status, 200, `beside ${path}: ${other.text}`);
      assert.equal((await get(server, '/hello')).status, 200, `after ${path}`);
    }
    const stray = await get(server, '/stray');
    assert.ok([200, 500, 502].includes(stray.status));
    assert.equal((await get(server, '/hello')).status, 200);
    assert.match(server.tail(400), /on purpose/);
  });

  test('A full state directory or folder fails the build, says so, and leaves the last good site', { ...slow, needs: [] }, async (t) => {
    const folder = home(t, { '.owndir/index.jsx': page });
    assert.equal((await owndirRun(t, 'build', folder, '--trust')).code, 0);
    const dist = join(folder, '.owndir/.dist');
    const before = snapshotOf(dist);
    put(folder, { '.owndir/index.jsx': page.replace('one', 'two') });
    // A process that may write no large file meets the same refusals as one on a full disk.
    const limited = await new Promise((resolve) => {
      const command = `ulimit -f 8; exec "$0" build "$1" --trust --state "$2"`;
      execFile('bash', ['-c', command, owndir, folder, join(t.directory, 'state-home')], { timeout: 120_000, env: cacheOf(t) }, (error, out, err) =>
        resolve({ code: error?.code ?? 0, out, err }));
    });
    assert.notEqual(limited.code, 0);
    assert.deepEqual(snapshotOf(dist), before);
    assert.equal((await owndirRun(t, 'build', folder, '--trust')).code, 0);
    assert.notDeepEqual(snapshotOf(dist), before);
  });

  test('On a terminal the first serve asks, and a yes lets the code run', slow, async (t) => {
    const folder = home(t, { '.owndir/index.jsx': page });
    const command = [owndir, 'serve', folder, '--port', '0', '--stun', 'none', '--state', join(t.directory, 'state-home')].join(' ');
    const terminal = new Child(['script', '-qfec', command, '/dev/null'], { env: cacheOf(t), stdin: 'pipe' });
    t.defer(() => terminal.stop());
    terminal.process.stdin.write('yes\n');
    await terminal.until(() => terminal.lines.some((line) => line.includes('Let it run?')), { what: 'the question' });
    await terminal.until(() => terminal.lines.some((line) => line.includes('built the folder')), { seconds: 60, what: 'the build' });
    await terminal.until(() => terminal.lines.some((line) => line.includes('owndir serves')), { what: 'the greeting' });
  });

  test('The server ends with all that it started', slow, async (t) => {
    const folder = home(t, { '.owndir/index.js': misbehaving });
    const server = await serve(t, folder, { args: ['--trust'] });
    await get(server, '/hello');
    const children = () => readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean);
    const [node] = children();
    assert.ok(node, 'the module host runs');
    await server.stop();
    assert.ok(!existsSync(`/proc/${node}`), 'the module host is left');
  });
});
