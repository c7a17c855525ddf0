// Frames of the app in a document of the app: this document is their shell. They have no history of their own in the browser's list.

import { kHello, kWelcome, parseFromDocument, type FromDocument, type Navigation, type Welcome } from '../control.ts';
import type { Context } from './context.ts';
import { native, trusted } from './natives.ts';

interface Nested {
  navigation: Navigation;
  control: MessagePort | null;
}

export function loaderOf(source: string): string {
  const safe = source.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--');
  return `<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="require-trusted-types-for 'script'"><script>${safe}</script>`;
}

const sandbox = 'allow-scripts allow-forms allow-modals allow-downloads allow-pointer-lock';
const maxFrames = 100;

export class NestedFrames {
  readonly #context: Context;
  readonly #frames = new Map<HTMLIFrameElement, Nested>();
  readonly #tell: (message: FromDocument) => void;
  readonly #stored: () => Pick<Welcome, 'local' | 'session'>;

  constructor(
    context: Context,
    tell: (message: FromDocument) => void,
    stored: () => Pick<Welcome, 'local' | 'session'>,
  ) {
    this.#context = context;
    this.#tell = tell;
    this.#stored = stored;
  }

  /** In each document of the window, before its scripts. */
  listen(window: Window): void {
    window.addEventListener('message', event => this.#onMessage(event), true);
  }

  load(frame: HTMLIFrameElement, url: string): void {
    const { origin } = this.#context;
    if (new URL(url).origin !== origin) {
      console.warn(`A frame of ${new URL(url).origin} is not shown: it is not part of this app.`);
      return;
    }
    this.#go(frame, {
      ...{ url, method: 'GET', body: null, replace: true, reload: false },
      referrer: this.#context.url,
    });
  }

  #go(frame: HTMLIFrameElement, navigation: Navigation): void {
    for (const known of this.#frames.keys()) if (!known.isConnected) this.#frames.delete(known);
    if (this.#frames.size >= maxFrames) return;
    this.#frames.set(frame, { navigation, control: null });
    const given = native.get(frame, 'sandbox');
    native.set(
      frame,
      'sandbox',
      given === null ? sandbox : given.replace(/\ballow-(?:same-origin|popups\S*|top-navigation\S*)/g, ''),
    );
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
      const welcome: Welcome = {
        ...{
          type: kWelcome,
          origin: this.#context.origin,
          navigation: nested.navigation,
          state: null,
          historyLength: 1,
        },
        ...{ ...this.#stored(), source: this.#context.source, nested: true },
      };
      frame.contentWindow?.postMessage(welcome, '*', [control.port2, this.#context.newClient()]);
    }
  }

  #onControl(frame: HTMLIFrameElement, nested: Nested, { data, ports }: MessageEvent<unknown>): void {
    const message = parseFromDocument(data, this.#context.origin);
    if (!message) return;
    switch (message.type) {
      case 'navigate':
        return this.#go(frame, message.navigation);
      case 'client': {
        const [port] = ports;
        if (port) relay(port, this.#context.newClient());
        return;
      }
      case 'store':
      case 'clear':
      case 'external':
        return this.#tell(message);
      case 'go':
        if (message.delta === 0) this.#go(frame, nested.navigation);
        return;
      case 'commit':
      case 'push':
      case 'replace':
        nested.navigation = { ...nested.navigation, url: message.url, method: 'GET', body: null };
        return;
      default:
    }
  }
}

/** A port cannot be handed on while it is in use: what comes in one end goes out of the other. */
function relay(a: MessagePort, b: MessagePort): void {
  a.onmessage = event => b.postMessage(event.data, [...event.ports]);
  b.onmessage = event => a.postMessage(event.data, [...event.ports]);
}
