// A bare data channel that was given to a worker, for bench/chromium.mjs.
import { fromDataChannel, type MessageChannel } from '../../web/tunnel/index.ts';
import { carryOut, opened, type BareJob } from './bare.ts';

let channel: MessageChannel | null = null;

self.onmessage = async ({ data }: MessageEvent<RTCDataChannel | BareJob>) => {
  if (data instanceof RTCDataChannel) {
    channel = fromDataChannel(data);
    await opened(channel);
    return self.postMessage([]);
  }
  if (channel) self.postMessage(await carryOut(channel, data));
};
