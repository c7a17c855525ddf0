// Which app a URL belongs to, and which URL its paths have (docs/intercept.md, Addressing). Where a host name is an app's alone and
// the worker's scope is the whole host, the URLs are the app's own. Elsewhere its documents live under `SCOPE@app/NAME/`.

import { isAppName } from '../apps.ts';

export const kBootstrap = 'owndir-app.html';
export const kWorker = 'owndir-sw.js';

type Place = Pick<Location | URL, 'protocol' | 'hostname' | 'port' | 'origin' | 'href'>;

const isLocalhost = (hostname: string): boolean => hostname === 'localhost' || hostname.endsWith('.localhost');

/** Whether the host name is the app's alone: "notes.owndir.localhost" is for notes, of the page at "owndir.localhost". */
export function hasOwnHost(app: string, { hostname }: Place): boolean {
  return hostname.startsWith(`${app}.`) && isLocalhost(hostname.slice(app.length + 1));
}

/** Where a page may have an app, the best first. */
export function originsFor(app: string, { protocol, hostname, port, origin }: Place): string[] {
  if (!isLocalhost(hostname)) return [origin];
  return [`${protocol}//${app}.${hostname}${port === '' ? '' : `:${port}`}`, origin];
}

/** The origin of the page that holds the connection of the app which is here. */
export function pageOrigin(app: string, place: Place): string {
  return hasOwnHost(app, place) ? place.origin.replace(`//${app}.`, '//') : place.origin;
}

export class Addressing {
  /** The directory that the worker serves, "/" or "/a/b/". */
  readonly scope: string;
  readonly origin: string;
  readonly alone: string | null;

  /** `at`: the URL of a file in the scope's directory. `alone`: the app that has the host for itself. */
  constructor(at: Place, alone: string | null) {
    this.scope = new URL('.', at.href).pathname;
    this.origin = at.origin;
    this.alone = alone;
  }

  /** What stands before the app's own paths; "" where they are the URL's. */
  prefix(app: string): string {
    return this.alone === app && this.scope === '/' ? '' : `${this.scope}@app/${app}`;
  }

  /** The file that brings the worker, or the worker itself: not the app's. */
  isOurs(url: URL): boolean {
    return url.pathname === this.scope + kBootstrap || url.pathname === this.scope + kWorker;
  }

  /** The app that the URL itself names; null when it names none. */
  appOf(url: URL): string | null {
    if (url.origin !== this.origin) return null;
    const start = `${this.scope}@app/`;
    if (url.pathname.startsWith(start)) {
      const [name] = url.pathname.slice(start.length).split('/');
      if (isAppName(name) && (this.alone === null || this.alone === name)) return name;
    }
    return this.alone;
  }

  /** The app's own path and query. */
  targetOf(app: string, url: URL): string {
    const prefix = this.prefix(app);
    const { pathname } = url;
    // An empty query keeps its mark.
    const search = url.search || (url.href.replace(/#.*$/s, '').endsWith('?') ? '?' : '');
    const inside = prefix !== '' && (pathname === prefix || pathname.startsWith(`${prefix}/`));
    return ((inside ? pathname.slice(prefix.length) : pathname) || '/') + search;
  }

  /** The URL of a document of the app. */
  documentUrl(app: string, target: string): string {
    return this.origin + this.prefix(app) + target;
  }
}
