// The browser's end of bench/tunnel_chromium.mjs: the same commands as bench/near_end.cpp, over a bare data channel and through the
// tunnel. Bare ends answer as bench::RawEcho does.
import { Peer } from '../web/peer/index.ts';
import { TunnelClient, type MessageChannel } from '../web/tunnel/index.ts';

const kPiece = 16 * 1024; // into Chromium, the quickest size of message
const kSmall = 1024;
const encoder = new TextEncoder();

interface Client {
  ready(): Promise<void>;
  bulk(download: boolean, bytes: number, streams: number): Promise<void>;
  /** Milliseconds of each. */
  gets(count: number, inFlight: number): Promise<number[]>;
}

function raw(channel: MessageChannel): Client {
  const ask = (command: string) => channel.send(encoder.encode(command.padEnd(100)));
  return {
    ready: () =>
      new Promise(resolve => {
        if (channel.open) resolve();
        else channel.onopen = () => resolve();
      }),
    async bulk(download, bytes) {
      let awaited = download ? bytes : 4;
      const done = new Promise<void>(resolve => {
        channel.onmessage = data => {
          awaited -= data.length;
          if (awaited <= 0) resolve();
        };
      });
      ask(download ? `get ${bytes} ${kPiece}` : `put ${bytes}`);
      if (!download) {
        const data = new Uint8Array(64 * 1024);
        channel.bufferedAmountLowThreshold = 256 * 1024;
        for (let left = bytes; left > 0; left -= data.length) {
          if (channel.bufferedAmount > 1024 * 1024) await new Promise<void>(resolve => (channel.onbufferedamountlow = () => resolve()));
          channel.send(left < data.length ? data.subarray(0, left) : data);
        }
      }
      await done;
    },
    gets: (count, inFlight) =>
      new Promise(resolve => {
        const asked: number[] = [];
        const times: number[] = [];
        let left = count;
        const next = () => {
          if (left-- <= 0) return;
          asked.push(performance.now());
          ask(`echo ${kSmall}`);
        };
        channel.onmessage = () => {
          times.push(performance.now() - (asked.shift() ?? 0));
          if (times.length === count) resolve(times);
          else next();
        };
        for (let i = 0; i < inFlight; i++) next();
      }),
  };
}

function through(client: TunnelClient): Client {
  const fetched = async (bytes: number): Promise<void> => {
    const response = await client.fetch({ method: 'GET', target: `/${bytes}` });
    const reader = response.body?.getReader();
    let got = 0;
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
      if (done) break;
      got += value?.length ?? 0;
    }
    if (got !== bytes) throw new Error(`${got} of ${bytes} bytes`);
  };
  const posted = async (bytes: number): Promise<void> => {
    let left = bytes;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(Math.min(left, 64 * 1024)));
        left -= Math.min(left, 64 * 1024);
        if (left === 0) controller.close();
      },
    });
    const response = await client.fetch({ method: 'POST', target: '/', fields: [['content-length', String(bytes)]], body });
    const taken = await response.text();
    if (taken !== String(bytes)) throw new Error(`${taken} of ${bytes} bytes`);
  };
  return {
    ready: async () => {
      await client.ready;
    },
    async bulk(download, bytes, streams) {
      const each = bytes / streams;
      await Promise.all(Array.from({ length: streams }, () => (download ? fetched(each) : posted(each))));
    },
    async gets(count, inFlight) {
      const times: number[] = [];
      let left = count;
      const some = async () => {
        while (left-- > 0) {
          const started = performance.now();
          await fetched(kSmall);
          times.push(performance.now() - started);
        }
      };
      await Promise.all(Array.from({ length: inFlight }, some));
      return times;
    },
  };
}

const ends = new Map<string, { peer: Peer; client: Client }>();

const api = {
  async offer(name: string): Promise<string> {
    const peer = new Peer();
    const offer = await peer.createOffer();
    const channel = peer.channels[1];
    if (!channel) throw new Error('no channel');
    ends.set(name, { peer, client: name === 'tunnel' ? through(new TunnelClient(peer.channels)) : raw(channel) });
    return offer;
  },
  async accept(name: string, answer: string): Promise<void> {
    const end = ends.get(name);
    await end?.peer.acceptAnswer(answer);
    await end?.client.ready();
  },
  async bulk(name: string, download: boolean, bytes: number, streams: number): Promise<{ ms: number }> {
    const started = performance.now();
    await ends.get(name)?.client.bulk(download, bytes, streams);
    return { ms: performance.now() - started };
  },
  async gets(name: string, count: number, inFlight: number): Promise<{ ms: number; us: number }> {
    const started = performance.now();
    const times = (await ends.get(name)?.client.gets(count, inFlight)) ?? [];
    times.sort((a, b) => a - b);
    return { ms: performance.now() - started, us: (times[times.length >> 1] ?? 0) * 1000 };
  },
};
Object.assign(globalThis, { bench: api });
