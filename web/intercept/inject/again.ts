// Synchronous requests of a document that loads. Nothing there can wait for the channel without giving the thread away, so one
// whose answer is not kept is asked in its own time, the answer kept, and the document loaded again, where `send` finds it. Each
// answer is used once; a document that has loaded gets none, since loading it again would cost a person what they did in it.

export interface AgainHome {
  /** The app's; what it keeps lives as long as the tab. */
  readonly storage: Storage;
  readonly base: () => string;
  /** The document's address. */
  readonly here: () => string;
  /** The app's own: nothing else is touched. */
  readonly isOwn: (url: URL) => boolean;
  readonly reload: () => void;
}

interface Kept {
  readonly key: string;
  /** 0: the request failed. */
  readonly status: number;
  readonly reason: string;
  readonly url: string;
  readonly fields: string;
  readonly text: string;
}

interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly fields: [string, string][];
  mime: string | null;
  /** What shadows the browser's own until the next `open`. */
  shown: string[];
}

const kStorageKey = 'owndir-again';
/** In a row, of one document: each costs loading it once. */
const kMostAnswers = 8;
const kMostBytes = 512 * 1024;

/** Patches the class in place. For documents only; to be called before their first script. */
export function answerSynchronousRequests(Xhr: typeof XMLHttpRequest, home: AgainHome): void {
  new Again(Xhr, home).patch();
}

class Again {
  readonly #Xhr: typeof XMLHttpRequest;
  readonly #home: AgainHome;
  readonly #native: Pick<XMLHttpRequest, 'open' | 'send' | 'setRequestHeader' | 'overrideMimeType'>;
  readonly #asked = new WeakMap<XMLHttpRequest, Asked>();
  readonly #kept: Kept[];
  readonly #used: Kept[] = [];
  #isInLoadEvent = false;
  #isLeaving = false;

