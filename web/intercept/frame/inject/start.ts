// A document of the app: says hello, takes its ports, puts the app's world in the place of the browser's, asks for the document that
// it is to be, and writes it.

import { BrokerPort, type PortAnswer } from '../../client.ts';
import { answerSynchronousRequests } from '../../inject/again.ts';
import { kHello, kWelcome, type FromDocument, type ToDocument, type Welcome } from '../control.ts';
import {
  appTarget,
  ask,
  charsetOf,
  decoderFor,
  fieldOf,
  limits,
  readAll,
  withoutFragment,
  type Context,
} from './context.ts';
import { installComputedStyle } from './computed_style.ts';
import { CookieMirror } from './cookies.ts';
import { DocumentWriter } from './document.ts';
import { documentKind, errorPage, fileName, pageAround, pageOfText } from './document_kind.ts';
import { Elements } from './elements.ts';
import { installEventSource } from './eventsource.ts';
import { installFetch } from './fetch.ts';
import { installFontFace } from './fonts.ts';
import { HistoryShim } from './history_shim.ts';
import { LoadHold } from './lifecycle.ts';
import { installLocation, VirtualLocation } from './location.ts';
import { Modules } from './modules.ts';
import { AppNavigator, save } from './navigation.ts';
import { NestedFrames } from './nested.ts';
import { AppPolicy } from './policy.ts';
import { Resources } from './resources.ts';
import { kImport, kInline, kMeta } from './script_text.ts';
import { nativeURL } from './natives.ts';
import { makeStorage } from './storage_shim.ts';
import { Styles } from './styles.ts';
import { installSharedWorkers } from './shared_workers.ts';
import { installTrustedTypes } from './trusted.ts';
import { installWebSocket } from './websocket.ts';
import { installWorkers } from './workers.ts';
import { installXhr } from './xhr.ts';

// A worker has this file too, and no parent.
const nativeParent = globalThis.parent;

export function startDocument(): void {
  const welcomed = (event: MessageEvent<unknown>) => {
    if (event.source !== nativeParent) return;
    if ((event.data as { type?: unknown } | null)?.type !== kWelcome) return;
    const [control, client] = event.ports;
    if (!control || !client) return;
    event.stopImmediatePropagation();
    removeEventListener('message', welcomed, true);
    new AppDocument(event.data as Welcome, control, client).start();
  };
  addEventListener('message', welcomed, true);
  nativeParent.postMessage({ type: kHello }, '*');
}

class AppDocument {
  readonly #welcome: Welcome;
  readonly #control: MessagePort;
  readonly #life: AbortController;
  readonly #context: Context;
  readonly #hold = new LoadHold();
  readonly #resources: Resources;
  readonly #styles: Styles;
  readonly #modules: Modules;
  readonly #elements: Elements;
  readonly #cookies: CookieMirror;
  readonly #history: HistoryShim;
  readonly #navigator: AppNavigator;
  readonly #nested: NestedFrames;
  readonly #location: VirtualLocation;
  readonly #local: Storage;
  readonly #session: Storage;
  /** The app has its own base. */
  #ownBase = false;
  #title = '';

