// The file:// way: an app in a sandboxed frame of an opaque origin, whose documents and everything in them come through the
// broker. The shell's part is small: it makes frames, gives each document its ports, and keeps history and storage; the rest
// is the script in the document (inject/). Ends with `close`.

import { Emitter } from '../../base/emitter.ts';
import type { AppFrame as AnyFrame, AppInfo } from '../apps.ts';
import type { Broker } from '../broker.ts';
import {
  kHello,
  kWelcome,
  parseFromDocument,
  type FromDocument,
  type Navigation,
  type ToDocument,
  type Welcome,
} from './control.ts';
import { AppHistory } from './history.ts';
import { Host } from './host.ts';
import { AppStorage, type StorageKeeper } from './storage.ts';
import source from 'worker:./inject/main.ts';

export { DatabaseKeeper } from './keeper.ts';
export type { StorageKeeper } from './storage.ts';

export interface FrameOptions {
  /** Where localStorage stays beyond the page's life; nowhere when there is none. */
  keeper?: StorageKeeper | null;
  /** Where the app begins: an origin-form target. */
  start?: string;
}

export interface AppFrame extends AnyFrame {
  readonly element: HTMLElement;
  /** Path, query and fragment of the document that is shown. */
  readonly path: string;
  readonly title: string;
  /** Path or title have changed. */
  readonly changed: Emitter<void>;
  /** To a path of the app. */
  navigate(path: string): void;
  reload(): void;
  close(): void;
}

export function openFrameApp(
  container: HTMLElement,
  app: Pick<AppInfo, 'name' | 'title'>,
  broker: Broker,
  options: FrameOptions = {},
): AppFrame {
  return new SandboxedApp(container, app, broker, options);
}

/** How long a document may take to say that it is still there. */
const lostAfterMs = 2000;
/** From the refusal of an address to the error page. */
const refusedMs = 500;
/** So many times in a row an app may be led away and come back. */
const maxLost = 3;
const maxClients = 200;

interface Document {
  readonly frame: HTMLIFrameElement;
  readonly number: number;
  navigation: Navigation;
  /** Of the entry that it is loaded for, when it is for one that exists. */
  readonly restores: number | null;
  control: MessagePort | null;
  committed: boolean;
  detach: (() => void)[];
}

const loader = (): string =>
  '<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" ' +
  `content="require-trusted-types-for 'script'"><script>${source.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--')}</script>`;

class SandboxedApp implements AppFrame {
  readonly changed = new Emitter<void>();
  readonly #broker: Broker;
  readonly #origin: string;
  readonly #host: Host;
  readonly #history = new AppHistory();
  readonly #storage: AppStorage;
  #documents = 0;
  #current: Document | null = null;
  /** Asked for, not yet answered. */
  #next: Document | null = null;
  #title = '';
  #asked: ReturnType<typeof setTimeout> | null = null;
  #lost = 0;
  #closed = false;

