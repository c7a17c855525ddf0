// udpprobe.mjs echo: three UDP sockets on the bed's internet; each tells a caller the address it was seen with, and the
// first one also asks the two others to send there unasked.
// udpprobe.mjs ask: from a host, prints how its NAT maps and filters.
import { createSocket } from 'node:dgram';

const places = [['203.0.113.1', 5001], ['203.0.113.1', 5002], ['203.0.113.2', 5001]];

async function bound(address, port) {
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.bind(port, address, resolve));
  return socket;
}

async function echo() {
  const sockets = await Promise.all(places.map(([address, port]) => bound(address, port)));
  sockets.forEach((socket, index) => socket.on('message', (message, from) => {
    const reply = (sender, kind) => sender.send(JSON.stringify({ kind, from: `${from.address}:${from.port}` }), from.port, from.address);
    if (String(message) === 'who am I') reply(socket, `seen${index}`);
    if (String(message) === 'open up') {
      reply(sockets[1], 'port');
      reply(sockets[2], 'address');
    }
  }));
  console.log('ready');
}

async function ask() {
  const got = new Map();
  const collect = (socket) => socket.on('message', (message) => {
    const { kind, from } = JSON.parse(message);
    got.set(kind, from);
  });
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const filtered = await bound('0.0.0.0', 0); // speaks to the first place only
  collect(filtered);
  for (let i = 0; i < 3; i++) {
    filtered.send('open up', places[0][1], places[0][0]);
    await wait(150);
  }
  const mapped = await bound('0.0.0.0', 0);
  collect(mapped);
  for (let i = 0; i < 3; i++) {
    for (const [address, port] of places) mapped.send('who am I', port, address);
    await wait(150);
  }
  const reached = got.has('seen0');
  const seen = new Set([0, 1, 2].map((index) => got.get(`seen${index}`)));
  console.log(JSON.stringify(reached ? { reached, same: seen.size === 1, address: got.has('address'), port: got.has('port') } : { reached }));
  process.exit(0);
}

await (process.argv[2] === 'echo' ? echo() : ask());
