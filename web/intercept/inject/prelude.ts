// Runs before the script of a worker of an app: what the service worker is not told of its requests, and in dedicated ones, which can
// be given a port, WebSockets.

import { BrokerPort } from '../client.ts';
import { replaceGlobal } from '../frame/inject/events.ts';
import { makeEventSource } from '../frame/inject/eventsource.ts';
import { Asking } from './asking.ts';
import { eventStreams, makeFetch } from './fetch.ts';
import { makeWebSocket } from './websocket.ts';
import { kGreeting } from './workers.ts';
import { patchXhr } from './xhr.ts';

const scope = globalThis as unknown as {
  fetch: typeof fetch;
  WebSocket: typeof WebSocket;
  location: Location;
  addEventListener(type: 'message', listener: (event: MessageEvent<unknown>) => void): void;
};
const { href } = scope.location;
const here = new URL(href.startsWith('blob:') ? href.slice('blob:'.length) : href);

function giveRequests(): void {
  const asking = new Asking(url => url.origin === here.origin);
  const base = () => href;
  const ask = makeFetch(scope.fetch.bind(globalThis), asking, base);
  scope.fetch = ask;
  patchXhr(XMLHttpRequest, { asking, base, mayWait: true });
  replaceGlobal('EventSource', makeEventSource(eventStreams(ask, asking, base), EventSource));
}

/** The first message of the document brings a port, over which more can be had. */
function giveSockets(): void {
  let greeted = false;
  let control: MessagePort | null = null;
  const waiting: MessagePort[] = [];
  scope.addEventListener('message', event => {
    const [port] = event.ports;
    if (greeted || event.data !== kGreeting || !port) return;
    greeted = true;
    event.stopImmediatePropagation();
    control = port;
    for (const end of waiting.splice(0)) control.postMessage(null, [end]);
  });
  let broker: BrokerPort | null = null;
  const NativeSocket = scope.WebSocket;
  scope.WebSocket = makeWebSocket(NativeSocket, {
    elsewhere: (url, protocols) => new NativeSocket(url, protocols),
    base: () => here.href,
    target: url => (url.host === here.host ? url.pathname + url.search : null),
    port: () => {
      if (broker && !broker.isLost) return broker;
      const { port1, port2 } = new MessageChannel();
      if (control) control.postMessage(null, [port2]);
      else waiting.push(port2);
      return (broker = new BrokerPort(port1));
    },
  });
}

const isDedicated = 'postMessage' in globalThis && !('document' in globalThis);
if (isDedicated || 'onconnect' in globalThis) giveRequests();
if (isDedicated) giveSockets();
