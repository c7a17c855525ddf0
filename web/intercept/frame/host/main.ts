// The only script of owndir-frame.html: says hello to the page around it and takes the port that comes back.

import { kFrameHello, kFrameWelcome, type FrameWelcome } from '../link.ts';
import { Documents } from './documents.ts';

const page = window.parent;

if (page !== window) {
  const welcomed = (event: MessageEvent<unknown>) => {
    const [port] = event.ports;
    if (event.source !== page || (event.data as { type?: unknown } | null)?.type !== kFrameWelcome || !port) return;
    removeEventListener('message', welcomed);
    new Documents(event.data as FrameWelcome, port);
  };
  addEventListener('message', welcomed);
  page.postMessage({ type: kFrameHello }, '*');
}
