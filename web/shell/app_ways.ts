// How an app comes into the page: under a service worker where the page has an http(s) origin, in a sandboxed frame on file://.
// One broker for each app that is open; its cookies stay with the tab.

import type { AppFrame, AppInfo } from '../intercept/apps.ts';
import type { AppBroker, BrokerOptions } from '../intercept/broker.ts';
import { DatabaseKeeper, openFrameApp } from '../intercept/frame/index.ts';
import { openWorkerApp } from '../intercept/worker/index.ts';
import type { Uplink } from './uplink.ts';
import type { AppEvents, AppsHooks } from './apps_view.ts';
import type { SignIn } from './sign_in.ts';

/** A tab's own, and gone with it: where other pages of file:// can look, nothing stays. */
function tabStorage(app: string): NonNullable<BrokerOptions['keep']> {
  const key = `owndir.cookies.${app}`;
  return {
    load: () => {
      try {
        return JSON.parse(sessionStorage.getItem(key) ?? 'null') as unknown;
      } catch {
        return null;
      }
    },
    save: cookies => {
      try {
        sessionStorage.setItem(key, JSON.stringify(cookies));
      } catch {
        // Full or forbidden: they live as long as the page.
      }
    },
  };
}

/** `server`: which home it is, so that another folder's apps of the same name keep their own cookies. */
export function appWays(
  uplink: Pick<Uplink, 'connected' | 'tunnels'>,
  server: () => string,
  signIn: SignIn,
): AppsHooks['open'] {
  return (container, app, events, start, here) => {
    const connected: BrokerOptions['connected'] = signal => uplink.connected(signal);
    const makeBroker = (origin: string) => {
      const keep = tabStorage(`${server()}/${app.name}`);
      return uplink.tunnels.openBroker({
        app: app.name,
        origin,
        connected,
        keep,
        askLogin: signIn.askerFor(server, app),
      });
    };
    if (location.protocol !== 'http:' && location.protocol !== 'https:')
      return framed(
        container,
        app,
        makeBroker(virtualOrigin(app.name)),
        events,
        start,
        `${location.pathname}#${server()}`,
      );
    return new OneTab(app, events, here, () => openWorkerApp(container, app, makeBroker, events, start));
  };
}

/** What an app is at where it has no address of its own: no host of that name exists. */
const virtualOrigin = (app: string) => `https://${app}.owndir.invalid`;

function framed(
  container: HTMLElement,
  app: AppInfo,
  broker: AppBroker,
  events: AppEvents,
  start: string,
  home: string,
): AppFrame {
  const keeper = new DatabaseKeeper(`${home}/${app.name}`);
  const frame = openFrameApp(container, app, broker, { start, keeper, failed: message => events.failed(message) });
  const tell = () => events.at(frame.title, frame.path);
  const stop = frame.changed.on(tell);
  queueMicrotask(() => events.started(false));
  return {
    reload: () => frame.reload(),
    close: () => {
      stop();
      frame.close();
      broker.close();
    },
  };
}

/** All tabs share the app's service worker: it serves one of them at a time. */
class OneTab implements AppFrame {
  #frame: AppFrame | null = null;
  #release: () => void = () => undefined;
  #closed = false;

  constructor(app: AppInfo, events: AppEvents, here: boolean, open: () => AppFrame) {
    const held = new Promise<void>(resolve => (this.#release = resolve));
    const { locks } = navigator as { locks?: LockManager };
    if (!locks) {
      this.#frame = open();
      return;
    }
    const options: LockOptions = here ? { steal: true } : { ifAvailable: true };
    const ended = locks.request(`owndir-app ${app.name}`, options, lock => {
      if (this.#closed) return undefined;
      if (!lock) return void events.elsewhere();
      this.#frame = open();
      return held;
    });
    ended.catch(() => {
      if (this.#closed) return;
      this.#frame?.close();
      this.#frame = null;
      events.elsewhere();
    });
  }

  reload(): void {
    this.#frame?.reload();
  }

  close(): void {
    this.#closed = true;
    this.#frame?.close();
    this.#release();
  }
}
