// Runs before the script of a dedicated worker of an app.

import { BrokerPort } from '../client.ts';
import { Asking } from './asking.ts';
import { replaceGlobal } from '../frame/inject/events.ts';
import { makeEventSource } from '../frame/inject/eventsource.ts';
import { eventStreams, makeFetch } from './fetch.ts';
import { makeWebSocket } from './websocket.ts';
import { kGreeting } from './workers.ts';
import { patchXhr } from './xhr.ts';

const scope = globalThis as unknown as {
  WebSocket: typeof WebSocket;
  location: Location;
  addEventListener(type: 'message', listener: (event: MessageEvent<unknown>) => void): void;
};
const isDedicated = 'postMessage' in globalThis && !('document' in globalThis);

if (isDedicated) {
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
  const { href } = scope.location;
  const here = new URL(href.startsWith('blob:') ? href.slice('blob:'.length) : href);
  const base = () => href;
  const asking = new Asking(url => url.origin === here.origin);
  const fetch = makeFetch(globalThis.fetch.bind(globalThis), asking, base);
  globalThis.fetch = fetch;
  replaceGlobal('EventSource', makeEventSource(eventStreams(fetch, asking, base), EventSource));
  patchXhr(XMLHttpRequest, { asking, base, mayWait: true });
  scope.WebSocket = makeWebSocket(scope.WebSocket, {
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
