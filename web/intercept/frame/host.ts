// The frame around an app's frame. It is the page's own document, empty but for a Content-Security-Policy: the app's documents
// inherit it (they are srcdoc), and its frame-src is what keeps an app's frame from being led to an address: such a
// navigation ends before anything is sent. Its history entries stand for the app's in the browser's list.

const policy = [
  "default-src 'none'",
  "script-src 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob: data:",
  "style-src 'unsafe-inline' blob: data:",
  'img-src blob: data:',
  'font-src blob: data:',
  'media-src blob: data:',
  'connect-src blob: data:',
  'worker-src blob: data:',
  "frame-src 'none'",
  "object-src 'none'",
  "form-action 'none'",
].join('; ');

const page = `<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><meta http-equiv="x-dns-prefetch-control" content="off"><style>html,body{margin:0;height:100%;overflow:hidden}iframe{position:absolute;inset:0;width:100%;height:100%;border:0;background:#fff}</style><body></body>`;

/** Not allow-same-origin: an app shares neither origin nor storage with the page. Not allow-popups: links out are the shell's. */
const sandbox = 'allow-scripts allow-forms allow-modals allow-downloads allow-pointer-lock';
const permissions = 'fullscreen; clipboard-write; autoplay; gamepad';

export interface HostEvents {
  /** From the frame that holds the app or is about to. */
  message(frame: HTMLIFrameElement, event: MessageEvent<unknown>): void;
  /** A frame was led to an address, which the policy has refused: it may be an error page now. */
  refused(): void;
  /** The person or `go` went to an entry of that number; null: to before the first. */
  traversed(number: number | null): void;
}

export class Host {
  readonly element: HTMLIFrameElement;
  readonly #events: HostEvents;
  readonly #frames = new Set<HTMLIFrameElement>();
  #window: Window | null = null;

  constructor(events: HostEvents, title: string) {
    this.#events = events;
    this.element = document.createElement('iframe');
    this.element.title = title;
    this.element.style.cssText = 'border:0;width:100%;height:100%;display:block';
    this.element.allow = permissions;
    this.element.srcdoc = page;
  }

  /** Resolves when frames can be put in. */
  async mount(container: HTMLElement): Promise<void> {
    await new Promise<void>(resolve => {
      this.element.addEventListener('load', () => resolve(), { once: true });
      container.append(this.element);
    });
    const window = this.element.contentWindow;
    if (!window) throw new Error('The frame for the app could not be made.');
    this.#window = window;
    window.addEventListener('message', this.#onMessage);
    window.addEventListener('popstate', this.#onPop);
    window.document.addEventListener('securitypolicyviolation', () => this.#events.refused());
  }

  /** A new frame with that document; hidden until it is shown. */
  add(source: string): HTMLIFrameElement {
    if (!this.#window) throw new Error('not mounted');
    const frame = this.#window.document.createElement('iframe');
    frame.setAttribute('sandbox', sandbox);
    frame.allow = permissions;
    frame.style.visibility = 'hidden';
    frame.srcdoc = source;
    this.#frames.add(frame);
    this.#window.document.body.append(frame);
    return frame;
  }

  show(frame: HTMLIFrameElement): void {
    frame.style.visibility = '';
    if (this.#window?.document.hasFocus() || document.activeElement === this.element) frame.focus();
  }

  remove(frame: HTMLIFrameElement): void {
    this.#frames.delete(frame);
    frame.remove();
  }

  /** In the browser's list. */
  pushEntry(number: number): void {
    this.#window?.history.pushState({ owndir: number }, '');
  }
  replaceEntry(number: number): void {
    this.#window?.history.replaceState({ owndir: number }, '');
  }
  go(delta: number): void {
    this.#window?.history.go(delta);
  }

  close(): void {
    this.#window?.removeEventListener('message', this.#onMessage);
    this.#window?.removeEventListener('popstate', this.#onPop);
    this.#frames.clear();
    this.element.remove();
    this.#window = null;
  }

  readonly #onMessage = (event: MessageEvent<unknown>): void => {
    for (const frame of this.#frames) if (frame.contentWindow === event.source) this.#events.message(frame, event);
  };

  readonly #onPop = (event: PopStateEvent): void => {
    const number = (event.state as { owndir?: unknown } | null)?.owndir;
    this.#events.traversed(typeof number === 'number' ? number : null);
  };
}
