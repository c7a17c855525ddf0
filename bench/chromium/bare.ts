// What bare data channels do for bench/chromium.mjs, on the page's thread or in a worker.
import type { MessageChannel } from '../../web/tunnel/index.ts';

export type BareJob =
  | { do: 'download' | 'upload'; bytes: number; piece: number }
  | { do: 'gets'; count: number; inFlight: number };

const now = () => performance.now();

export function opened(channel: MessageChannel): Promise<void> {
  return new Promise(resolve => {
    if (channel.open) resolve();
    else channel.onopen = () => resolve();
  });
}

// As long as a small request.
const ask = (channel: MessageChannel, command: string) => channel.send(new TextEncoder().encode(command.padEnd(100)));

async function receive(channel: MessageChannel, bytes: number, piece: number): Promise<number[]> {
  const started = now();
  let got = 0;
  const whole = new Promise<void>(resolve => {
    channel.onmessage = data => {
      got += data.length;
      if (got >= bytes) resolve();
    };
  });
  ask(channel, `get ${bytes} ${piece}`);
  await whole;
  return [now() - started];
}

async function send(channel: MessageChannel, bytes: number, piece: number): Promise<number[]> {
  const data = new Uint8Array(piece);
  const started = now();
  const done = new Promise<void>(resolve => (channel.onmessage = () => resolve()));
  ask(channel, `put ${bytes}`);
  channel.bufferedAmountLowThreshold = 256 * 1024;
  for (let left = bytes; left > 0; left -= piece) {
    if (channel.bufferedAmount > 1024 * 1024)
      await new Promise<void>(resolve => (channel.onbufferedamountlow = () => resolve()));
    channel.send(left < piece ? data.subarray(0, left) : data);
  }
  await done;
  return [now() - started];
}

/** Round trips of the size of a small request and 1 KiB: the time of all, then of each. */
async function gets(channel: MessageChannel, count: number, inFlight: number): Promise<number[]> {
  const started = now();
  const asked: number[] = [];
  const times: number[] = [];
  let left = count;
  const next = () => {
    if (left-- <= 0) return;
    asked.push(now());
    ask(channel, 'echo 1024');
  };
  await new Promise<void>(resolve => {
    channel.onmessage = () => {
      times.push(now() - (asked.shift() ?? 0));
      if (times.length === count) resolve();
      else next();
    };
    for (let i = 0; i < inFlight; i++) next();
  });
  return [now() - started, ...times];
}

/** Milliseconds. */
export function carryOut(channel: MessageChannel, job: BareJob): Promise<number[]> {
  if (job.do === 'gets') return gets(channel, job.count, job.inFlight);
  return (job.do === 'download' ? receive : send)(channel, job.bytes, job.piece);
}
