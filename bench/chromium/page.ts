// The browser's end of bench/chromium.mjs: transfers over bare data channels, and through tunnels in the worker and on the page.
import { Peer } from '../../web/peer/index.ts';
import { createTunnelChannels, fromDataChannel, type Tunnel } from '../../web/tunnel/index.ts';
import { isHostWorker, runHostWorker, TunnelHost } from '../../web/tunnel_host/index.ts';
import bareSource from 'worker:./bare_worker.ts';
import clientSource from 'worker:./client.ts';
import { carryOut, opened, type BareJob } from './bare.ts';

/** worker: as the page has it; page: as where data channels cannot go to a worker. */
type Way = 'worker' | 'page';

interface End {
  host: TunnelHost;
  peer: Peer;
}

interface Bare {
  connection: RTCPeerConnection;
  ready: Promise<unknown>;
  run(job: BareJob): Promise<number[]>;
}

const bares = new Map<string, Bare>();
const ends = new Map<Way, End>();
const clients = new Map<Way, Worker>();
let busy: ReturnType<typeof setTimeout> | undefined;
const now = () => performance.now();

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

/** GETs of 1 KiB: the time of all, then of each. */
async function gets(tunnel: Tunnel, count: number, inFlight: number): Promise<number[]> {
  const started = now();
  const times: number[] = [];
  let left = count;
  const some = async () => {
    while (left-- > 0) {
      const asked = now();
      const response = await tunnel.fetch({ method: 'GET', target: '/1024' });
      const { length } = await response.bytes();
      if (length !== 1024) throw new Error(`${length} of 1024 bytes`);
      times.push(now() - asked);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, some));
  return [now() - started, ...times];
}

/** Small ones, one after the other, while a large one comes down: the time of that, then of each. */
async function fair(tunnel: Tunnel, bytes: number): Promise<number[]> {
  const times: number[] = [];
  let over = false;
  const large = download(tunnel, bytes).finally(() => (over = true));
  while (!over) times.push((await gets(tunnel, 1, 1))[0] ?? 0);
  return [await large, ...times];
}

/** Jobs for a worker, one at a time. */
function asker<Job>(worker: Worker): (job: Job, transfer?: Transferable[]) => Promise<number[]> {
  return (job, transfer = []) =>
    new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<number[]>) => resolve(data);
      worker.onerror = event => reject(new Error(event.message));
      worker.postMessage(job, transfer);
    });
}

const workerOf = (source: string) => new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));

async function offerBare(name: string, inWorker: boolean): Promise<string> {
  const connection = new RTCPeerConnection();
  const bare = createTunnelChannels(connection)[1];
  if (!bare) throw new Error('no channel');
  if (inWorker) {
    const ask = asker<RTCDataChannel | BareJob>(workerOf(bareSource));
    bares.set(name, { connection, ready: ask(bare, [bare]), run: ask });
  } else {
    const channel = fromDataChannel(bare);
    bares.set(name, { connection, ready: opened(channel), run: job => carryOut(channel, job) });
  }
  await connection.setLocalDescription(await connection.createOffer());
  while (connection.iceGatheringState !== 'complete')
    await new Promise(resolve => connection.addEventListener('icegatheringstatechange', resolve, { once: true }));
  return connection.localDescription?.sdp ?? '';
}

async function offerTunnel(way: Way): Promise<string> {
  const host = new TunnelHost(way === 'page' ? { startWorker: null } : {});
  await host.ready;
  if (host.inWorker !== (way === 'worker')) throw new Error('the worker takes no data channels');
  const peer = new Peer({ openTunnel: channels => host.openTunnel(channels) });
  ends.set(way, { host, peer });
  return peer.createOffer();
}

function endOf(way: Way): End {
  const end = ends.get(way);
  if (!end) throw new Error(way);
  return end;
}

type ClientJob = { bytes: number } | { requests: number };

/** A client on a thread of its own, as an app's worker is. */
function clientOf(way: Way): Worker {
  const known = clients.get(way);
  if (known) return known;
  const { host, peer } = endOf(way);
  const broker = host.openBroker({ app: null, origin: 'https://bench.owndir.invalid', connected: async () => peer.tunnel });
  const { port1, port2 } = new MessageChannel();
  broker.attach(port2);
  const worker = workerOf(clientSource);
  worker.postMessage(null, [port1]);
  clients.set(way, worker);
  return worker;
}

const api = {
  /** `where` of a bare channel: whose thread has it. */
  offer: (name: string, kind: 'bare' | 'tunnel', where: Way): Promise<string> =>
    kind === 'bare' ? offerBare(name, where === 'worker') : offerTunnel(where),
  async accept(name: string, answer: string): Promise<void> {
    const bare = bares.get(name);
    if (bare) {
      await bare.connection.setRemoteDescription({ type: 'answer', sdp: answer });
      await bare.ready;
      return;
    }
    const { peer } = endOf(name as Way);
    await peer.acceptAnswer(answer);
    await peer.tunnel.ready;
  },
  /** Milliseconds. */
  async bare(name: string, job: BareJob): Promise<number[]> {
    const bare = bares.get(name);
    if (!bare) throw new Error(name);
    return bare.run(job);
  },
  async tunnel(way: Way, direction: 'download' | 'upload', bytes: number, streams = 1): Promise<number[]> {
    const { tunnel } = endOf(way).peer;
    const started = now();
    const one = () => (direction === 'download' ? download : upload)(tunnel, bytes / streams);
    await Promise.all(Array.from({ length: streams }, one));
    return [now() - started];
  },
  gets: (way: Way, count: number, inFlight: number): Promise<number[]> => gets(endOf(way).peer.tunnel, count, inFlight),
  fair: (way: Way, bytes: number): Promise<number[]> => fair(endOf(way).peer.tunnel, bytes),
  /** Milliseconds of each thing that the client did. */
  client: (way: Way, job: ClientJob): Promise<number[]> => asker<ClientJob>(clientOf(way))(job),
  /** The page's thread does nothing else for `on` of every `on + off` milliseconds. */
  busy(on: number, off: number): void {
    clearTimeout(busy);
    if (on === 0) return;
    const started = now();
    while (now() - started < on);
    busy = setTimeout(() => api.busy(on, off), off);
  },
};
if (isHostWorker) runHostWorker();
else Object.assign(globalThis, { bench: api });
