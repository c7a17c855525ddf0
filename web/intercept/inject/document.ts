// Runs before every other script of a document of an app under the service worker. Gives it what the worker cannot: cookies,
// WebSockets, and navigation that stays in the app and in the frame.

import preludeSource from 'worker:./prelude.ts';
import { BrokerPort } from '../client.ts';
import type { ScriptCookie } from '../port.ts';
import type { Note } from '../worker/messages.ts';
import { Asking } from './asking.ts';
import { answerSynchronousRequests } from './again.ts';
import { CookieMirror } from './cookies.ts';
import { replaceGlobal } from '../frame/inject/events.ts';
import { makeEventSource } from '../frame/inject/eventsource.ts';
import { eventStreams, makeFetch } from './fetch.ts';
import { Navigation } from './navigation.ts';
import { makeWebSocket } from './websocket.ts';
import { makeWorker } from './workers.ts';
import { patchXhr } from './xhr.ts';

/** Tabs that one tab after another opened. */
const kMostOpeners = 8;

interface Config {
  readonly app: string;
  /** Origin of the page that holds the connection. */
  readonly page: string;
  /** What stands before the app's paths in its documents' URLs; mostly "". */
  readonly prefix: string;
  /** This document at the app. */
  readonly target: string;
  readonly cookies: readonly ScriptCookie[];
}

function start(script: HTMLOrSVGScriptElement, { app, page, prefix, target, cookies }: Config): void {
  script.remove();
  const top = pageWindow();
  if (!top) return;
  const tell = (note: Note, transfer: Transferable[] = []) => top.postMessage(note, page, transfer);
  // The address that the app expects; who asks for what is known by the document's first one.
  if (prefix !== '') history.replaceState(history.state, '', target + location.hash);

  const connect = () => {
    const { port1, port2 } = new MessageChannel();
    tell({ owndir: 'port', app }, [port2]);
    const port = new BrokerPort(port1);
    port.oncookies = (told, turn) => mirror.told(told, turn);
    port.watchCookies();
    return port;
  };
  let port: BrokerPort | null = null;
  const current = () => (port && !port.isLost ? port : (port = connect()));
  const mirror = new CookieMirror(location.hostname, cookies, current, () => location.pathname);
  current();
  // The document goes, and its sockets with it; one that comes back asks anew.
  addEventListener('pagehide', () => port?.close());

  Object.defineProperty(Document.prototype, 'cookie', {
    configurable: true,
    enumerable: true,
    get: () => mirror.text,
    set: (text: unknown) => mirror.set(String(text)),
  });
  const base = () => document.baseURI;
  const NativeSocket = window.WebSocket;
  define(
    'WebSocket',
    makeWebSocket(NativeSocket, {
      base,
      target: url => (url.host === location.host ? url.pathname + url.search : null),
      port: current,
      elsewhere: (url, protocols) => new NativeSocket(url, protocols),
    }),
  );
  const asking = new Asking(url => url.origin === location.origin);
  const fetch = makeFetch(window.fetch.bind(window), asking, base);
  define('fetch', fetch);
  replaceGlobal('EventSource', makeEventSource(eventStreams(fetch, asking, base), window.EventSource));
  patchXhr(XMLHttpRequest, { asking, base, mayWait: false });
  answerSynchronousRequests(window.XMLHttpRequest, {
    ...{
      storage: window.sessionStorage,
      base,
      here: () => location.href.split('#', 1)[0] ?? '',
    },
    isOwn: url => url.origin === location.origin,
    reload: () => location.reload(),
  });
  const forward = (end: MessagePort) => tell({ owndir: 'port', app }, [end]);
  define('Worker', makeWorker(window.Worker, preludeSource, forward));
  hideServiceWorker();
  const navigation = new Navigation(prefix, to => tell({ owndir: 'open', app, target: to }));
  navigation.listen();
  if (window.parent === top) follow(at => tell({ owndir: 'at', app, ...at }));
}

/** The page around this document, or around the one that opened its tab. Null for a tab that nothing of the app opened. */
function pageWindow(): Window | null {
  let tab = window.top;
  for (let steps = 0; tab && steps < kMostOpeners; steps += 1) {
    if (tab !== window && steps === 0) return tab;
    const opener = tab.opener as Window | null;
    if (!opener) return null;
    tab = opener.top;
    if (tab !== opener) return tab;
  }
  return null;
}

function define(name: string, value: unknown): void {
  Object.defineProperty(window, name, { value, configurable: true, writable: true, enumerable: false });
}

/** The origin's worker is ours: an app's own would take its place. */
function hideServiceWorker(): void {
  const { prototype } = (window as { ServiceWorkerContainer?: { prototype: object } }).ServiceWorkerContainer ?? {};
  if (!prototype) return;
  const refused = () =>
    Promise.reject(new DOMException('Apps in this page have no service worker.', 'NotSupportedError'));
  const values = {
    register: refused,
    getRegistration: () => Promise.resolve(undefined),
    getRegistrations: () => Promise.resolve([]),
  };
  for (const [name, value] of Object.entries(values))
    Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
  Object.defineProperty(prototype, 'controller', { get: () => null, configurable: true });
  Object.defineProperty(prototype, 'ready', { get: () => new Promise(() => undefined), configurable: true });
}

/** Tells the page the title and the place, whenever they have changed. */
function follow(tell: (at: { title: string; target: string }) => void): void {
  let last = '';
  const look = () => {
    const at = { title: document.title.slice(0, 200), target: location.pathname + location.search + location.hash };
    if (at.target.length > 16_000 || JSON.stringify(at) === last) return;
    last = JSON.stringify(at);
    tell(at);
  };
  look();
  addEventListener('load', look);
  addEventListener('hashchange', look);
  document.addEventListener('DOMContentLoaded', () => {
    look();
    const observed = document.querySelector('title');
    if (observed) new MutationObserver(look).observe(observed, { childList: true });
  });
  const { navigation } = window as { navigation?: EventTarget };
  navigation?.addEventListener('navigatesuccess', look);
  navigation?.addEventListener('currententrychange', look);
}

const script = document.currentScript;
if (script?.dataset.owndir !== undefined) start(script, JSON.parse(script.dataset.owndir) as Config);
