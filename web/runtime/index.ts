// The entry of the runtime: the first script of every built page. Sets globalThis.owndir at once; the rest follows by itself. The program of
// the page's worker too (tunnel_host/program.ts).

import { reportFault } from '../base/emitter.ts';
import { isHostWorker, runHostWorker } from '../tunnel_host/index.ts';
import type { Address } from './address.ts';
import type { Owndir } from './owndir.ts';
import { Runtime } from './runtime.ts';
import { parseSite } from './site.ts';
import type { Mode } from './status.ts';

export type { Address, AddressParts } from './address.ts';
export type { Owndir, RuntimeState } from './owndir.ts';

function api(runtime: Runtime): Owndir {
  type Listener = ((mode: Mode) => void) & ((address: Address) => void) & ((status: Owndir['status']) => void);
  function on(event: 'mode' | 'address' | 'status', listener: Listener): () => void {
    switch (event) {
      case 'mode':
        return runtime.onMode(listener);
      case 'address':
        return runtime.router.changed.on(listener);
      case 'status':
        return runtime.onStatus(listener);
      default:
        throw new TypeError(`owndir.on: there are the events "mode", "address" and "status", not ${String(event)}`);
    }
  }
  return {
    ready: runtime.ready,
    directory: runtime.directory,
    get mode() {
      return runtime.mode;
    },
    get where() {
      return runtime.where;
    },
    get status() {
      return runtime.status;
    },
    get address() {
      return runtime.router.address;
    },
    get reloadWhenChanged() {
      return runtime.reloadWhenChanged;
    },
    set reloadWhenChanged(value) {
      runtime.reloadWhenChanged = Boolean(value);
    },
    href: (path, parts) => runtime.router.href(path, parts),
    navigate: (path, options) => runtime.router.navigate(path, options),
    on,
    connect: () => runtime.connect(),
    state: () => runtime.state(),
  };
}

// Its own property: an element with the id "owndir" is a global of that name too.
if (isHostWorker) runHostWorker();
else if (!Object.hasOwn(globalThis, 'owndir')) {
  const { OWNDIR_SITE: described } = globalThis as { OWNDIR_SITE?: unknown };
  const runtime = new Runtime(parseSite(described, document.baseURI));
  Object.defineProperty(globalThis, 'owndir', { value: Object.freeze(api(runtime)), enumerable: true });
  runtime.start().catch(reportFault);
}
