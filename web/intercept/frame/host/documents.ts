// The documents of an app in owndir-frame.html: makes a frame for each, gives it its ports, and keeps history and the storage
// that documents begin with; the rest is the script in the document (../inject/). Lives as long as the file is loaded.

import {
  kHello,
  kWelcome,
  parseFromDocument,
  type FromDocument,
  type Navigation,
  type Stored,
  type ToDocument,
  type Welcome,
} from '../control.ts';
import { AppHistory } from '../history.ts';
import { loaderOf } from '../loader.ts';
import type { FrameWelcome, FromFrame, ToFrame } from '../link.ts';
import { AppStorage } from '../storage.ts';
import { Frames } from './frames.ts';
import { SharedWorkers } from './shared_workers.ts';
import source from 'worker:../inject/main.ts';

/** How long a document may take to say that it is still there. */
const lostAfterMs = 2000;
/** From the refusal of an address to the error page. */
const refusedMs = 500;
/** So many times in a row an app may be led away and come back. */
const maxLost = 3;
const kMaxClients = 200;

interface Document {
  readonly frame: HTMLIFrameElement;
  readonly number: number;
  navigation: Navigation;
  /** Of the entry that it is loaded for, when it is for one that exists. */
  readonly restores: number | null;
  control: MessagePort | null;
  committed: boolean;
  clients: number;
}

export class Documents {
  readonly #page: MessagePort;
  readonly #origin: string;
  readonly #frames: Frames;
  readonly #history = new AppHistory();
  /** A copy: the page keeps it. */
  readonly #storage = new AppStorage(null);
  readonly #workers: SharedWorkers;
  #documents = 0;
  #current: Document | null = null;
  /** Asked for, not yet answered. */
  #next: Document | null = null;
  #title = '';
  #asked: ReturnType<typeof setTimeout> | null = null;
  #lost = 0;

  constructor({ origin, start, local }: FrameWelcome, page: MessagePort) {
    this.#page = page;
    this.#origin = origin;
    for (const [key, value] of local) this.#storage.set('local', key, value);
    this.#frames = new Frames({
      message: (frame, event) => this.#onHello(frame, event),
      refused: () => this.#onRefused(),
      traversed: number => this.#onTraversed(number),
    });
    this.#workers = new SharedWorkers({
      ...{ source, origin },
      client: document => {
        const { port1, port2 } = new MessageChannel();
        this.#tell({ type: 'client', document }, [port1]);
        return port2;
      },
      gone: document => this.#tell({ type: 'gone', document }),
    });
    page.onmessage = ({ data }: MessageEvent<ToFrame>) =>
      data.type === 'reload' ? this.#reload() : this.#navigate(data.path);
    this.#navigate(start);
  }

  #tell(message: FromFrame, transfer: Transferable[] = []): void {
    this.#page.postMessage(message, transfer);
  }

  #tellWhere(): void {
    const url = this.#history.current?.url;
    if (url !== undefined) this.#tell({ type: 'at', path: url.slice(this.#origin.length), title: this.#title });
  }

  #navigate(path: string): void {
    const url = new URL(path, `${this.#origin}/`);
    if (url.origin !== this.#origin) return;
    this.#load(plainNavigation(url.href, { replace: this.#history.current?.url === url.href }), null);
  }

  #reload(): void {
    const url = this.#history.current?.url ?? `${this.#origin}/`;
    this.#load({ ...plainNavigation(url, { replace: true }), reload: true }, null);
  }

  #load(navigation: Navigation, restores: number | null): void {
    if (this.#next) this.#remove(this.#next);
    const frame = this.#frames.add(loaderOf(source));
    const number = ++this.#documents;
    this.#next = { frame, number, navigation, restores, control: null, committed: false, clients: 0 };
  }

  #remove(document: Document): void {
    this.#leave(document);
    document.control?.close();
    this.#frames.remove(document.frame);
    if (this.#next === document) this.#next = null;
    if (this.#current === document) this.#current = null;
  }

  /** Its clients and shared workers end. */
  #leave(document: Document): void {
    this.#tell({ type: 'gone', document: document.number });
    this.#workers.leave(document.number);
    document.clients = 0;
  }

  #onHello(frame: HTMLIFrameElement, { data }: MessageEvent<unknown>): void {
    if ((data as { type?: unknown } | null)?.type !== kHello) return;
    const document = [this.#next, this.#current].find(one => one?.frame === frame);
    if (!document) return;
    // The same frame again: it was reloaded.
    if (document.committed && this.#history.current)
      document.navigation = { ...plainNavigation(this.#history.current.url, { replace: true }), reload: true };
    this.#leave(document);
    const control = new MessageChannel();
    const client = new MessageChannel();
    document.control = control.port1;
    control.port1.onmessage = event => this.#onMessage(document, event);
    this.#onClient(document, client.port1);
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
    const [port] = event.ports;
    if (message.type === 'client') return this.#onClient(document, port);
    if (message.type === 'share')
      return port && this.#workers.connect(document.number, message, port, ++this.#documents);
    if (message.type === 'media') return this.#tell(message, [...event.ports]);
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
    this.#frames.show(document.frame);
    const { restores } = document;
    const state = restores === null ? null : (this.#history.current?.state ?? null);
    this.#enter(document.navigation.replace, { url, state, document: document.number });
    this.#setTitle('');
  }

  #enter(replace: boolean, entry: { url: string; state: unknown; document: number }): void {
    const isFirst = this.#history.length === 0;
    if (replace || isFirst) {
      this.#history.replace(entry);
      this.#frames.replaceEntry(this.#history.number);
    } else {
      this.#history.push(entry);
      this.#frames.pushEntry(this.#history.number);
    }
    this.#tellWhere();
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
        if (message.delta === 0) return this.#reload();
        return this.#frames.go(message.delta);
      case 'title':
        return this.#setTitle(message.title);
      case 'store':
        this.#storage.set(message.area, message.key, message.value);
        return this.#keep(message);
      case 'clear':
        this.#storage.clear(message.area);
        return this.#keep(message);
      case 'external':
        return this.#tell(message);
      case 'pong':
        return this.#onPong();
      case 'stay':
      case 'client':
      case 'media':
      case 'share':
      case 'loaded':
    }
  }

  /** What outlives the page; the rest stays here. */
  #keep(message: Stored): void {
    if (message.area === 'local') this.#tell(message);
  }

  #onClient(document: Document, port: MessagePort | undefined): void {
    if (!port) return;
    document.clients += 1;
    if (document.clients <= kMaxClients) this.#tell({ type: 'client', document: document.number }, [port]);
    else port.close();
  }

  #setTitle(title: string): void {
    if (this.#title === title) return;
    this.#title = title;
    this.#tellWhere();
  }

  #post(message: ToDocument): void {
    this.#current?.control?.postMessage(message);
  }

  #onTraversed(number: number | null): void {
    const entry = number === null ? null : this.#history.go(number);
    if (!entry || number === null) return;
    const { url, state } = entry;
    this.#tellWhere();
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
        if (this.#current !== document || document.control !== control || this.#lost >= maxLost) return;
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
