// The browser's end of bench/chromium.mjs: transfers over bare data channels, and through tunnels in the worker and on the page.
import { Peer } from '../web/peer/index.ts';
import { createTunnelChannels, fromDataChannel, type MessageChannel, type Tunnel } from '../web/tunnel/index.ts';
import { TunnelHost } from '../web/tunnel_host/index.ts';
import clientSource from 'worker:./chromium_client.ts';

/** raw: no tunnel; worker: as the page has it; page: as where data channels cannot go to a worker. */
type Way = 'raw' | 'worker' | 'page';

interface End {
  host: TunnelHost;
  peer: Peer;
}

let raw: { connection: RTCPeerConnection; channel: MessageChannel } | null = null;
const ends = new Map<Way, End>();
const clients = new Map<Way, Worker>();
let busy: ReturnType<typeof setTimeout> | undefined;
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

async function download(tunnel: Tunnel, bytes: number): Promise<number> {
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

async function upload(tunnel: Tunnel, bytes: number): Promise<number> {
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

async function offerRaw(): Promise<string> {
  const connection = new RTCPeerConnection();
  const channel = createTunnelChannels(connection).map(fromDataChannel)[1];
  if (!channel) throw new Error('no channel');
  raw = { connection, channel };
  await connection.setLocalDescription(await connection.createOffer());
  while (connection.iceGatheringState !== 'complete')
    await new Promise(resolve => connection.addEventListener('icegatheringstatechange', resolve, { once: true }));
  return connection.localDescription?.sdp ?? '';
}

function endOf(way: Way): End {
  const end = ends.get(way);
  if (!end) throw new Error(way);
  return end;
}

/** A client on a thread of its own, as an app's worker is. */
function clientOf(way: Way): Worker {
  const known = clients.get(way);
  if (known) return known;
  const { host, peer } = endOf(way);
  const broker = host.openBroker({ app: null, origin: 'https://bench.owndir.invalid', connected: async () => peer.tunnel });
  const { port1, port2 } = new MessageChannel();
  broker.attach(port2);
  const worker = new Worker(URL.createObjectURL(new Blob([clientSource], { type: 'text/javascript' })));
  worker.postMessage(null, [port1]);
  clients.set(way, worker);
  return worker;
}

const api = {
  async offer(way: Way): Promise<string> {
    if (way === 'raw') return offerRaw();
    const host = new TunnelHost(way === 'page' ? { startWorker: null } : {});
    await host.ready;
    if (host.inWorker !== (way === 'worker')) throw new Error('the worker takes no data channels');
    const peer = new Peer({ openTunnel: channels => host.openTunnel(channels) });
    ends.set(way, { host, peer });
    return peer.createOffer();
  },
  async accept(way: Way, answer: string): Promise<void> {
    if (way === 'raw') {
      await raw?.connection.setRemoteDescription({ type: 'answer', sdp: answer });
      return raw ? opened(raw.channel) : undefined;
    }
    const { peer } = endOf(way);
    await peer.acceptAnswer(answer);
    await peer.tunnel.ready;
  },
  async raw(direction: 'download' | 'upload', bytes: number, piece: number): Promise<number> {
    if (!raw) throw new Error('no raw end');
    return direction === 'download' ? receive(raw.channel, bytes, piece) : send(raw.channel, bytes, piece);
  },
  async tunnel(way: Way, direction: 'download' | 'upload', bytes: number): Promise<number> {
    const { tunnel } = endOf(way).peer;
    return direction === 'download' ? download(tunnel, bytes) : upload(tunnel, bytes);
  },
  /** Milliseconds of each thing that the client did. */
  async client(way: Way, job: { bytes: number } | { requests: number }): Promise<number[]> {
    const worker = clientOf(way);
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<number[]>) => resolve(data);
      worker.onerror = event => reject(new Error(event.message));
      worker.postMessage(job);
    });
  },
  /** The page's thread does nothing else for `on` of every `on + off` milliseconds. */
  busy(on: number, off: number): void {
    clearTimeout(busy);
    if (on === 0) return;
    const started = now();
    while (now() - started < on);
    busy = setTimeout(() => api.busy(on, off), off);
  },
};
Object.assign(globalThis, { bench: api });
