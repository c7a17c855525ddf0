// Every way from one document to another that can be seen from within: links, forms, location, window.open. It becomes a wish to
// the shell; the browser itself is never let go anywhere.

import type { FromDocument, Target } from '../control.ts';
import { ask, fieldOf, limits, readAll, withoutFragment, type Context } from './context.ts';
import { fileName } from './document_kind.ts';
import { formTarget } from './forms.ts';
import type { HistoryShim } from './history_shim.ts';
import { nativeURL } from './natives.ts';
import { tabInPlace } from './tab_in_place.ts';

export interface NavigationParts {
  readonly context: Context;
  readonly history: HistoryShim;
  tell(message: FromDocument): void;
  /** To a frame of that name in this document; false: there is none. */
  lead(name: string, target: Target): boolean;
}

// A worker has this file too, and no elements.
const nativeSubmit = globalThis.HTMLFormElement?.prototype.submit;
const nativeClick = globalThis.HTMLElement?.prototype.click;

export class AppNavigator {
  readonly #parts: NavigationParts;
  readonly #handled = new WeakSet<Event>();

  constructor(parts: NavigationParts) {
    this.#parts = parts;
  }

  /** Once in the life of the window. */
  install(): void {
    const submit = (form: HTMLFormElement) => void this.#submit(form, null);
    HTMLFormElement.prototype.submit = function (this: HTMLFormElement) {
      submit(this);
    };
    window.open = (address?: string | URL, target = '_blank', features = '') => {
      const { context } = this.#parts;
      const url = new URL(String(address ?? '') || 'about:blank', context.base()).href;
      // Led somewhere later, as the page itself with an empty fragment.
      const isEmpty = url === 'about:blank' || url === `${withoutFragment(context.url)}#`;
      if (!isEmpty) this.go(url, { target });
      // Another site is in a tab of its own, which nobody here may lead.
      if (!isEmpty && new URL(url).host !== new URL(context.origin).host) return null;
      const go = (to: string) => this.go(to, { target });
      return /\bno(?:opener|referrer)\b/i.test(features) ? null : tabInPlace(context.base, go);
    };
  }

  /** In each document of the window, before its scripts. */
  listen(window: Window): void {
    for (const type of ['click', 'auxclick', 'submit'])
      window.addEventListener(type, event => this.#watch(event), true);
  }

  go(url: string, { replace = false, target = '' } = {}): void {
    const { context } = this.#parts;
    const parsed = new URL(url);
    if (parsed.protocol === 'javascript:') {
      // A form of eval, which the document's policy sees.
      location.href = url;
      return;
    }
    if (parsed.protocol === 'ws:' || parsed.protocol === 'wss:') return;
    if (parsed.host !== new URL(context.origin).host) {
      this.#parts.tell({ type: 'external', url });
      return;
    }
    const href = context.origin + parsed.href.slice(parsed.origin.length);
    if (this.#parts.lead(target, { url: href, method: 'GET', body: null })) return;
    const here = withoutFragment(context.url) === withoutFragment(href);
    if (here && href.includes('#') && !/^_blank$/i.test(target)) {
      this.#parts.history.goToFragment(href.endsWith('#') ? href : href, replace);
      return;
    }
    this.#leave({ url: href, method: 'GET', body: null }, { replace: replace || href === context.url });
  }

  reload(): void {
    const { context } = this.#parts;
    this.#leave({ url: context.url, method: 'GET', body: null }, { replace: true, reload: true });
  }

  #leave(target: Target, { replace = false, reload = false } = {}): void {
    const referrer = this.#parts.context.url;
    const { url, method, body } = target;
    this.#parts.tell({ type: 'navigate', navigation: { url, method, body, replace, reload, referrer } });
  }

  /** Looks once more when the app's own listeners are through. */
  #watch(event: Event): void {
    const subject = event.type === 'submit' ? (event.target as HTMLFormElement) : linkOf(event);
    if (!subject) return;
    const last = () => {
      if (this.#handled.has(event)) return;
      this.#handled.add(event);
      if (event.defaultPrevented) return;
      if (this.#follow(event, subject)) event.preventDefault();
    };
    window.addEventListener(event.type, last, { once: true });
    for (const name of ['stopPropagation', 'stopImmediatePropagation'] as const) {
      const native = event[name].bind(event);
      Object.defineProperty(event, name, {
        configurable: true,
        value: () => {
          native();
          disarm(subject, () => {
            window.removeEventListener(event.type, last);
            last();
          });
        },
      });
    }
  }

  /** True: it is taken care of. */
  #follow(event: Event, subject: HTMLFormElement | HTMLAnchorElement | SVGAElement): boolean {
    if (subject instanceof HTMLFormElement) {
      if (/^dialog$/i.test(subject.getAttribute('method') ?? '')) return false;
      void this.#submit(subject, (event as SubmitEvent).submitter);
      return true;
    }
    const href = subject instanceof SVGAElement ? subject.href.baseVal : subject.getAttribute('href');
    if (href === null || (event as MouseEvent).button === 2) return false;
    let url: URL;
    try {
      url = new URL(href, subject.baseURI);
    } catch {
      return false;
    }
    if (/^(?:javascript|blob|data):$/.test(url.protocol)) return false;
    if (subject.hasAttribute('download') && url.host === new URL(this.#parts.context.origin).host)
      void this.download(url, subject.getAttribute('download') ?? '');
    else this.go(url.href, { target: subject.getAttribute('target') ?? '' });
    return true;
  }

  async #submit(form: HTMLFormElement, submitter: Element | null): Promise<void> {
    const made = await formTarget(form, submitter, this.#parts.context.url);
    if (!made) return void nativeSubmit.call(form);
    const { context } = this.#parts;
    const url = new URL(made.url);
    if (url.host !== new URL(context.origin).host) {
      if (made.method === 'GET') this.#parts.tell({ type: 'external', url: made.url });
      else console.warn(`A form for ${url.origin} is not sent: it is not part of this app.`);
      return;
    }
    const { method, body, target } = made;
    const to: Target = { url: context.origin + url.href.slice(url.origin.length), method, body };
    if (!this.#parts.lead(target, to)) this.#leave(to);
  }

  async download(url: URL, name: string): Promise<void> {
    const answer = await ask(this.#parts.context, { url, dest: 'document' });
    const disposition = fieldOf(answer.head.fields, 'content-disposition');
    save(await readAll(answer, limits.download), name || fileName(disposition, url));
  }
}

/** As the person's own click on a link to it. */
export function save(blob: Blob, name: string): void {
  const url = nativeURL.create(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  nativeClick.call(link);
  setTimeout(() => nativeURL.revoke(url), 60_000);
}

function linkOf(event: Event): HTMLAnchorElement | SVGAElement | null {
  for (const node of event.composedPath()) {
    const isLink = node instanceof HTMLAnchorElement || node instanceof HTMLAreaElement || node instanceof SVGAElement;
    if (isLink && node.hasAttribute('href')) return node as HTMLAnchorElement;
    if (node instanceof SVGAElement) return node;
  }
  return null;
}

/** The browser's own action comes after the event, and finds nothing to act on. */
function disarm(subject: HTMLFormElement | HTMLAnchorElement | SVGAElement, then: () => void): void {
  const name = subject instanceof HTMLFormElement ? 'method' : 'href';
  const before = subject.getAttribute(name);
  if (subject instanceof HTMLFormElement) subject.setAttribute(name, 'dialog');
  else subject.removeAttribute(name);
  setTimeout(() => {
    if (before === null) subject.removeAttribute(name);
    else subject.setAttribute(name, before);
    then();
  });
}