  constructor(Xhr: typeof XMLHttpRequest, home: AgainHome) {
    this.#Xhr = Xhr;
    this.#home = home;
    const { open, send, setRequestHeader, overrideMimeType } = Xhr.prototype;
    this.#native = { open, send, setRequestHeader, overrideMimeType };
    this.#kept = this.#take();
    const loads = () => {
      this.#isInLoadEvent = true;
      setTimeout(() => (this.#isInLoadEvent = false));
    };
    addEventListener('load', loads, { capture: true, once: true });
  }

  patch(): void {
    const { prototype } = this.#Xhr;
    const open = (request: XMLHttpRequest, parameters: unknown[]) => this.#open(request, parameters);
    const send = (request: XMLHttpRequest, body: unknown) => this.#send(request, body);
    const asked = this.#asked;
    const native = this.#native;
    const methods = {
      open(this: XMLHttpRequest, ...parameters: unknown[]): void {
        open(this, parameters);
      },
      setRequestHeader(this: XMLHttpRequest, name: string, value: string): void {
        native.setRequestHeader.call(this, name, value);
        asked.get(this)?.fields.push([String(name).toLowerCase(), String(value)]);
      },
      overrideMimeType(this: XMLHttpRequest, mime: string): void {
        native.overrideMimeType.call(this, mime);
        const request = asked.get(this);
        if (request) request.mime = String(mime);
      },
      send(this: XMLHttpRequest, body?: Document | XMLHttpRequestBodyInit | null): void {
        if (asked.has(this)) send(this, body ?? null);
        else native.send.call(this, body);
      },
    };
    for (const [name, value] of Object.entries(methods))
      Object.defineProperty(prototype, name, { value, configurable: true, writable: true, enumerable: true });
  }

  #open(request: XMLHttpRequest, parameters: unknown[]): void {
    for (const name of this.#asked.get(request)?.shown ?? []) Reflect.deleteProperty(request, name);
    this.#asked.delete(request);
    const open = this.#native.open as (...parameters: unknown[]) => void;
    const [method, address, async = true, ...rest] = parameters;
    const url = async || parameters.length < 3 ? null : urlOf(String(address), this.#home.base());
    if (!url || !this.#home.isOwn(url)) return open.apply(request, parameters);
    // Opened as one that is not, which checks what is to be checked and is never sent.
    open.call(request, method, address, true, ...rest);
    this.#asked.set(request, { method: String(method), url, fields: [], mime: null, shown: [] });
  }

  #send(request: XMLHttpRequest, body: unknown): void {
    const asked = this.#asked.get(request);
    if (!asked) return;
    const text = body instanceof URLSearchParams ? body.toString() : body;
    const key = JSON.stringify([asked.method, asked.url.href, asked.fields, text]);
    const at = this.#kept.findIndex(kept => kept.key === key);
    if (at >= 0) return this.#answer(request, asked, ...this.#kept.splice(at, 1));
    if (this.#isLeaving) throw new DOMException('This document is being loaded again.', 'NetworkError');
    const isLoading = document.readyState !== 'complete' || this.#isInLoadEvent;
    if (!isLoading || this.#used.length >= kMostAnswers || (text !== null && typeof text !== 'string'))
      throw new DOMException(
        'In this page an app can make few synchronous requests, of text, and only while a document loads. Use "owndir connect" for it.',
        'InvalidAccessError',
      );
    this.#isLeaving = true;
    this.#ask(asked, text, kept => {
      this.#keep([...this.#used, { key, ...kept }]);
      this.#home.reload();
    });
    throw new DOMException('This document is loaded again when the answer is there.', 'NetworkError');
  }

  #ask(asked: Asked, body: string | null, done: (kept: Omit<Kept, 'key'>) => void): void {
    const request = new this.#Xhr();
    this.#native.open.call(request, asked.method, asked.url.href, true);
    for (const [name, value] of asked.fields) this.#native.setRequestHeader.call(request, name, value);
    if (asked.mime !== null) this.#native.overrideMimeType.call(request, asked.mime);
    request.addEventListener('loadend', () => {
      const fields = request.getAllResponseHeaders();
      const { status, statusText: reason, responseURL: url, responseText: text } = request;
      done({ status, reason, url, fields, text });
    });
    this.#native.send.call(request, body);
  }

  /** Shows the answer as that of the request, which then has it before `send` returns. */
  #answer(request: XMLHttpRequest, asked: Asked, kept?: Kept): void {
    if (!kept) return;
    this.#used.push(kept);
    const { status, reason, url, fields, text } = kept;
    const names = new Map(
      fields.split('\r\n').map(line => [line.split(':', 1)[0] ?? '', line.replace(/^[^:]*: ?/, '')]),
    );
    const shown = {
      ...{ readyState: 4, status, statusText: reason, responseURL: url, responseText: text, response: text },
      responseXML: status === 0 ? null : documentOf(text, names.get('content-type') ?? ''),
      getAllResponseHeaders: () => fields,
      getResponseHeader: (name: string) => names.get(String(name).toLowerCase()) ?? null,
    };
    for (const [name, value] of Object.entries(shown))
      Object.defineProperty(request, name, { value, configurable: true });
    asked.shown = Object.keys(shown);
    request.dispatchEvent(new Event('readystatechange'));
    if (status === 0) throw new DOMException(`${asked.url.href} did not answer.`, 'NetworkError');
    for (const type of ['load', 'loadend'])
      request.dispatchEvent(new ProgressEvent(type, { loaded: text.length, total: text.length }));
  }

  /** Only the document for which they were asked, once. */
  #take(): Kept[] {
    try {
      const { at, answers } = JSON.parse(this.#home.storage.getItem(kStorageKey) ?? '{}') as {
        at?: string;
        answers?: Kept[];
      };
      this.#home.storage.removeItem(kStorageKey);
      return at === this.#home.here() && Array.isArray(answers) ? answers : [];
    } catch {
      return [];
    }
  }

  #keep(answers: Kept[]): void {
    const text = JSON.stringify({ at: this.#home.here(), answers });
    if (text.length > kMostBytes)
      throw new DOMException('The answers to synchronous requests are too long.', 'QuotaExceededError');
    this.#home.storage.setItem(kStorageKey, text);
  }
}

function urlOf(address: string, base: string): URL | null {
  try {
    return new URL(address, base);
  } catch {
    return null;
  }
}

function documentOf(text: string, type: string): Document | null {
  if (!/^(?:text|application)\/xml\b|\+xml\b/i.test(type)) return null;
  const made = new DOMParser().parseFromString(text, 'text/xml');
  return made.querySelector('parsererror') ? null : made;
}
