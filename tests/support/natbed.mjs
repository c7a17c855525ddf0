// A bed of natbed.sh for one test, and doors into it.
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { passOn } from './door.mjs';
import { root } from './paths.mjs';
import { Child, capture } from './processes.mjs';

export const kinds = ['none', 'full', 'addr', 'port', 'sym', 'blocked'];

/** { a, b, internet } are command prefixes for the hosts, { stun, turn } the server's address as owndir takes it, `address` its bare one. */
export async function natBed(t, { a, b, lifetime = 120 }) {
  const bed = new Child([join(root, 'tests/support/natbed.sh'), '--a', a, '--b', b, '--lifetime', String(lifetime)], { stdin: 'pipe' });
  t.defer(async () => {
    bed.process.stdin.end();
    await bed.stop({ seconds: 5 });
  });
  const line = await bed.until(() => bed.lines.find((text) => text.startsWith('{')), { seconds: 30, what: 'the bed' });
  const { stun, turn, ...hosts } = JSON.parse(line);
  return { ...hosts, stun: `stun:${stun}`, turn: `turn:${turn}`, address: stun.split(':')[0] };
}

/** Takes the network from host a of the bed; the function that it gives brings another one: the host has another address there. */
export async function takeNetwork(bed) {
  const run = async (commands) => {
    const { code, stderr } = await capture([...bed.a, 'sh', '-ec', commands]);
    if (code !== 0) throw new Error(`${commands}: ${stderr}`);
  };
  await run('ip link set eth0 down; ip address flush dev eth0');
  return () => run('ip address add 192.168.1.77/24 dev eth0; ip link set eth0 up; ip route add default via 192.168.1.1');
}

/**
 * Opens a way from here to a port on the loopback of a host of the bed, under the same number: tests ask what listens there as if it
 * stood here. It goes over a socket file, which network namespaces do not keep apart. Without a prefix the port is here already.
 */
export async function door(t, prefix, port) {
  if (prefix.length === 0) return;
  const path = join(t.directory, `door-${port}`);
  const inside = new Child([...prefix, 'node', join(root, 'tests/support/door.mjs'), path, String(port)]);
  t.defer(() => inside.stop());
  await inside.until(() => inside.lines.includes('ready'));
  const server = createServer((socket) => passOn(socket, createConnection(path)));
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  t.defer(() => void server.close());
}
