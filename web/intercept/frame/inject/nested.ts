// Frames of the app in a document of the app: this document is their shell. Each has a history of its own, which is not in the
// browser's list.

import {
  kHello,
  kWelcome,
  parseFromDocument,
  type FromDocument,
  type Navigation,
  type Target,
  type ToDocument,
  type Welcome,
} from '../control.ts';
import { AppHistory } from '../history.ts';
import { loaderOf } from '../loader.ts';
import { kSandbox } from '../sandbox.ts';
import { isForbidden, type Context } from './context.ts';
import { hidden } from './html.ts';
import { native, trusted } from './natives.ts';

interface Nested {
  readonly history: AppHistory;
  navigation: Navigation;
  html: string | null;
  /** Counts the documents. */
  document: number;
  /** The entry that it goes back to. */
  restores: boolean;
  control: MessagePort | null;
}

const maxFrames = 100;

type Tell = (message: FromDocument, transfer?: Transferable[]) => void;

export class NestedFrames {
  readonly #context: Context;
  readonly #frames = new Map<HTMLIFrameElement, Nested>();
  readonly #tell: Tell;
  readonly #stored: () => Pick<Welcome, 'local' | 'session'>;

  constructor(context: Context, tell: Tell, stored: () => Pick<Welcome, 'local' | 'session'>) {
    this.#context = context;
    this.#tell = tell;
    this.#stored = stored;
  }

  /** In each document of the window, before its scripts. */
  listen(document: Document): void {
    addEventListener('message', event => this.#onMessage(event), true);
    // The loader's own load comes too early; ours follows when the document in it is loaded.
    document.addEventListener(
      'load',
      event => {
        const frame = event.target;
        if (!event.isTrusted || !(frame instanceof HTMLIFrameElement)) return;
        if (['src', 'srcdoc'].some(name => native.has(frame, hidden(name)))) event.stopImmediatePropagation();
      },
      true,
    );
  }

  load(frame: HTMLIFrameElement, url: string): void {
    const { origin } = this.#context;
    if (new URL(url).origin !== origin) {
      console.warn(`A frame of ${new URL(url).origin} is not shown: it is not part of this app.`);
      return;
    }
    if (isForbidden(this.#context, new URL(url), 'iframe')) return;
    this.#go(frame, this.#plain(url), null);
  }

  /** With a document that is given as text. */
  write(frame: HTMLIFrameElement, html: string): void {
    this.#go(frame, this.#plain(this.#context.url), html);
  }

  /** A link or form for a frame of that name; false: there is none. */
  lead(name: string, target: Target): boolean {
    if (name === '' || name.startsWith('_')) return false;
    const frame = [...document.querySelectorAll('iframe')].find(one => one.name === name);
    if (!frame) return false;
    this.#go(frame, { ...this.#plain(target.url), ...target, replace: !this.#frames.has(frame) }, null);
    return true;
  }

  #plain(url: string): Navigation {
    return { ...{ url, method: 'GET', body: null, replace: false, reload: false }, referrer: this.#context.url };
  }

  #go(frame: HTMLIFrameElement, navigation: Navigation, html: string | null, restores = false): void {
    for (const known of this.#frames.keys()) if (!known.isConnected) this.#frames.delete(known);
    if (!this.#frames.has(frame) && this.#frames.size >= maxFrames) return;
    const old = this.#frames.get(frame);
    const history = old?.history ?? new AppHistory();
    const document = (old?.document ?? 0) + 1;
    this.#frames.set(frame, { history, navigation, html, document, restores, control: null });
    const given = native.get(frame, 'sandbox');
    const kept = given?.replace(/\ballow-(?:same-origin|popups\S*|top-navigation\S*)/g, '') ?? kSandbox;
    native.set(frame, 'sandbox', kept);
    native.set(frame, 'srcdoc', trusted.createHTML(loaderOf(this.#context.source)));
  }

  #onMessage(event: MessageEvent<unknown>): void {
    if ((event.data as { type?: unknown } | null)?.type !== kHello) return;
    for (const [frame, nested] of this.#frames) {
      if (frame.contentWindow !== event.source) continue;
      event.stopImmediatePropagation();
      const control = new MessageChannel();
      nested.control = control.port1;
      control.port1.onmessage = message => this.#onControl(frame, nested, message);
      const { navigation, html, history, restores } = nested;
      const state = restores ? (history.current?.state ?? null) : null;
      const welcome: Welcome = {
        ...{ type: kWelcome, origin: this.#context.origin, navigation, state, historyLength: history.length + 1, html },
        ...{ ...this.#stored(), source: this.#context.source, nested: true },
        ...(html === null ? {} : { policy: this.#context.policy.text }),
      };
      frame.contentWindow?.postMessage(welcome, '*', [control.port2, this.#context.newClient()]);
    }
  }

  #onControl(frame: HTMLIFrameElement, nested: Nested, { data, ports }: MessageEvent<unknown>): void {
    const message = parseFromDocument(data, this.#context.origin);
    if (!message || this.#frames.get(frame) !== nested) return;
    switch (message.type) {
      case 'navigate':
        return this.#go(frame, message.navigation, null);
      case 'client': {
        const [port] = ports;
        if (port) relay(port, this.#context.newClient());
        return;
      }
      case 'media': {
        const [port] = ports;
        if (port) this.#context.media(port);
        return;
      }
      case 'share':
        return this.#tell(message, [...ports]);
      case 'store':
      case 'clear':
      case 'external':
        return this.#tell(message);
      case 'go':
        return this.#traverse(frame, nested, message.delta);
      case 'commit':
        return this.#enter(
          nested,
          nested.navigation.replace,
          message.url,
          nested.restores ? nested.history.current?.state : null,
        );
      case 'push':
      case 'replace':
        return this.#enter(nested, message.type === 'replace', message.url, message.state);
      case 'loaded':
        frame.dispatchEvent(new Event('load'));
        return;
      default:
    }
  }

  #enter(nested: Nested, replace: boolean, url: string, state: unknown): void {
    const entry = { url, state: state ?? null, document: nested.document };
    if (replace) nested.history.replace(entry);
    else nested.history.push(entry);
    nested.control?.postMessage({ type: 'length', length: nested.history.length } satisfies ToDocument);
  }

  #traverse(frame: HTMLIFrameElement, nested: Nested, delta: number): void {
    const { history } = nested;
    if (delta === 0) return this.#go(frame, { ...nested.navigation, replace: true, reload: true }, nested.html);
    const entry = history.go(history.number + delta);
    if (!entry) return;
    const { url, state } = entry;
    if (entry.document === nested.document)
      nested.control?.postMessage({ type: 'pop', url, state, length: history.length } satisfies ToDocument);
    else this.#go(frame, { ...this.#plain(url), replace: true }, null, true);
  }
}

/** A port cannot be handed on while it is in use: what comes in one end goes out of the other. */
function relay(a: MessagePort, b: MessagePort): void {
  a.onmessage = event => b.postMessage(event.data, [...event.ports]);
  b.onmessage = event => a.postMessage(event.data, [...event.ports]);
}
