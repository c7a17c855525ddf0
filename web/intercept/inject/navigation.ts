// Links, forms and location changes of an app's document: within the app they stay in the frame and, where its documents have a
// prefix, get it; what leads elsewhere opens in a tab of its own, since the frame shows the app only.

interface NavigateEventLike extends Event {
  readonly destination: { readonly url: string; readonly sameDocument: boolean };
  readonly navigationType: 'push' | 'replace' | 'reload' | 'traverse';
  readonly formData: FormData | null;
  readonly hashChange: boolean;
  readonly downloadRequest: string | null;
}

export class Navigation {
  readonly #prefix: string;
  readonly #openTab: (target: string) => void;

  /** `openTab`: this path of the app in another tab. */
  constructor(prefix: string, openTab: (target: string) => void) {
    this.#prefix = prefix;
    this.#openTab = openTab;
  }

  listen(): void {
    const { navigation } = window as { navigation?: EventTarget };
    navigation?.addEventListener('navigate', event => this.#onNavigate(event as NavigateEventLike));
    // Last of all: what the app does itself with a click comes first.
    addEventListener('click', event => this.#onClick(event));
    if (this.#prefix !== '') {
      addEventListener('submit', event => this.#onSubmit(event));
      this.#wrapSubmit();
    }
    const open = window.open.bind(window);
    window.open = (address, target, features) => {
      const url = this.#inApp(address === undefined ? '' : String(address));
      if (!url || target === '_self' || target === '_top' || target === '_parent')
        return url && target ? open(this.#mapped(url), '_self') : open(address, target, features);
      if (this.#mayOpenTab && !/\bno(?:opener|referrer)\b/i.test(features ?? ''))
        return open(url.href, target, features);
      this.#openTab(url.pathname + url.search + url.hash);
      return null;
    };
  }

  /** A tab of the app's own finds the page through its opener, where the browser needs no prefix to know whose it is. */
  get #mayOpenTab(): boolean {
    return this.#prefix === '';
  }

  /** The URL when it is the app's; null for another's, and for about:blank and the like. */
  #inApp(address: string): URL | null {
    if (address === '') return null;
    try {
      const url = new URL(address, document.baseURI);
      return url.origin === location.origin && url.protocol.startsWith('http') ? url : null;
    } catch {
      return null;
    }
  }

  #mapped(url: URL): string {
    const { pathname, search, hash } = url;
    const done = this.#prefix === '' || pathname === this.#prefix || pathname.startsWith(`${this.#prefix}/`);
    return (done ? pathname : this.#prefix + pathname) + search + hash;
  }

  #onNavigate(event: NavigateEventLike): void {
    if (event.defaultPrevented || !event.cancelable || event.hashChange || event.downloadRequest !== null) return;
    const url = new URL(event.destination.url);
    if (url.origin !== location.origin) {
      if (!/^https?:$/.test(url.protocol)) return;
      event.preventDefault();
      window.open(url.href, '_blank', 'noopener');
      return;
    }
    if (event.destination.sameDocument || event.formData || this.#prefix === '') return;
    const to = this.#mapped(url);
    if (to === url.pathname + url.search + url.hash) return;
    event.preventDefault();
    if (event.navigationType === 'push') location.assign(to);
    else location.replace(to);
  }

  #onClick(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    const link = event
      .composedPath()
      .find(node => node instanceof HTMLAnchorElement || node instanceof HTMLAreaElement);
    if (!link || link.href === '' || link.hasAttribute('download')) return;
    const url = this.#inApp(link.href);
    const target = (link.target || document.querySelector('base')?.target || '').toLowerCase();
    if (!url) return;
    const apart = event.ctrlKey || event.metaKey || event.shiftKey || target === '_blank';
    if (target === '_blank' && this.#mayOpenTab && !/\bno(?:opener|referrer)\b/i.test(link.rel)) {
      event.preventDefault();
      window.open(url.href, '_blank');
    } else if (apart) {
      event.preventDefault();
      this.#openTab(url.pathname + url.search + url.hash);
    } else if (target === '_top' || (target === '_parent' && window.parent === window.top)) {
      event.preventDefault();
      location.assign(this.#mapped(url));
    }
  }

  #onSubmit(event: SubmitEvent): void {
    if (event.defaultPrevented || !(event.target instanceof HTMLFormElement)) return;
    const submitter = event.submitter;
    if (submitter?.hasAttribute('formaction')) {
      const url = this.#inApp(submitter.getAttribute('formaction') ?? '');
      if (url) submitter.setAttribute('formaction', this.#mapped(url));
    } else this.#mapForm(event.target);
  }

  #mapForm(form: HTMLFormElement): void {
    const url = this.#inApp(form.getAttribute('action') || location.href);
    if (url) form.setAttribute('action', this.#mapped(url));
  }

  #wrapSubmit(): void {
    const { submit } = HTMLFormElement.prototype;
    const mapForm = (form: HTMLFormElement) => this.#mapForm(form);
    HTMLFormElement.prototype.submit = function (this: HTMLFormElement) {
      mapForm(this);
      submit.call(this);
    };
  }
}