  constructor(
    container: HTMLElement,
    app: Pick<AppInfo, 'name' | 'title'>,
    broker: Broker,
    { keeper = null, start = '/' }: FrameOptions,
  ) {
    this.#broker = broker;
    this.#origin = broker.identity.origin;
    this.#storage = new AppStorage(keeper);
    this.#host = new Host(
      {
        message: (frame, event) => this.#onHello(frame, event),
        refused: () => this.#onRefused(),
        traversed: number => this.#onTraversed(number),
      },
      app.title,
    );
    void this.#begin(container, start);
  }

  get element(): HTMLElement {
    return this.#host.element;
  }
  get path(): string {
    const url = this.#history.current?.url;
    return url === undefined ? '/' : url.slice(this.#origin.length);
  }
  get title(): string {
    return this.#title;
  }

  navigate(path: string): void {
    const url = new URL(path, `${this.#origin}/`);
    if (url.origin !== this.#origin) throw new TypeError(`${path} is no path of the app.`);
    this.#load(plainNavigation(url.href, { replace: this.#history.current?.url === url.href }), null);
  }

  reload(): void {
    const url = this.#history.current?.url ?? `${this.#origin}/`;
    this.#load({ ...plainNavigation(url, { replace: true }), reload: true }, null);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const one of [this.#current, this.#next]) if (one) this.#remove(one);
    this.#storage.close();
    this.#host.close();
    this.changed.clear();
  }

  async #begin(container: HTMLElement, start: string): Promise<void> {
    await Promise.all([this.#host.mount(container), this.#storage.load()]);
    if (!this.#closed) this.navigate(start);
  }

  #load(navigation: Navigation, restores: number | null): void {
    if (this.#closed) return;
    if (this.#next) this.#remove(this.#next);
    const frame = this.#host.add(loader());
    const number = ++this.#documents;
    this.#next = { frame, number, navigation, restores, control: null, committed: false, detach: [] };
  }

  #remove(document: Document): void {
    for (const detach of document.detach) detach();
    document.detach = [];
    document.control?.close();
    this.#host.remove(document.frame);
    if (this.#next === document) this.#next = null;
    if (this.#current === document) this.#current = null;
  }

  #onHello(frame: HTMLIFrameElement, { data }: MessageEvent<unknown>): void {
    if ((data as { type?: unknown } | null)?.type !== kHello) return;
    const document = [this.#next, this.#current].find(one => one?.frame === frame);
    if (!document) return;
    // The same frame again: it was reloaded.
    if (document.committed && this.#history.current)
      document.navigation = { ...plainNavigation(this.#history.current.url, { replace: true }), reload: true };
    for (const detach of document.detach) detach();
    document.detach = [];
    const control = new MessageChannel();
    const client = new MessageChannel();
    document.control = control.port1;
    control.port1.onmessage = event => this.#onMessage(document, event);
    document.detach.push(this.#broker.attach(client.port1));
    const entry = document.restores === null ? null : this.#history.current;
    const welcome: Welcome = {
      type: kWelcome,
      origin: this.#origin,
      navigation: document.navigation,
      state: entry?.state ?? null,
      historyLength: this.#history.length + (document.navigation.replace ? 0 : 1),
      local: this.#storage.entries('local'),
      session: this.#storage.entries('session'),
      source,
      nested: false,
    };
    frame.contentWindow?.postMessage(welcome, '*', [control.port2, client.port2]);
  }

  #onMessage(document: Document, event: MessageEvent<unknown>): void {
    const message = parseFromDocument(event.data, this.#origin);
    if (!message) return;
    if (message.type === 'client') return this.#onClient(document, event.ports[0]);
    if (document === this.#next) this.#onMessageOfNext(document, message);
    else if (document === this.#current) this.#onMessageOfCurrent(document, message);
  }

  #onMessageOfNext(document: Document, message: FromDocument): void {
    if (message.type === 'stay') this.#remove(document);
    else if (message.type === 'commit') this.#commit(document, message.url);
  }

  #commit(document: Document, url: string): void {
    const old = this.#current;
    this.#next = null;
    this.#current = document;
    document.committed = true;
    if (old) this.#remove(old);
    this.#current = document;
    this.#host.show(document.frame);
    const { restores } = document;
    const state = restores === null ? null : (this.#history.current?.state ?? null);
    this.#enter(document.navigation.replace, { url, state, document: document.number });
    this.#setTitle('');
  }

  #enter(replace: boolean, entry: { url: string; state: unknown; document: number }): void {
    const isFirst = this.#history.length === 0;
    if (replace || isFirst) {
      this.#history.replace(entry);
      this.#host.replaceEntry(this.#history.number);
    } else {
      this.#history.push(entry);
      this.#host.pushEntry(this.#history.number);
    }
    this.changed.emit();
  }

  #onMessageOfCurrent(document: Document, message: FromDocument): void {
    switch (message.type) {
      case 'commit':
        // After a reload of its own.
        return this.#enter(true, { url: message.url, state: null, document: document.number });
      case 'navigate':
        this.#lost = 0;
        return this.#load(message.navigation, null);
      case 'push':
      case 'replace':
        this.#enter(message.type === 'replace', { ...message, document: document.number });
        return this.#post({ type: 'length', length: this.#history.length });
      case 'go':
        if (message.delta === 0) return this.reload();
        return this.#host.go(message.delta);
      case 'title':
        return this.#setTitle(message.title);
      case 'store':
        return this.#storage.set(message.area, message.key, message.value);
      case 'clear':
        return this.#storage.clear(message.area);
      case 'external':
        // Only after a person's click, which counts for the frames around it too.
        if (navigator.userActivation?.isActive) window.open(message.url, '_blank', 'noopener,noreferrer');
        return;
      case 'pong':
        return this.#onPong();
      case 'stay':
      case 'client':
      case 'loaded':
    }
  }

  #onClient(document: Document, port: MessagePort | undefined): void {
    if (!port) return;
    if (document.detach.length < maxClients) document.detach.push(this.#broker.attach(port));
    else port.close();
  }

  #setTitle(title: string): void {
    if (this.#title === title) return;
    this.#title = title;
    this.changed.emit();
  }

  #post(message: ToDocument): void {
    this.#current?.control?.postMessage(message);
  }

  #onTraversed(number: number | null): void {
    const entry = number === null ? null : this.#history.go(number);
    if (!entry || number === null) return;
    const { url, state } = entry;
    this.changed.emit();
    if (this.#next) this.#remove(this.#next);
    if (entry.document === this.#current?.number)
      return this.#post({ type: 'pop', url, state, length: this.#history.length });
    this.#load(plainNavigation(url, { replace: true }), number);
  }

  /** Is the document that is shown still there? An error page does not answer. */
  #onRefused(): void {
    const document = this.#current;
    const control = document?.control;
    if (!document || !control || this.#asked) return;
    // The refusal is told before the error page is there.
    this.#asked = setTimeout(() => {
      control.postMessage({ type: 'ping' } satisfies ToDocument);
      this.#asked = setTimeout(() => {
        this.#asked = null;
        if (this.#closed || this.#current !== document || document.control !== control || this.#lost >= maxLost) return;
        this.#lost += 1;
        this.#load(plainNavigation(this.#history.current?.url ?? `${this.#origin}/`, { replace: true }), null);
      }, lostAfterMs);
    }, refusedMs);
  }

  #onPong(): void {
    if (this.#asked) clearTimeout(this.#asked);
    this.#asked = null;
  }
}

function plainNavigation(url: string, { replace }: { replace: boolean }): Navigation {
  return { url, method: 'GET', body: null, replace, referrer: '', reload: false };
}
