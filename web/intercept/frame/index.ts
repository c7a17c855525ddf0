// The file:// way: an app in owndir-frame.html, a file beside the page, in a sandbox without an origin. That file has the policy
// that apps need and makes their documents (host/); the page's part is small: it gives it ports to the broker, keeps the app's
// localStorage, and opens links that lead out. Ends with `close`.

import { Emitter } from '../../base/emitter.ts';
import type { AppFrame as AnyFrame, AppInfo } from '../apps.ts';
import type { AppBroker } from '../broker.ts';
import { mediaLibraryText } from '../media/library.ts';
import { kFrameFile, kFrameHello, kFrameWelcome, parseFromFrame, type FrameWelcome, type ToFrame } from './link.ts';
import { kPermissions, kSandbox } from './sandbox.ts';
import { AppStorage, type StorageKeeper } from './storage.ts';

export { DatabaseKeeper } from './keeper.ts';
export type { StorageKeeper } from './storage.ts';

export interface FrameOptions {
  /** Where localStorage stays beyond the page's life; nowhere when there is none. */
  keeper?: StorageKeeper | null;
  /** Where the app begins: an origin-form target. */
  start?: string;
  /** The frame's file is not there: a sentence for a person. */
  failed?: (message: string) => void;
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
  broker: AppBroker,
  options: FrameOptions = {},
): AppFrame {
  return new FramedApp(container, app, broker, options);
}

/** From the frame's load event, which an error page has too, to the file's first word; and from the beginning. */
const kSilentMs = 2_000;
const kAbsentMs = 20_000;
const kMostPorts = 256;

const kMissing =
  `The file ${kFrameFile}, which shows apps, is not beside this page. It is in the folder's .owndir/.dist: ` +
  'if the sync has not brought it yet, wait a moment; if you have copied index.html, copy the files beside it too.';

class FramedApp implements AppFrame {
  readonly element = document.createElement('iframe');
  readonly changed = new Emitter<void>();
  readonly #broker: AppBroker;
  readonly #storage: AppStorage;
  readonly #failed: (message: string) => void;
  readonly #life = new AbortController();
  /** By the document that uses them. */
  readonly #ports = new Map<number, (() => void)[]>();
  #link: MessagePort | null = null;
  #path: string;
  #title = '';
  #late: ReturnType<typeof setTimeout> | null = null;

  constructor(
    container: HTMLElement,
    app: Pick<AppInfo, 'name' | 'title'>,
    broker: AppBroker,
    { keeper = null, start = '/', failed = () => undefined }: FrameOptions,
  ) {
    this.#broker = broker;
    this.#storage = new AppStorage(keeper);
    this.#failed = failed;
    this.#path = start;
    this.element.title = app.title;
    this.element.style.cssText = 'border:0;width:100%;height:100%;display:block';
    this.element.setAttribute('sandbox', kSandbox);
    this.element.allow = kPermissions;
    void this.#begin(container);
  }

  get path(): string {
    return this.#path;
  }
  get title(): string {
    return this.#title;
  }

  navigate(path: string): void {
    const url = new URL(path, `${this.#broker.identity.origin}/`);
    if (url.origin !== this.#broker.identity.origin) throw new TypeError(`${path} is no path of the app.`);
    this.#path = url.href.slice(url.origin.length);
    this.#post({ type: 'navigate', path: this.#path });
  }

  reload(): void {
    this.#post({ type: 'reload' });
  }

  close(): void {
    if (this.#life.signal.aborted) return;
    this.#life.abort();
    this.#expect(null);
    this.#detach();
    this.#storage.close();
    this.element.remove();
    this.changed.clear();
  }

  async #begin(container: HTMLElement): Promise<void> {
    await this.#storage.load();
    const { signal } = this.#life;
    if (signal.aborted) return;
    addEventListener('message', event => this.#onHello(event), { signal });
    this.element.addEventListener('load', () => this.#link ?? this.#expect(kSilentMs), { signal });
    this.#expect(kAbsentMs);
    this.element.src = kFrameFile;
    container.append(this.element);
  }

  /** So long until the frame's file counts as missing. */
  #expect(ms: number | null): void {
    if (this.#late !== null) clearTimeout(this.#late);
    this.#late = ms === null ? null : setTimeout(() => this.#failed(kMissing), ms);
  }

  #post(message: ToFrame): void {
    this.#link?.postMessage(message);
  }

  /** Again when the frame was loaded anew. */
  #onHello(event: MessageEvent<unknown>): void {
    const frame = this.element.contentWindow;
    if (event.source !== frame || (event.data as { type?: unknown } | null)?.type !== kFrameHello) return;
    event.stopImmediatePropagation();
    this.#expect(null);
    this.#detach();
    const { port1, port2 } = new MessageChannel();
    this.#link = port1;
    port1.onmessage = message => this.#onMessage(message);
    const welcome: FrameWelcome = {
      type: kFrameWelcome,
      origin: this.#broker.identity.origin,
      start: this.#path,
      local: this.#storage.entries('local'),
    };
    // It has no origin that could be named.
    frame?.postMessage(welcome, '*', [port2]);
  }

  #onMessage({ data, ports }: MessageEvent<unknown>): void {
    const message = parseFromFrame(data);
    switch (message?.type) {
      case 'client':
        return this.#attach(message.document, ports[0]);
      case 'media':
        return this.#giveMedia(ports[0]);
      case 'gone':
        return this.#detach(message.document);
      case 'at':
        this.#path = message.path;
        this.#title = message.title;
        return this.changed.emit();
      case 'store':
        return this.#storage.set(message.area, message.key, message.value);
      case 'clear':
        return this.#storage.clear(message.area);
      case 'external':
        // Only after a person's click, which counts for the frames around it too.
        if (navigator.userActivation?.isActive) window.open(message.url, '_blank', 'noopener,noreferrer');
        return;
      case undefined:
    }
  }

  /** Its text, or why there is none. */
  #giveMedia(port: MessagePort | undefined): void {
    if (!port) return;
    mediaLibraryText().then(
      text => port.postMessage({ text }),
      (error: unknown) => port.postMessage({ error: (error as Error).message }),
    );
  }

  #attach(document: number, port: MessagePort | undefined): void {
    if (!port) return;
    const held = [...this.#ports.values()].reduce((sum, { length }) => sum + length, 0);
    if (held >= kMostPorts) return port.close();
    this.#ports.set(document, [...(this.#ports.get(document) ?? []), this.#broker.attach(port)]);
  }

  /** That document's, or all. */
  #detach(document?: number): void {
    for (const [number, detaches] of this.#ports) {
      if (document !== undefined && number !== document) continue;
      for (const detach of detaches) detach();
      this.#ports.delete(number);
    }
    if (document !== undefined) return;
    this.#link?.close();
    this.#link = null;
  }
}