  constructor(welcome: Welcome, control: MessagePort, client: MessagePort) {
    this.#welcome = welcome;
    this.#control = control;
    const life = new AbortController();
    const context: Context = {
      ...{
        broker: new BrokerPort(client),
        origin: welcome.origin,
        url: welcome.navigation.url,
        source: welcome.source,
        policy: new AppPolicy(),
      },
      life: life.signal,
      media: port => control.postMessage({ type: 'media' } satisfies FromDocument, [port]),
      base: () => document.baseURI,
      newClient: () => {
        const channel = new MessageChannel();
        control.postMessage({ type: 'client' } satisfies FromDocument, [channel.port1]);
        return channel.port2;
      },
    };
    this.#context = context;
    this.#life = life;
    this.#local = makeStorage('local', welcome.local, this.#tell);
    this.#session = makeStorage('session', welcome.session, this.#tell);
    this.#resources = new Resources(context);
    this.#styles = new Styles(context, this.#resources);
    this.#modules = new Modules(context);
    this.#nested = new NestedFrames(context, this.#tell, () => ({
      local: Object.entries(this.#local) as [string, string][],
      session: Object.entries(this.#session) as [string, string][],
    }));
    this.#elements = new Elements({
      ...{ context, resources: this.#resources, styles: this.#styles, modules: this.#modules, hold: this.#hold },
      nest: (frame, url) => this.#nested.load(frame, url),
      nestText: (frame, html) => this.#nested.write(frame, html),
    });
    this.#cookies = new CookieMirror(context);
    context.onask = () => this.#cookies.refresh();
    const { state, historyLength: length, nested } = welcome;
    const historyParts = { context, tell: this.#tell, moved: () => this.#moveBase(), state, length };
    this.#history = new HistoryShim(historyParts, { nested });
    this.#navigator = new AppNavigator({
      ...{ context, history: this.#history, tell: this.#tell },
      lead: (name, target) => this.#nested.lead(name, target),
    });
    this.#location = new VirtualLocation({
      url: () => context.url,
      base: context.base,
      go: (url, { replace }) => this.#navigator.go(url, { replace }),
      reload: () => this.#navigator.reload(),
    });
  }

  start(): void {
    this.#control.onmessage = ({ data }: MessageEvent<ToDocument>) =>
      data.type === 'ping' ? this.#tell({ type: 'pong' }) : this.#history.onMessage(data);
    void this.#run();
  }

  readonly #tell = (message: FromDocument, transfer: Transferable[] = []): void =>
    this.#control.postMessage(message, transfer);

  async #run(): Promise<void> {
    const { navigation, html, policy = null } = this.#welcome;
    this.#context.policy.add(policy);
    if (typeof html === 'string') return this.#write(html, navigation.url);
    let answer: PortAnswer;
    try {
      answer = await this.#ask();
    } catch (error) {
      return this.#write(errorPage(navigation.url, (error as Error).message), navigation.url);
    }
    try {
      await this.#show(answer);
    } catch (error) {
      await this.#write(errorPage(navigation.url, (error as Error).message), navigation.url);
    }
  }

  #ask(): Promise<PortAnswer> {
    const { url, method, body, referrer, reload } = this.#welcome.navigation;
    const accept = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';
    const fields: [string, string][] = [['accept', accept]];
    if (body) fields.push(['content-type', body.type]);
    return ask(this.#context, {
      ...{ url: new URL(url), method, fields, body: body?.bytes ?? null, navigation: true },
      ...{ referrer, dest: this.#welcome.nested ? 'iframe' : 'document', cache: reload ? 'no-cache' : 'default' },
    });
  }

  async #show(answer: PortAnswer): Promise<void> {
    const { head } = answer;
    const { navigation, origin } = this.#welcome;
    const url = origin + head.target + (head.fragment || new URL(navigation.url).hash);
    if (head.cookies) this.#cookies.mirror(head.cookies);
    if (head.location !== null) return this.#write(leaving(head.location), url);
    this.#context.policy.add(fieldOf(head.fields, 'content-security-policy'));
    const kind = documentKind(head.status, head.fields);
    if (kind === 'none' || kind === 'download') {
      if (kind === 'download') {
        const name = fileName(fieldOf(head.fields, 'content-disposition'), new URL(url));
        save(await readAll(answer, limits.download), name);
        // The browser has taken it by then.
        await new Promise(resolve => setTimeout(resolve, 2000));
      }
      return this.#tell({ type: 'stay' });
    }
    if (kind === 'image') {
      const blob = await readAll(answer, limits.resource);
      return this.#write(pageAround(kind, nativeURL.create(blob), url), url);
    }
    if (kind === 'video' || kind === 'audio') {
      await answer.body?.cancel().catch(() => undefined);
      return this.#write(pageAround(kind, withoutFragment(url), url), url);
    }
    const bytes = await (await readAll(answer, limits.text)).arrayBuffer();
    const type = fieldOf(head.fields, 'content-type');
    const text = decoderFor(charsetOf(type) ?? declaredCharset(bytes)).decode(bytes);
    this.#refreshField(head.fields);
    await this.#write(kind === 'html' ? text : pageOfText(text), url);
  }

  async #write(html: string, url: string): Promise<void> {
    this.#context.url = url;
    this.#tell({ type: 'commit', url });
    this.#installOnce();
    const writer = new DocumentWriter(
      {
        ...{ elements: this.#elements, modules: this.#modules, styles: this.#styles },
        prepare: (_base, isOwn) => this.#prepare(isOwn),
        refresh: (to, seconds) => this.#refresh(to, seconds),
        restrict: policy => this.#context.policy.add(policy),
      },
      withoutFragment(url),
    );
    await writer.write(html);
  }

  #refreshField(fields: PortAnswer['head']['fields']): void {
    const [, seconds = '', to = ''] =
      /^\s*([\d.]+)\s*(?:[;,]\s*(?:url\s*=\s*)?["']?(.*?)["']?\s*)?$/i.exec(fieldOf(fields, 'refresh') ?? '') ?? [];
    if (seconds !== '') this.#refresh(new URL(to, this.#context.url).href, Number(seconds));
  }

  #refresh(url: string, seconds: number): void {
    setTimeout(() => this.#navigator.go(url, { replace: true }), Math.min(seconds, 86_400) * 1000);
  }

  /** What outlives document.open. */
  #installOnce(): void {
    const context = this.#context;
    installTrustedTypes(context.base);
    installFetch(context, globalThis);
    installXhr(context);
    answerSynchronousRequests(globalThis.XMLHttpRequest, {
      ...{ storage: this.#session, base: context.base, here: () => withoutFragment(context.url) },
      isOwn: url => appTarget(url, context.origin) !== null,
      reload: () => this.#navigator.reload(),
    });
    installWebSocket(context);
    installEventSource(context);
    installWorkers(context);
    installSharedWorkers(context, this.#tell);
    installFontFace(context.base, this.#resources);
    installComputedStyle(css => this.#resources.shown(css));
    installLocation(this.#location, [window, document]);
    this.#cookies.install(document);
    this.#elements.install();
    this.#navigator.install();
    this.#installDocument();
    this.#installWindow();
  }

  #installDocument(): void {
    const { prototype } = Document;
    const { referrer } = this.#welcome.navigation;
    const values: Readonly<Record<string, () => unknown>> = {
      URL: () => this.#context.url,
      documentURI: () => this.#context.url,
      domain: () => new URL(this.#context.origin).hostname,
      referrer: () => withoutFragment(referrer),
    };
    for (const [name, get] of Object.entries(values))
      Object.defineProperty(prototype, name, { configurable: true, enumerable: true, get, set: () => undefined });
    // A document that a script begins anew has none of our listeners.
    const open = prototype.open as (this: Document, ...all: unknown[]) => unknown;
    const anew = (instance: Document) => instance === document && this.#listen();
    prototype.open = function (this: Document, ...all: unknown[]) {
      const result = open.apply(this, all);
      anew(this);
      return result;
    } as typeof prototype.open;
    for (const name of ['write', 'writeln'] as const) {
      const native = prototype[name];
      prototype[name] = function (this: Document, ...texts: string[]) {
        const isOver = this.readyState === 'complete';
        if (isOver) this.open();
        native.apply(this, texts);
      };
    }
  }

  #installWindow(): void {
    const define = (name: string, value: unknown, writable = false) =>
      Object.defineProperty(
        window,
        name,
        writable ? { configurable: true, writable, value } : { configurable: true, enumerable: true, get: () => value },
      );
    define('localStorage', this.#local);
    define('sessionStorage', this.#session);
    define('origin', this.#context.origin, true);
    define(
      kImport,
      (base: string, specifier: unknown, options?: ImportCallOptions) => this.#modules.import(base, specifier, options),
      true,
    );
    define(
      kInline,
      (text: string, base: string) =>
        void this.#modules
          .prepareInline(text, base)
          .then(blob => import(blob))
          .catch(error => reportError(error)),
      true,
    );
    define(kMeta, (url: string) => this.#modules.meta(url), true);
    if (!this.#welcome.nested) {
      define('parent', window, true);
      define('opener', null, true);
    }
    // Not for documents without an origin: apps do without what is not there, but fail where it is and refuses.
    for (const name of ['serviceWorker', 'locks', 'storage']) Reflect.deleteProperty(Navigator.prototype, name);
    for (const name of [
      'caches',
      'indexedDB',
      'cookieStore',
      'navigation',
      'RTCPeerConnection',
      'webkitRTCPeerConnection',
    ])
      Reflect.deleteProperty(window, name);
  }

  /** In each new document of the window. */
  #prepare(ownBase: boolean): void {
    this.#ownBase = ownBase;
    this.#listen();
    this.#elements.observe(document);
    this.#watchTitle();
  }

  #listen(): void {
    window.addEventListener('pagehide', () => this.#life.abort());
    this.#nested.listen(document);
    this.#hold.install(window, () => this.#tell({ type: 'loaded' }));
    this.#history.listen(window);
    this.#navigator.listen(window);
  }

  #watchTitle(): void {
    const look = () => {
      const { title } = document;
      if (title === this.#title) return;
      this.#title = title;
      this.#tell({ type: 'title', title });
    };
    new MutationObserver(look).observe(document, { childList: true, subtree: true, characterData: true });
  }

  #moveBase(): void {
    if (this.#ownBase) return;
    const base = document.querySelector('base');
    if (base) base.href = withoutFragment(this.#context.url);
  }
}

/** Of the first kilobyte: a byte order mark or a meta element. */
function declaredCharset(bytes: ArrayBuffer): string | null {
  const head = new Uint8Array(bytes, 0, Math.min(bytes.byteLength, 1024));
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  const text = new TextDecoder('latin1').decode(head);
  const found = /<meta[^>]+charset\s*=\s*["']?\s*([\w-]+)/i.exec(text)?.[1] ?? null;
  return found !== null && /^utf-16/i.test(found) ? 'utf-8' : found;
}

function leaving(url: string): string {
  const { origin } = new URL(url);
  return errorPage(
    url,
    `The app leads to ${origin}, which is not part of it. It can be opened in a tab of its own:`,
  ).replace('>Try again<', ' target="_blank">Open it<');
}
