// What an app's worker is to the page, for bench/chromium.mjs: a client of a broker on a thread of its own.
import { BrokerPort } from '../../web/intercept/client.ts';
import type { FetchHead } from '../../web/intercept/port.ts';

type Job = { bytes: number } | { requests: number };
let port: BrokerPort | null = null;

async function load(bytes: number): Promise<void> {
  const head: FetchHead = {
    ...{ method: 'GET', target: `/${bytes}`, fields: [], redirect: 'follow', credentials: false, cache: 'no-store' },
    ...{ site: 'same', navigation: false, cookies: false },
  };
  const { body } = (await port?.fetch(head)) ?? { body: null };
  const reader = body?.getReader();
  let got = 0;
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) break;
    got += value?.length ?? 0;
  }
  if (got !== bytes) throw new Error(`${got} of ${bytes} bytes`);
}

async function timed(bytes: number): Promise<number> {
  const started = performance.now();
  await load(bytes);
  return performance.now() - started;
}

self.onmessage = async ({ data, ports }: MessageEvent<Job | null>) => {
  if (ports[0]) port = new BrokerPort(ports[0]);
  if (!data) return;
  if ('bytes' in data) return self.postMessage([await timed(data.bytes)]);
  const times: number[] = [];
  while (times.length < data.requests) times.push(await timed(100));
  self.postMessage(times);
};
