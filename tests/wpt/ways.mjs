// From Chromium to wptserve: directly, and through `owndir proxy --transparent` and `owndir connect --transparent`. Both give
// the browser the same addresses: hosts of the tests are names for it alone (--host-resolver-rules), which also lead a port
// of wptserve to the local end of a connect. Names and ports that are not listed lead nowhere, so nothing goes past it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Courier } from '../support/courier.mjs';
import { root } from '../support/paths.mjs';
import { connect, proxy } from '../support/owndir.mjs';
import { Child } from '../support/processes.mjs';
import { get } from 'node:http';
import { until } from '../support/harness.mjs';

async function freePorts(count) {
  const servers = await Promise.all(Array.from({ length: count }, () => new Promise((resolve, reject) => {
    const server = createServer().once('error', reject).listen(0, '127.0.0.1', () => resolve(server));
  })));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** wptserve of that tree, until `t` ends; gives its ports. */
export async function startServer(t, tree) {
  const [first, second, ws, https, https2, wss, h2] = await freePorts(7);
  const ports = { http: [first, second], ws: [ws], https: [https, https2], wss: [wss], h2: [h2] };
  const config = join(t.directory, 'wptserve.json');
  writeFileSync(config, JSON.stringify({
    browser_host: 'web-platform.test', server_host: '127.0.0.1', check_subdomains: false, logging: { level: 'warning' },
    ports: { ...ports, 'http-private': [], 'http-public': [], 'https-private': [], 'https-public': [], 'webtransport-h3': [] },
  }));
  const server = new Child(['/usr/bin/python3', '-B', join(root, 'tests/wpt/serve.py'), tree, config], { cwd: t.directory });
  t.defer(() => server.stop({ seconds: 20 }));
  const answers = (port) => new Promise((resolve) => get({ port, path: '/resources/testharness.js', timeout: 2000 }, (response) => resolve(response.resume().statusCode === 200)).on('error', () => resolve(false)));
  await until(async () => {
    if (server.code !== undefined) throw new Error(`wptserve ended with ${server.code}: ${server.tail()}`);
    return (await answers(first)) && answers(second);
  }, { seconds: 90, every: 300, what: 'an answer of wptserve' });
  return ports;
}

/** Chromium's name rules for a map from a port of wptserve to where it is reached. */
function rules(to) {
  const hosts = ['web-platform.test', '*.web-platform.test', 'not-web-platform.test', '*.not-web-platform.test'];
  const nowhere = ['nonexistent.web-platform.test', 'nonexistent.not-web-platform.test'].map((host) => `MAP ${host} ~NOTFOUND`);
  const there = [...to].flatMap(([port, local]) => hosts.map((host) => `MAP ${host}:${port} 127.0.0.1:${local}`));
  return [...nowhere, ...there, 'MAP * ~NOTFOUND'].join(', ');
}

async function direct(_t, ports) {
  return rules(new Map(Object.values(ports).flat().map((port) => [port, port])));
}

/** A folder at home and one away for each http port, as an app has one; what is under TLS goes as bytes through the first. */
async function through(t, ports) {
  const to = new Map();
  const { http, ws = [], https = [], wss = [], h2 = [] } = ports;
  const tls = Object.entries({ https: https[0], https2: https[1], wss: wss[0], h2: h2[0] }).filter(([, port]) => port);
  for (const [i, port] of [...http, ...ws].entries()) {
    const [home, away] = ['home', 'away'].map((name) => join(t.directory, `${name}-${i}`));
    for (const folder of [home, away]) mkdirSync(folder, { recursive: true });
    const bytes = i === 0 ? tls : [];
    await proxy(t, home, `web=http://127.0.0.1:${port}`, { state: join(t.directory, `state-home-${i}`), args: ['--transparent', ...bytes.flatMap(([name, far]) => ['--to', `${name}=tcp://127.0.0.1:${far}`])] });
    new Courier(t, { home, away });
    const local = await freePorts(bytes.length);
    const client = await connect(t, away, { state: join(t.directory, `state-away-${i}`), args: ['--transparent', ...bytes.flatMap(([name], j) => ['--tcp', `${name}=${local[j]}`])] });
    t.defer(async () => {
      const code = await client.stop();
      if (code !== 0) throw new Error(`owndir connect did not stop as asked but with ${code}`);
    });
    await client.event('apps', { seconds: 40 });
    to.set(port, client.port);
    bytes.forEach(([, far], j) => to.set(far, local[j]));
  }
  return rules(to);
}

/** Each gives the rules for Chromium. */
export const ways = { direct, connect: through };
