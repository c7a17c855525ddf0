// An end of a bare channel by libdatachannel (npm node-datachannel), as near_end.cpp and far_end.cpp are by ours:
//   end.mjs near     writes an offer, reads the answer, says {"ready":true}, then obeys
//                    {"do":"bulk","way":"download"|"upload","bytes":N} and {"do":"gets","count":N,"in_flight":K}
//   end.mjs far      reads an offer, writes the answer, then obeys what comes on the channel: "get BYTES PIECE",
//                    "put BYTES", "echo BYTES"
import { createInterface } from 'node:readline';
import { PeerConnection } from 'node-datachannel';

const piece = Number(process.env.PIECE ?? 64 * 1024);
const high = 1024 * 1024; // kept in the channel; more is no faster
const near = process.argv[2] === 'near';
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const read = async () => {
  const { value, done } = await lines.next();
  if (done) process.exit(0);
  return JSON.parse(value);
};

const peer = new PeerConnection('bench', { iceServers: [], maxMessageSize: 256 * 1024 });
const described = new Promise((resolve) => {
  peer.onGatheringStateChange((state) => {
    if (state === 'complete') resolve(peer.localDescription().sdp);
  });
});

let channel;
let left = 0;
const full = Buffer.alloc(piece, 7);
let message = full;
let onMessage = () => {};
function pour() {
  while (left > 0 && channel.bufferedAmount() < high) {
    channel.sendMessageBinary(left < message.length ? message.subarray(0, left) : message);
    left -= Math.min(left, message.length);
  }
}
function makeChannel() {
  channel = peer.createDataChannel('c1', { negotiated: true, id: 1 });
  channel.setBufferedAmountLowThreshold(high / 2);
  channel.onBufferedAmountLow(pour);
  channel.onMessage((data) => onMessage(data));
  return new Promise((resolve) => channel.onOpen(resolve));
}

function obey() {
  let awaited = 0;
  onMessage = (data) => {
    if (awaited > 0) {
      awaited -= data.length;
      if (awaited <= 0) channel.sendMessageBinary(Buffer.from('done'));
      return;
    }
    const [verb, bytes, size] = data.toString().trim().split(' ');
    if (verb === 'put') awaited = Number(bytes);
    if (verb === 'echo') channel.sendMessageBinary(Buffer.alloc(Number(bytes), 101));
    if (verb !== 'get') return;
    message = Number(size) === full.length ? full : Buffer.alloc(Number(size), 7);
    left = Number(bytes);
    pour();
  };
}

const ask = (command) => channel.sendMessageBinary(Buffer.from(command.padEnd(100)));

function bulk({ way, bytes }) {
  return new Promise((resolve) => {
    let awaited = way === 'download' ? bytes : 4;
    onMessage = (data) => {
      awaited -= data.length;
      if (awaited <= 0) resolve({});
    };
    ask(way === 'download' ? `get ${bytes} ${piece}` : `put ${bytes}`);
    if (way === 'download') return;
    left = bytes;
    pour();
  });
}

function gets({ count, in_flight: inFlight }) {
  return new Promise((resolve) => {
    const asked = [];
    const times = [];
    let toAsk = count;
    const next = () => {
      if (toAsk-- <= 0) return;
      asked.push(performance.now());
      ask('echo 1024');
    };
    onMessage = () => {
      times.push(performance.now() - asked.shift());
      if (times.length === count) resolve({ us: times.sort((a, b) => a - b)[count >> 1] * 1000 });
      else next();
    };
    for (let i = 0; i < inFlight; i++) next();
  });
}

if (near) {
  const open = makeChannel();
  say(await described);
  peer.setRemoteDescription(await read(), 'answer');
  await open;
  say({ ready: true });
  for (;;) {
    const command = await read();
    const started = performance.now();
    const result = await (command.do === 'bulk' ? bulk(command) : gets(command));
    say({ ms: performance.now() - started, ...result });
  }
} else {
  peer.setRemoteDescription(await read(), 'offer');
  const open = makeChannel();
  say(await described);
  await open;
  obey();
  await read(); // to the end of the input
}
