// An app in a frame under the service worker, on pages with an http(s) origin. Beside the app's frame stands a hidden one with
// owndir-app.html, which brings the worker and hands it ports. Owns both frames and the broker's clients from open to close.

import type { AppFrame, AppInfo } from '../apps.ts';
import type { AppBroker } from '../broker.ts';
import { kBootstrap, originsFor } from './addressing.ts';
import { noteOf, type Note } from './messages.ts';

export interface WorkerAppHooks {
  /** The app's frame has been started; `shares`: it has this page's own origin and could reach into it. */
  started(shares: boolean): void;
  /** Where the app is now, as its document says. */
  at(title: string, target: string): void;
  /** The app wants this path in another tab. */
  open(target: string): void;
  /** No worker can be had here: a sentence for a person. */
  failed(message: string): void;
}

/** How long a place may take to show that it has the file and a worker. */
const kProbeMs = 8_000;
const kTickMs = 15_000;

/** Everything but leading the page itself away. */
const kSandbox = [
  ...['scripts', 'same-origin', 'forms', 'popups', 'popups-to-escape-sandbox', 'modals', 'downloads', 'pointer-lock'],
  ...['presentation', 'orientation-lock'],
]
  .map(name => `allow-${name}`)
  .join(' ');

/** `makeBroker`: for the origin that the app turns out to have. `start`: the path of the app to begin with. */
export function openWorkerApp(
  container: HTMLElement,
  app: AppInfo,
  makeBroker: (origin: string) => AppBroker,
  hooks: WorkerAppHooks,
  start = '/',
): AppFrame {
  return new WorkerApp(container, app, makeBroker, hooks, start);
}

class WorkerApp implements AppFrame {
  readonly #container: HTMLElement;
  readonly #app: AppInfo;
  readonly #makeBroker: (origin: string) => AppBroker;
  readonly #hooks: WorkerAppHooks;
  readonly #frame = document.createElement('iframe');
  readonly #life = new AbortController();
  readonly #start: string;
  #keeper: HTMLIFrameElement | null = null;
  #origin = '';
  #broker: AppBroker | null = null;
  #answered: ((note: Note) => void) | null = null;
  #first = '';

  constructor(
    container: HTMLElement,
    app: AppInfo,
    makeBroker: (origin: string) => AppBroker,
    hooks: WorkerAppHooks,
    start: string,
  ) {
    this.#container = container;
    this.#app = app;
    this.#makeBroker = makeBroker;
    this.#hooks = hooks;
    this.#start = start;
    window.addEventListener('message', event => this.#onMessage(event), { signal: this.#life.signal });
    const tick = setInterval(() => this.#tick(), kTickMs);
    this.#life.signal.addEventListener('abort', () => clearInterval(tick), { once: true });
    void this.#open();
  }

  reload(): void {
    // Its own location is out of reach on another origin.
    if (this.#first !== '') this.#frame.src = this.#first;
  }

  close(): void {
    this.#life.abort();
    this.#frame.remove();
    this.#keeper?.remove();
    this.#broker?.close();
  }

  async #open(): Promise<void> {
    let why = 'This browser cannot run apps in this page.';
    for (const origin of originsFor(this.#app.name, location)) {
      const note = await this.#probe(origin);
      if (this.#life.signal.aborted) return;
      if (note?.owndir === 'serving') return this.#show(origin, note.start);
      if (note?.owndir === 'failed') why = note.message;
      this.#keeper?.remove();
      this.#broker?.close();
      this.#broker = null;
    }
    this.#hooks.failed(why);
  }

  /** Null when nothing of ours answers there. */
  async #probe(origin: string): Promise<Note | null> {
    const directory = new URL('.', location.href).pathname;
    const keeper = document.createElement('iframe');
    keeper.hidden = true;
    keeper.title = '';
    keeper.src = `${origin}${directory}${kBootstrap}?app=${this.#app.name}`;
    this.#keeper = keeper;
    this.#origin = origin;
    this.#broker = this.#makeBroker(origin);
    const answer = new Promise<Note>(resolve => {
      this.#answered = resolve;
    });
    this.#container.append(keeper);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<null>(resolve => {
      timer = setTimeout(() => resolve(null), kProbeMs);
      this.#life.signal.addEventListener('abort', () => resolve(null), { once: true });
      // A page that is not ours has loaded and says nothing.
      keeper.addEventListener('load', () => setTimeout(() => resolve(null), kProbeMs / 2), { once: true });
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
      this.#answered = null;
    }
  }

  #show(origin: string, start: string): void {
    const first = new URL(start);
    if (first.origin !== origin)
      return this.#hooks.failed('The frame of the app begins in a place that is not its own.');
    const path = this.#start.startsWith('/') ? this.#start : '/';
    this.#first = origin + first.pathname.replace(/\/$/, '') + path;
    this.#frame.setAttribute('sandbox', kSandbox);
    this.#frame.setAttribute('allow', 'fullscreen; clipboard-read; clipboard-write; autoplay; encrypted-media');
    this.#frame.title = this.#app.title;
    this.#frame.className = 'app-document';
    this.#frame.src = this.#first;
    this.#container.append(this.#frame);
    this.#hooks.started(origin === location.origin);
  }

  #tick(): void {
    this.#keeper?.contentWindow?.postMessage({ owndir: 'tick' }, this.#origin);
  }

  #onMessage(event: MessageEvent<unknown>): void {
    if (event.origin !== this.#origin || event.source === window) return;
    const note = noteOf(event.data);
    if (!note || note.owndir === 'tick' || note.app !== this.#app.name) return;
    switch (note.owndir) {
      case 'serving':
      case 'failed':
        if (event.source === this.#keeper?.contentWindow) this.#answered?.(note);
        return;
      case 'port': {
        const [port] = event.ports;
        if (port) this.#broker?.attach(port);
        return;
      }
      case 'at':
        if (event.source === this.#frame.contentWindow && note.target.startsWith('/')) {
          this.#first = this.#origin + prefixOf(this.#first, this.#app.name) + note.target;
          this.#hooks.at(note.title, note.target);
        }
        return;
      case 'open':
        if (note.target.startsWith('/')) this.#hooks.open(note.target);
        return;
      default:
    }
  }
}

/** What stands before the app's paths where it has no host of its own. */
function prefixOf(url: string, app: string): string {
  return /^.*?\/@app\/[a-z0-9-]+(?=[/?#]|$)/.exec(new URL(url).pathname)?.[0].replace(/[^/]*$/, app) ?? '';
}
