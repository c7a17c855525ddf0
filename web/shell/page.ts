// The page from disk: wires folder, connection and views together. The program of its worker too (tunnel_host/program.ts).

import { isHostWorker, runHostWorker } from '../tunnel_host/index.ts';
import { pageLocation } from './address.ts';
import { App } from './app.ts';

if (isHostWorker) runHostWorker();
else {
  const app = new App(pageLocation(location.pathname));
  // Its presence tells the inline script of index.html that the page's script has arrived.
  window.owndir = Object.freeze({ state: () => app.snapshot() });
  void app.start();
}
