// door.mjs PATH PORT: the inner half of a door (natbed.mjs): what comes to the socket file goes to that port of this host's loopback.
import { createConnection, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

/** Both ways until either ends. */
export function passOn(from, to) {
  from.pipe(to);
  to.pipe(from);
  for (const [one, other] of [[from, to], [to, from]]) one.on('error', () => other.destroy()).on('close', () => other.destroy());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [path, port] = process.argv.slice(2);
  createServer((socket) => passOn(socket, createConnection(Number(port), '127.0.0.1'))).listen(path, () => console.log('ready'));
}
