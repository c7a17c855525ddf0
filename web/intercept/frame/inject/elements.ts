// Elements that load something, however they come into the document: what they ask for is kept under another name
// (html.ts, `hidden`), loaded through the broker and put in as a blob. Scripts see the address that they have set. What slips by
// (a node of another document) is refused by the policy of the document, seen by the observer here and loaded all the same.

import type { Context } from './context.ts';
import { ask, decoderFor, charsetOf, fieldOf, limits, readAll } from './context.ts';
import { hidden, isLocal, loadingAttributes } from './html.ts';
import type { LoadHold } from './lifecycle.ts';
import { MediaElements, type MediaCandidate } from './media.ts';
import { scriptBlob, type Modules } from './modules.ts';
import { brokenUrl, native, nativeURL, trusted } from './natives.ts';
import type { Resources } from './resources.ts';
import { isIntact } from './integrity.ts';
import { classicText } from './script_text.ts';
import { chooseCandidate } from './srcset.ts';
import type { Styles } from './styles.ts';

const script =
  /^(?:|(?:text|application)\/(?:x-)?(?:java|ecma)script|text\/(?:jscript|livescript|javascript1\.[0-5]))$/i;

export type ScriptKind = 'classic' | 'module' | 'importmap' | 'data';

export function scriptKind(type: string | null): ScriptKind {
  const name = (type ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (script.test(name)) return 'classic';
  return name === 'module' || name === 'importmap' ? name : 'data';
}

export interface ElementParts {
  readonly context: Context;
  readonly resources: Resources;
  readonly styles: Styles;
  readonly modules: Modules;
  readonly hold: LoadHold;
  /** A frame of the app. */
  nest(frame: HTMLIFrameElement, url: string): void;
  nestText(frame: HTMLIFrameElement, html: string): void;
}

/** Elements that are never loaded for the page's look. */
const imageNames = new Set(['img', 'source', 'input', 'image', 'use', 'feimage', 'track', 'embed', 'object']);
const observed = ['src', 'srcset', 'href', 'poster', 'data', 'style', 'media', 'rel'];

export class Elements {
  readonly #parts: ElementParts;
  readonly #turns = new WeakMap<Element, Map<string, number>>();
  readonly #done = new WeakSet<Element>();
  readonly #loaded = new WeakMap<Element, { value: string; place: Window | null }>();
  readonly #styled = new WeakMap<Element, string>();
  readonly #players: MediaElements;
  #turn = 0;
  /** Scripts that keep their order. */
  #order: Promise<void> = Promise.resolve();

  constructor(parts: ElementParts) {
    this.#parts = parts;
    this.#players = new MediaElements(parts.context);
  }

  /** Once in the life of the window. */
  install(): void {
    const reflect: [{ prototype: object } | undefined, string, string][] = [
      [globalThis.HTMLImageElement, 'src', 'src'],
      [globalThis.HTMLImageElement, 'srcset', 'srcset'],
      [globalThis.HTMLSourceElement, 'src', 'src'],
      [globalThis.HTMLSourceElement, 'srcset', 'srcset'],
      [globalThis.HTMLMediaElement, 'src', 'src'],
      [globalThis.HTMLVideoElement, 'poster', 'poster'],
      [globalThis.HTMLTrackElement, 'src', 'src'],
      [globalThis.HTMLInputElement, 'src', 'src'],
      [globalThis.HTMLScriptElement, 'src', 'src'],
      [globalThis.HTMLIFrameElement, 'src', 'src'],
      [globalThis.HTMLIFrameElement, 'srcdoc', 'srcdoc'],
      [globalThis.HTMLEmbedElement, 'src', 'src'],
      [globalThis.HTMLObjectElement, 'data', 'data'],
      [globalThis.HTMLLinkElement, 'href', 'href'],
    ];
    for (const [owner, property, attribute] of reflect) if (owner) this.#reflect(owner.prototype, property, attribute);
    this.#wrapAttributes();
    this.#players.install(media => this.#media(media, true));
    Object.defineProperty(HTMLImageElement.prototype, 'currentSrc', {
      configurable: true,
      get(this: HTMLImageElement) {
        return shownUrl(this, 'src') ?? '';
      },
    });
  }

  /** Of the document now, which may be a new one in the same window. */
  observe(document: Document): void {
    const observer = new MutationObserver(records => {
      for (const record of records) {
        if (record.type === 'attributes') this.#changed(record.target as Element, record.attributeName ?? '');
        else if (record.target instanceof HTMLStyleElement) this.#style(record.target);
        for (const node of record.addedNodes) if (node instanceof Element) this.#added(node);
      }
    });
    // To the browser a `source` whose address is kept elsewhere has none, which is its first error.
    document.addEventListener(
      'error',
      event => {
        const source = event.target;
        if (event.isTrusted && source instanceof HTMLSourceElement && native.has(source, hidden('src')))
          event.stopImmediatePropagation();
      },
      true,
    );
    observer.observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: observed });
  }

  /** Reading gives the address that was set, made absolute. */
  #reflect(prototype: object, property: string, attribute: string): void {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, property);
    if (!descriptor?.get || !descriptor.set) return;
    const { get, set } = descriptor;
    const assign = (element: Element, value: string) => this.#assign(element, attribute, value);
    const isOurs = (element: Element) => attribute === 'src' && this.#players.hasOurs(element);
    Object.defineProperty(prototype, property, {
      ...descriptor,
      get(this: Element): unknown {
        const shown = shownUrl(this, attribute, property === 'srcset' || property === 'srcdoc');
        return shown ?? (isOurs(this) ? '' : get.call(this));
      },
      set(this: Element, value: unknown) {
        if (value instanceof Object && !(value instanceof URL)) return void set.call(this, value);
        if (!assign(this, String(value))) set.call(this, value);
      },
    });
  }

  #wrapAttributes(): void {
    const { prototype } = Element;
    const { setAttribute, getAttribute, setAttributeNS, removeAttribute, hasAttribute } = prototype;
    const names = /^(?:src|srcset|srcdoc|href|poster|data|xlink:href)$/i;
    const assign = (element: Element, name: string, value: string) => this.#assign(element, name, value);
    const forget = (element: Element, name: string) => this.#forget(element, name);
    const isHidden = (element: Element, name: string) => names.test(name) && native.has(element, hidden(name));
    const isOurs = (element: Element, name: string) => name === 'src' && this.#players.hasOurs(element);
    prototype.setAttribute = function (this: Element, name, value) {
      if (!names.test(name) || !assign(this, String(name).toLowerCase(), String(value)))
        setAttribute.call(this, name, value);
    };
    prototype.setAttributeNS = function (this: Element, namespace, name, value) {
      if (!names.test(name) || !assign(this, String(name), String(value)))
        setAttributeNS.call(this, namespace, name, value);
    };
    prototype.getAttribute = function (this: Element, name) {
      if (isHidden(this, name)) return native.get(this, hidden(name));
      return isOurs(this, name) ? null : getAttribute.call(this, name);
    };
    prototype.hasAttribute = function (this: Element, name) {
      return isHidden(this, name) || (hasAttribute.call(this, name) && !isOurs(this, name));
    };
    prototype.removeAttribute = function (this: Element, name) {
      if (isHidden(this, name)) forget(this, name);
      removeAttribute.call(this, name);
    };
  }

  #forget(element: Element, attribute: string): void {
    if (attribute === 'src' && element instanceof HTMLMediaElement) {
      this.#players.release(element);
      this.#nextTurn(element, 'media');
    }
    native.remove(element, hidden(attribute));
    this.#nextTurn(element, attribute);
  }

  #nextTurn(element: Element, attribute: string): () => boolean {
    const turn = ++this.#turn;
    const turns = this.#turns.get(element) ?? new Map<string, number>();
    this.#turns.set(element, turns);
    turns.set(attribute, turn);
    return () => turns.get(attribute) === turn;
  }

  /** False: the browser may have it as it is. */
  #assign(element: Element, attribute: string, value: string): boolean {
    if (element.localName === 'base' || !loadingAttributes(element.localName).includes(attribute)) return false;
    if (isLocal(value) && attribute !== 'srcdoc') {
      if (native.has(element, hidden(attribute))) this.#forget(element, attribute);
      return false;
    }
    native.set(element, hidden(attribute), value);
    if (attribute === 'src' && element instanceof HTMLScriptElement) {
      if (element.isConnected) this.#script(element);
    } else this.#load(element, attribute);
    return true;
  }

  #added(root: Element): void {
    const visit = (element: Element) => {
      const { localName } = element;
      if (localName === 'style') this.#style(element as HTMLStyleElement);
      else if (localName === 'script') this.#script(element as HTMLScriptElement);
      else {
        for (const name of loadingAttributes(localName))
          if (native.has(element, hidden(name))) this.#loadAdded(element, name);
          // A frame's text is the loader then.
          else if (name !== 'srcdoc' && native.has(element, name)) this.#changed(element, name);
      }
      if (native.has(element, 'style')) this.#changed(element, 'style');
    };
    visit(root);
    for (const element of root.querySelectorAll('*')) visit(element);
  }

  /** Unless it has been loaded when its address was set, or by the writer of the document. */
  #loadAdded(element: Element, name: string): void {
    const isFrame = element instanceof HTMLIFrameElement;
    const place = isFrame ? element.contentWindow : null;
    const known = this.#loaded.get(element);
    if (known?.value === native.get(element, hidden(name)) && known.place === place) return;
    if (isFrame || !native.has(element, name)) this.#load(element, name);
  }

  /** Set by something that did not come by us. */
  #changed(element: Element, attribute: string): void {
    if (attribute === 'style') return this.#inlineStyle(element);
    if (attribute === 'media' || attribute === 'rel') {
      if (element instanceof HTMLLinkElement && native.has(element, hidden('href'))) this.#load(element, 'href');
      return;
    }
    const value = native.get(element, attribute);
    // Its address is only what others are relative to.
    if (element.localName === 'base') return;
    if (value === null || isLocal(value) || !loadingAttributes(element.localName).includes(attribute)) return;
    if (
      element instanceof HTMLLinkElement &&
      /\b(?:canonical|alternate|author|license|next|prev)\b/i.test(element.rel) &&
      !/stylesheet/i.test(element.rel)
    )
      return;
    if (element instanceof HTMLScriptElement) return;
    native.set(element, hidden(attribute), value);
    this.#load(element, attribute);
  }

  #load(element: Element, attribute: string): void {
    const value = native.get(element, hidden(attribute)) ?? '';
    const url = resolved(value, element);
    const isCurrent = this.#nextTurn(element, attribute);
    if (
      element instanceof HTMLImageElement ||
      (element instanceof HTMLSourceElement && element.parentElement?.localName === 'picture')
    )
      return this.#image(element);
    if (element instanceof HTMLLinkElement) return this.#link(element, url, isCurrent);
    if (element instanceof HTMLIFrameElement) return this.#frame(element, attribute, url);
    const media = element instanceof HTMLSourceElement ? element.parentElement : element;
    if (attribute === 'src' && media instanceof HTMLMediaElement) {
      // One more source does not end what plays.
      if (media === element || !this.#players.isBusy(media)) this.#media(media);
      return;
    }
    if (url === null || (element instanceof HTMLInputElement && element.type !== 'image')) return;
    if (!imageNames.has(element.localName) && attribute !== 'poster') return;
    this.#put(element, attribute, url, isCurrent);
  }

  #put(element: Element, attribute: string, url: string, isCurrent: () => boolean): void {
    const done = this.#parts.resources.blobUrl(url, 'image', 'image/avif,image/webp,image/*,*/*;q=0.8').then(
      blob => isCurrent() && setNative(element, attribute, blob),
      () => isCurrent() && setNative(element, attribute, brokenUrl),
    );
    this.#parts.hold.until(done);
  }

  /** Which of several a picture shows is decided here, once. */
  #image(changed: HTMLImageElement | HTMLSourceElement): void {
    const image = changed instanceof HTMLImageElement ? changed : changed.parentElement?.querySelector('img');
    if (!image) return;
    const isCurrent = this.#nextTurn(image, 'src');
    const start = () => {
      if (!isCurrent()) return;
      const url = resolved(chooseCandidate(image) ?? '', image);
      if (url !== null && /^https?:/.test(url)) this.#put(image, 'src', url, isCurrent);
      else if (url !== null && url !== image.baseURI) setNative(image, 'src', url);
    };
    if (image.loading === 'lazy' && image.isConnected) whenNear(image, start);
    else queueMicrotask(start);
  }

  #link(link: HTMLLinkElement, url: string | null, isCurrent: () => boolean): void {
    if (url === null || !link.isConnected) return;
    if (link.relList.contains('preload') || link.relList.contains('prefetch')) return this.#preload(link, url);
    if (link.relList.contains('modulepreload')) return void this.#parts.modules.prepare(url).catch(() => undefined);
    if (!link.relList.contains('stylesheet')) return;
    const run = async () => {
      const { styles } = this.#parts;
      const sheet = await styles.load(url);
      if (!isCurrent()) return;
      const loaded = ended(link);
      setNative(link, 'href', styleBlob(styles.bare(sheet)));
      if (!styles.isWhole(sheet)) {
        const whole = await styles.whole(sheet);
        if (isCurrent()) setNative(link, 'href', styleBlob(whole));
      }
      await loaded;
    };
    this.#parts.hold.until(run().catch(() => isCurrent() && setNative(link, 'href', brokenUrl)));
  }

  /** The broker keeps what may be kept. */
  #preload(link: HTMLLinkElement, url: string): void {
    const run = async () => {
      const dest = link.as === '' || link.as === 'fetch' ? 'empty' : link.as;
      const answer = await ask(this.#parts.context, { url: new URL(url), dest });
      await readAll(answer, limits.resource);
      if (answer.head.status >= 400) throw new TypeError(`${url} answered ${answer.head.status}.`);
    };
    run().then(
      () => link.dispatchEvent(new Event('load')),
      () => link.dispatchEvent(new Event('error')),
    );
  }

  #frame(frame: HTMLIFrameElement, attribute: string, url: string | null): void {
    const text = native.get(frame, hidden('srcdoc'));
    if (!frame.isConnected) return;
    if (text !== null) this.#parts.nestText(frame, text);
    else if (attribute === 'src' && url !== null) this.#parts.nest(frame, url);
  }

  /** False: it has no source of the app's. `hurried`: by a call of load(). */
  #media(media: HTMLMediaElement, hurried = false): boolean {
    const isCurrent = this.#nextTurn(media, 'media');
    const candidates = () => (native.has(media, hidden('src')) ? [media] : [...media.querySelectorAll('source')]);
    if (!candidates().some(one => native.has(one, hidden('src')))) return false;
    this.#players.release(media);
    const next = (tried: ReadonlySet<Element>): MediaCandidate | null => {
      for (const element of candidates()) {
        const value = native.get(element, hidden('src'));
        const isPlayable = element === media || media.canPlayType(native.get(element, 'type') ?? 'video/mp4') !== '';
        const url = value !== null && isPlayable && !tried.has(element) ? resolved(value, element) : null;
        if (url !== null) return { url, element };
      }
      return null;
    };
    queueMicrotask(() => isCurrent() && this.#players.start(media, next, { hurried }));
    return true;
  }

  #style(style: HTMLStyleElement): void {
    const css = style.textContent ?? '';
    if (!/url\(|@import/i.test(css) || this.#styled.get(style) === css) return;
    const { styles } = this.#parts;
    const isCurrent = this.#nextTurn(style, 'text');
    const run = async () => {
      const sheet = await styles.parse(css, style.baseURI);
      if (styles.isWhole(sheet)) return void this.#styled.set(style, css);
      const whole = await styles.whole(sheet);
      if (!isCurrent() || style.textContent !== css) return;
      this.#styled.set(style, whole);
      style.textContent = whole;
    };
    this.#parts.hold.until(run().catch(() => undefined));
  }

  #inlineStyle(element: Element): void {
    const css = native.get(element, 'style') ?? '';
    if (!css.includes('url(') || this.#styled.get(element) === css) return;
    const { styles } = this.#parts;
    const isCurrent = this.#nextTurn(element, 'style');
    const run = async () => {
      const sheet = await styles.parse(css, element.baseURI);
      if (styles.isWhole(sheet)) return void this.#styled.set(element, css);
      const whole = await styles.whole(sheet);
      if (!isCurrent() || native.get(element, 'style') !== css) return;
      this.#styled.set(element, whole);
      native.set(element, 'style', whole);
    };
    this.#parts.hold.until(run().catch(() => undefined));
  }

  #script(element: HTMLScriptElement): void {
    const src = native.get(element, hidden('src'));
    // One that has its file came from the writer.
    if (src === null || this.#done.has(element) || native.has(element, 'src')) return;
    const kind = scriptKind(native.get(element, 'type'));
    const url = resolved(src, element);
    if (url === null || (kind !== 'classic' && kind !== 'module')) return;
    this.#done.add(element);
    const integrity = native.get(element, 'integrity');
    native.remove(element, 'integrity');
    const ready = (kind === 'module' ? this.#parts.modules.prepare(url) : this.classic(url, integrity)).catch(
      () => brokenUrl,
    );
    const start = async () => {
      const value = await ready;
      const over = ended(element);
      setNative(element, 'src', value);
      await over;
    };
    if (element.async) this.#parts.hold.until(start());
    else {
      this.#order = this.#order.then(start);
      this.#parts.hold.until(this.#order);
    }
  }

  /** A classic script from the app, as a blob. */
  async classic(url: string, integrity: string | null = null): Promise<string> {
    const answer = await ask(this.#parts.context, { url: new URL(url), dest: 'script' });
    const { status, fields } = answer.head;
    if (status < 200 || status > 299) {
      await answer.body?.cancel().catch(() => undefined);
      throw new TypeError(`${url} answered ${status}.`);
    }
    const bytes = await (await readAll(answer, limits.text)).arrayBuffer();
    if (!(await isIntact(bytes, integrity))) throw new TypeError(`${url} is not what its integrity says.`);
    const text = decoderFor(charsetOf(fieldOf(fields, 'content-type'))).decode(bytes);
    return scriptBlob(`${classicText(text, url)}\n//# sourceURL=${url}`);
  }
}

function resolved(value: string, element: Element): string | null {
  try {
    return new URL(value.trim(), element.baseURI).href;
  } catch {
    return null;
  }
}

/** What scripts see in place of the blob. */
function shownUrl(element: Element, attribute: string, raw = false): string | null {
  const value = native.get(element, hidden(attribute));
  if (value === null) return null;
  return raw ? value : (resolved(value, element) ?? value);
}

function setNative(element: Element, attribute: string, value: string): void {
  const isScriptUrl = attribute === 'src' && element instanceof HTMLScriptElement;
  native.set(element, attribute, isScriptUrl ? trusted.createScriptURL(value) : value);
}

/** Loaded or failed. */
function ended(element: Element): Promise<void> {
  return new Promise(resolve => {
    for (const type of ['load', 'error']) element.addEventListener(type, () => resolve(), { once: true });
  });
}

function whenNear(element: Element, action: () => void): void {
  const observer = new IntersectionObserver(
    entries => {
      if (!entries.some(entry => entry.isIntersecting)) return;
      observer.disconnect();
      action();
    },
    { rootMargin: '600px' },
  );
  observer.observe(element);
}

export function styleBlob(css: string): string {
  return nativeURL.create(new Blob([css], { type: 'text/css' }));
}
