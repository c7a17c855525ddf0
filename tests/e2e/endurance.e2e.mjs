// Much and many, through one session: an app at home by `owndir proxy` and `owndir connect`, asked by a plain HTTP client.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Courier } from '../support/courier.mjs';
import { suite } from '../support/harness.mjs';
import { connect, proxy } from '../support/owndir.mjs';

const mib = 1 << 20;
const gib = 1 << 30;
const grownAtMost = 64; // MiB

const block = randomBytes(mib);
/** A body of `size` bytes, of which no two MiB are alike; `hash` has seen all of it at its end. */
async function* body(size, hash) {
  for (let at = 0; at < size; at += mib) {
    const piece = Buffer.from(block);
    piece.writeUInt32BE(at / mib, 0);
    hash.update(piece);
    yield piece;
  }
}

/** GET /SIZE gives so many bytes, POST answers with the digest of what came. */
async function upstream(t) {
  const seen = { given: [] };
  const server = createServer(async (asked, answer) => {
    const hash = createHash('sha256');
    try {
      if (asked.method === 'POST') {
        for await (const piece of asked) hash.update(piece);
        answer.end(hash.digest('hex'));
        return;
      }
      const size = Number(asked.url.slice(1)) || 0;
      answer.setHeader('content-length', size);
      if (size < mib) return answer.end(block.subarray(0, size));
      await pipeline(body(size, hash), answer);
      seen.given.push(hash.digest('hex'));
    } catch (error) {
      t.log(`upstream: ${error.message}`);
      answer.destroy();
    }
  });
  server.requestTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.defer(() => server.closeAllConnections());
  t.defer(() => server.close());
  return Object.assign(seen, { origin: `http://127.0.0.1:${server.address().port}` });
}

function send(client, agent, { host, path, method = 'GET', cookie, body: content, headers = {} }) {
  return new Promise((resolve, reject) => {
    const asked = request({ agent, host: '127.0.0.1', port: client.port, path, method, headers: { host, ...(cookie ? { cookie } : {}), ...headers } }, resolve);
    asked.on('error', reject);
    if (content) pipeline(content, asked).catch(reject);
    else asked.end();
  });
}

/** Follows the login link to the app's own host; gives its name and its cookie. */
async function signIn(client, agent, name) {
  const jar = new Map();
  let url = new URL(client.url);
  for (const next of [`http://127.0.0.1:${client.port}/@/app/${name}`, '']) {
    for (let hops = 0; hops < 8; hops++) {
      const answer = await send(client, agent, { host: url.host, path: url.pathname + url.search, cookie: jar.get(url.host) });
      const cookies = (answer.headers['set-cookie'] ?? []).map((each) => each.split(';')[0]);
      if (cookies.length > 0) jar.set(url.host, cookies.join('; '));
      answer.resume();
      await once(answer, 'end');
      if (!answer.headers.location) break;
      url = new URL(answer.headers.location, url);
    }
    if (next) url = new URL(next);
  }
  const host = `${name}.localhost:${client.port}`;
  assert.equal(url.host, host);
  return { host, cookie: jar.get(host) };
}

/** What a process holds: MiB of memory, and descriptors. */
function held(child) {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return { memory: Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024, descriptors: readdirSync(`/proc/${child.pid}/fd`).length };
}

/** The most memory that the processes held while `act` ran, each less what it held before. */
async function growth(children, act) {
  const before = children.map((child) => held(child).memory);
  const most = [...before];
  const timer = setInterval(() => children.forEach((child, index) => (most[index] = Math.max(most[index], held(child).memory))), 100);
  try {
    await act();
  } finally {
    clearInterval(timer);
  }
  return most.map((each, index) => Math.round(each - before[index]));
}

async function session(t) {
  const app = await upstream(t);
  const [home, away] = ['home', 'away'].map((each) => join(t.directory, each));
  for (const folder of [home, away]) mkdirSync(folder);
  const server = await proxy(t, home, app.origin, { args: ['--name', 'app'] });
  new Courier(t, { home, away });
  const client = await connect(t, away);
  await client.event('apps', { seconds: 60 });
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  t.defer(() => agent.destroy());
  const { host, cookie } = await signIn(client, agent, 'app');
  const ask = ({ headers, ...options }) => send(client, agent, { host, cookie, headers: { origin: `http://${host}`, ...headers }, ...options });
  const once1k = async () => {
    const answer = await ask({ path: '/1024' });
    let size = 0;
    for await (const piece of answer) size += piece.length;
    assert.deepEqual([answer.statusCode, size], [200, 1024]);
  };
  await Promise.all(Array.from({ length: 64 }, once1k)); // warm: what stays for good is there
  return { app, server, client, ask, once1k };
}

suite('endurance', (test) => {
  test('1 GiB each way arrives whole in bounded memory', { soak: true, seconds: 900 }, async (t) => {
    const { app, server, client, ask } = await session(t);
    const down = await growth([server, client], async () => {
      const answer = await ask({ path: `/${gib}` });
      const hash = createHash('sha256');
      for await (const piece of answer) hash.update(piece);
      assert.equal(hash.digest('hex'), app.given[0]);
    });
    t.step(`down: grown by ${down.join(' and ')} MiB (home, away)`);
    const up = await growth([server, client], async () => {
      const hash = createHash('sha256');
      const answer = await ask({ path: '/', method: 'POST', body: body(gib, hash), headers: { 'content-length': gib } });
      let text = '';
      for await (const piece of answer) text += piece;
      assert.equal(text, hash.digest('hex'));
    });
    t.step(`up: grown by ${up.join(' and ')} MiB (home, away)`);
    for (const each of [...down, ...up]) assert.ok(each <= grownAtMost, `${each} MiB`);
  });

  test('10,000 requests in one session leave nothing behind', { soak: true, seconds: 600 }, async (t) => {
    const { server, client, once1k } = await session(t);
    let left = 2000;
    const worker = async () => {
      while (left-- > 0) await once1k();
    };
    const run = () => Promise.all(Array.from({ length: 16 }, worker));
    await run(); // the allocators' own pools fill
    const before = [server, client].map(held);
    left = 10_000;
    await run();
    const after = [server, client].map(held);
    t.step(`memory ${before.map((each) => each.memory.toFixed(1))} -> ${after.map((each) => each.memory.toFixed(1))} MiB, descriptors ${before.map((each) => each.descriptors)} -> ${after.map((each) => each.descriptors)}`);
    for (const index of [0, 1]) {
      assert.ok(after[index].memory - before[index].memory < 8, `memory grew by ${after[index].memory - before[index].memory} MiB`);
      assert.ok(after[index].descriptors - before[index].descriptors < 16, 'descriptors stay open');
    }
    assert.equal(client.events.filter(({ event }) => event === 'connected').length, 1, 'one session carried all');
  });
});
