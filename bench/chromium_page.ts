// The browser's end of bench/chromium.mjs: bulk transfers over bare data channels and through the tunnel.
import { Peer } from '../web/peer/index.ts';
import { TunnelClient, type MessageChannel } from '../web/tunnel/index.ts';

interface End {
  peer: Peer;
  offer: string;
  tunnel: TunnelClient | null;
}

const ends = new Map<string, End>();
const now = () => performance.now();

function opened(channel: MessageChannel): Promise<void> {
  return new Promise(resolve => {
    if (channel.open) resolve();
    else channel.onopen = () => resolve();
  });
}

async function receive(channel: MessageChannel, bytes: number, piece: number): Promise<number> {
  const started = now();
  let got = 0;
  const whole = new Promise<void>(resolve => {
    channel.onmessage = data => {
      got += data.length;
      if (got >= bytes) resolve();
    };
  });
  channel.send(new TextEncoder().encode(`get ${bytes} ${piece}`));
  await whole;
  return now() - started;
}

async function send(channel: MessageChannel, bytes: number, piece: number): Promise<number> {
  const data = new Uint8Array(piece);
  const started = now();
  const done = new Promise<void>(resolve => (channel.onmessage = () => resolve()));
  channel.send(new TextEncoder().encode(`put ${bytes}`));
  channel.bufferedAmountLowThreshold = 256 * 1024;
  for (let left = bytes; left > 0; left -= piece) {
    if (channel.bufferedAmount > 1024 * 1024) await new Promise<void>(resolve => (channel.onbufferedamountlow = () => resolve()));
    channel.send(left < piece ? data.subarray(0, left) : data);
  }
  await done;
  return now() - started;
}

async function download(tunnel: TunnelClient, bytes: number): Promise<number> {
  const started = now();
  const response = await tunnel.fetch({ method: 'GET', target: `/${bytes}` });
  const reader = response.body?.getReader();
  let got = 0;
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) break;
    got += value?.length ?? 0;
  }
  if (got !== bytes) throw new Error(`${got} of ${bytes} bytes`);
  return now() - started;
}

async function upload(tunnel: TunnelClient, bytes: number): Promise<number> {
  let left = bytes;
  const piece = new Uint8Array(64 * 1024);
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(left < piece.length ? piece.slice(0, left) : piece.slice());
      left -= piece.length;
      if (left <= 0) controller.close();
    },
  });
  const started = now();
  const response = await tunnel.fetch({ method: 'POST', target: '/', fields: [['content-length', String(bytes)]], body });
  const taken = await response.text();
  if (taken !== String(bytes)) throw new Error(`${taken} of ${bytes} bytes`);
  return now() - started;
}

const api = {
  async offer(name: string): Promise<string> {
    const peer = new Peer();
    const offer = await peer.createOffer();
    ends.set(name, { peer, offer, tunnel: null });
    return offer;
  },
  async accept(name: string, answer: string): Promise<void> {
    const end = ends.get(name);
    if (!end) throw new Error(name);
    if (name === 'tunnel') end.tunnel = new TunnelClient(end.peer.channels);
    await end.peer.acceptAnswer(answer);
    if (end.tunnel) await end.tunnel.ready;
    else if (end.peer.channels[1]) await opened(end.peer.channels[1]);
  },
  async raw(direction: 'download' | 'upload', bytes: number, piece: number): Promise<number> {
    const channel = ends.get('raw')?.peer.channels[1];
    if (!channel) throw new Error('no raw end');
    return direction === 'download' ? receive(channel, bytes, piece) : send(channel, bytes, piece);
  },
  async tunnel(direction: 'download' | 'upload', bytes: number): Promise<number> {
    const client = ends.get('tunnel')?.tunnel;
    if (!client) throw new Error('no tunnel end');
    return direction === 'download' ? download(client, bytes) : upload(client, bytes);
  },
};
Object.assign(globalThis, { bench: api });
