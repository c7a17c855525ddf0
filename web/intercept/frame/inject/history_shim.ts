// history.pushState and its like: the entries are the shell's (history.ts beside it), the document's own list never changes.

import type { FromDocument, ToDocument } from '../control.ts';
import type { Context } from './context.ts';
import { withoutFragment } from './context.ts';

export interface HistoryParts {
  readonly context: Context;
  tell(message: FromDocument): void;
  /** The address has another path or query: relative addresses follow. */
  moved(): void;
  state: unknown;
  length: number;
}

const fragmentOf = (url: string): string => {
  const at = url.indexOf('#');
  return at < 0 ? '' : url.slice(at);
};

export class HistoryShim {
  readonly #parts: HistoryParts;
  readonly #nativeReplace: (data: unknown, unused: string, url?: string) => void;
  #state: unknown;
  #length: number;
  /** hashchange events of the browser that are about our own doing. */
  #nested: boolean;

  constructor(parts: HistoryParts, { nested }: { nested: boolean }) {
    this.#parts = parts;
    this.#state = parts.state;
    this.#length = parts.length;
    this.#nested = nested;
    this.#nativeReplace = History.prototype.replaceState.bind(history);
    this.#install();
  }

  #install(): void {
    const { prototype } = History;
    const define = (name: string, get: () => unknown) =>
      Object.defineProperty(prototype, name, { configurable: true, enumerable: true, get });
    define('state', () => this.#state);
    define('length', () => this.#length);
    prototype.pushState = (data, _unused, url) => this.#set('push', data, url);
    prototype.replaceState = (data, _unused, url) => this.#set('replace', data, url);
    prototype.go = (delta = 0) => this.#parts.tell({ type: 'go', delta: Math.trunc(Number(delta)) || 0 });
    prototype.back = () => this.#parts.tell({ type: 'go', delta: -1 });
    prototype.forward = () => this.#parts.tell({ type: 'go', delta: 1 });
  }

  /** In each document of the window, before its scripts. */
  listen(window: Window): void {
    // The browser's own are about about:srcdoc.
    for (const type of ['hashchange', 'popstate'])
      window.addEventListener(type, event => event.isTrusted && event.stopImmediatePropagation(), true);
    this.#scrollTo(this.#parts.context.url);
  }

  #set(type: 'push' | 'replace', data: unknown, url?: string | URL | null): void {
    const state: unknown = structuredClone(data);
    const { context } = this.#parts;
    let next = context.url;
    if (url !== undefined && url !== null && url !== '') {
      const parsed = new URL(String(url), context.base());
      if (parsed.origin !== context.origin)
        throw new DOMException(
          `A history state of '${parsed.href}' cannot be made in '${context.origin}'.`,
          'SecurityError',
        );
      next = parsed.href;
    }
    this.#state = state;
    if (type === 'push' && !this.#nested) this.#length += 1;
    this.#enter(next);
    this.#parts.tell({ type, url: next, state });
  }

  #enter(url: string): void {
    const { context } = this.#parts;
    const moved = withoutFragment(url) !== withoutFragment(context.url);
    const fragment = fragmentOf(url) !== fragmentOf(context.url);
    context.url = url;
    if (moved) this.#parts.moved();
    if (fragment) this.#nativeReplace(null, '', `about:srcdoc${fragmentOf(url)}`);
  }

  /** To a fragment of this document. */
  goToFragment(url: string, replace: boolean): void {
    const { context } = this.#parts;
    const old = context.url;
    this.#state = null;
    if (!replace && old !== url) this.#length += 1;
    context.url = url;
    this.#parts.tell({ type: replace || old === url ? 'replace' : 'push', url, state: null });
    this.#scrollTo(url);
    if (old === url) return;
    setTimeout(() => {
      dispatchEvent(new PopStateEvent('popstate', { state: null }));
      this.#hashChanged(old, url);
    });
  }

  /** The person or history.go went to another entry of this document. */
  onMessage(message: ToDocument): void {
    if (message.type === 'ping') return;
    this.#length = message.length;
    if (message.type !== 'pop') return;
    const old = this.#parts.context.url;
    const { url } = message;
    this.#state = message.state;
    const sameDocument = withoutFragment(url) === withoutFragment(old);
    this.#enter(url);
    dispatchEvent(new PopStateEvent('popstate', { state: this.#state }));
    if (sameDocument && fragmentOf(url) !== fragmentOf(old)) {
      this.#scrollTo(url);
      this.#hashChanged(old, url);
    }
  }

  #hashChanged(oldURL: string, newURL: string): void {
    dispatchEvent(new HashChangeEvent('hashchange', { oldURL, newURL }));
  }

  /** :target and the place on the page are the browser's. */
  #scrollTo(url: string): void {
    const fragment = fragmentOf(url);
    if (fragment === '' && location.hash === '') return;
    location.replace(`about:srcdoc${fragment === '' ? '#' : fragment}`);
  }
}
