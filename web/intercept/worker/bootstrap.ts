// The document that stays beside an app's frame, hidden, on the frame's origin: registers the service worker and hands it ports to
// the page that holds the connection.

import { isAppName } from '../apps.ts';
import { Addressing, hasOwnHost, kWorker, pageOrigin } from './addressing.ts';
import { noteOf, type Note } from './messages.ts';

const app = new URLSearchParams(location.search).get('app') ?? '';
const isAlone = hasOwnHost(app, location);
const addressing = new Addressing(location, isAlone ? app : null);
const page = window.parent;
const allowed = pageOrigin(app, location);

function tell(note: Note, transfer: Transferable[] = []): void {
  page.postMessage(note, allowed, transfer);
}

function giveWorker(worker: ServiceWorker | null): void {
  if (!worker) return;
  const { port1, port2 } = new MessageChannel();
  tell({ owndir: 'port', app }, [port2]);
  worker.postMessage({ owndir: 'serve', app }, [port1]);
}

async function start(): Promise<void> {
  const { serviceWorker } = navigator as { serviceWorker?: ServiceWorkerContainer };
  if (!serviceWorker) throw new Error('This browser has no service workers here.');
  const registration = await serviceWorker.register(isAlone ? `${kWorker}?app=${app}` : kWorker, {
    scope: './',
    updateViaCache: 'none',
  });
  const worker = await activated(registration);
  serviceWorker.addEventListener('message', (event: MessageEvent<unknown>) => {
    const note = noteOf(event.data);
    if (note?.owndir === 'wanted' && note.app === app) giveWorker(event.source as ServiceWorker | null);
    // Not before: what the frame asks for must not go to a page that was here earlier.
    if (note?.owndir === 'served' && note.app === app)
      tell({ owndir: 'serving', app, start: addressing.documentUrl(app, '') });
  });
  serviceWorker.startMessages();
  window.addEventListener('message', event => {
    if (event.origin !== allowed || event.source !== page) return;
    if (noteOf(event.data)?.owndir === 'tick') registration.active?.postMessage({ owndir: 'tick' });
  });
  giveWorker(worker);
}

function activated(registration: ServiceWorkerRegistration): Promise<ServiceWorker> {
  const worker = registration.installing ?? registration.waiting ?? registration.active;
  if (!worker) return Promise.reject(new Error('The service worker did not start.'));
  return new Promise((resolve, reject) => {
    const look = () => {
      if (worker.state === 'activated') resolve(worker);
      else if (worker.state === 'redundant') reject(new Error('The service worker did not start.'));
    };
    worker.addEventListener('statechange', look);
    look();
  });
}

if (page !== window && isAppName(app))
  start().catch((error: unknown) => {
    tell({ owndir: 'failed', app, message: error instanceof Error ? error.message : String(error) });
  });
