// XMLHttpRequest (xhr.spec.whatwg.org) over the broker. Synchronous requests are refused: nothing here may wait for the
// channel without giving the thread away.

import { concat } from '../../../base/bytes.ts';
import type { PortAnswer } from '../../client.ts';
import { loginOf, type Field, type Login } from '../../port.ts';
import { ask, charsetOf, decoderFor, essence, fieldOf, type Context } from './context.ts';
import { defineConstants, defineHandlers, replaceGlobal } from './events.ts';

const states = { UNSENT: 0, OPENED: 1, HEADERS_RECEIVED: 2, LOADING: 3, DONE: 4 } as const;
const progressMs = 50;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const forbidden =
  /^(?:accept-charset|accept-encoding|access-control-request-.*|connection|content-length|cookie2?|date|dnt|expect|host|keep-alive|origin|referer|set-cookie|te|trailer|transfer-encoding|upgrade|via|proxy-.*|sec-.*)$/i;
const standardMethod = /^(?:delete|get|head|options|post|put)$/i;
const events = ['loadstart', 'progress', 'abort', 'error', 'load', 'timeout', 'loadend'] as const;

type Ending = 'load' | 'error' | 'abort' | 'timeout';

class Upload extends EventTarget {}
defineHandlers(Upload.prototype, events);

function fire(target: EventTarget, type: string, loaded: number, total: number): void {
  target.dispatchEvent(new ProgressEvent(type, { loaded, total, lengthComputable: total > 0 }));
}

interface Request {
  method: string;
  url: URL;
  fields: Map<string, string>;
  stop: AbortController;
  body: Blob | null;
  /** Of the body. */
  size: number;
  uploaded: number;
  uploadDone: boolean;
  login: Login | null;
}

export function installXhr(context: Context): void {
  class XhrShim extends EventTarget {
    #state: number = states.UNSENT;
    #request: Request | null = null;
    #sent = false;
    #answer: PortAnswer['head'] | null = null;
    #responseUrl = '';
    #type: XMLHttpRequestResponseType = '';
    #mime: string | null = null;
    #timeout = 0;
    #timer: ReturnType<typeof setTimeout> | undefined;
    #started = 0;
    #pieces: Uint8Array<ArrayBuffer>[] = [];
    #loaded = 0;
    #decoder: TextDecoder | null = null;
    #text = '';
    #made: { value: unknown } | null = null;
    #failed = false;
    withCredentials = false;
    readonly upload = new Upload() as unknown as XMLHttpRequestUpload;

    get readyState(): number {
      return this.#state;
    }
    get responseURL(): string {
      return this.#responseUrl;
    }
    get status(): number {
      return this.#answer?.status ?? 0;
    }
    get statusText(): string {
      return this.#answer?.reason ?? '';
    }
    get timeout(): number {
      return this.#timeout;
    }
    set timeout(value: number) {
      this.#timeout = Number(value) || 0;
      if (this.#sent) this.#startTimer();
    }
    get responseType(): XMLHttpRequestResponseType {
      return this.#type;
    }
    set responseType(value: XMLHttpRequestResponseType) {
      if (this.#state >= states.LOADING)
        throw new DOMException('The response type cannot be set any more.', 'InvalidStateError');
      if (['', 'arraybuffer', 'blob', 'document', 'json', 'text'].includes(value)) this.#type = value;
    }

    open(
      method: string,
      url: string | URL,
      async = true,
      user: string | null = null,
      password: string | null = null,
    ): void {
      const name = String(method);
      if (!token.test(name)) throw new DOMException(`"${name}" is no method.`, 'SyntaxError');
      if (/^(?:connect|trace|track)$/i.test(name)) throw new DOMException(`${name} is not allowed.`, 'SecurityError');
      let parsed: URL;
      try {
        parsed = new URL(String(url), context.base());
      } catch {
        throw new DOMException(`"${String(url)}" is no address.`, 'SyntaxError');
      }
      if (!async)
        throw new DOMException(
          'Synchronous requests cannot be made from a page on disk. Use "owndir connect" for this app.',
          'InvalidAccessError',
        );
      this.#request?.stop.abort();
      this.#reset();
      const login = loginOf(parsed, user, password);
      this.#request = {
        ...{ method: standardMethod.test(name) ? name.toUpperCase() : name, url: parsed, fields: new Map() },
        ...{ stop: new AbortController(), body: null, size: 0, uploaded: 0, uploadDone: true, login },
      };
      if (this.#state !== states.OPENED) this.#enter(states.OPENED);
    }

    setRequestHeader(name: string, value: string): void {
      if (this.#state !== states.OPENED || this.#sent || !this.#request)
        throw new DOMException('The request is not open.', 'InvalidStateError');
      const text = String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');

      if (!token.test(String(name)) || /[\x00\r\n]|[^\x00-\xff]/.test(text))
        throw new DOMException(`"${name}" is no field.`, 'SyntaxError');
      if (forbidden.test(name)) return;
      const { fields } = this.#request;
      const key = [...fields.keys()].find(one => one.toLowerCase() === name.toLowerCase()) ?? String(name);
      const old = fields.get(key);
      fields.set(key, old === undefined ? text : `${old}, ${text}`);
    }

    overrideMimeType(mime: string): void {
      if (this.#state >= states.LOADING)
        throw new DOMException('The type cannot be set any more.', 'InvalidStateError');
      this.#mime = String(mime);
    }

    send(body?: Document | XMLHttpRequestBodyInit | null): void {
      const request = this.#request;
      if (this.#state !== states.OPENED || this.#sent || !request)
        throw new DOMException('The request is not open.', 'InvalidStateError');
      const hasBody = body !== undefined && body !== null && request.method !== 'GET' && request.method !== 'HEAD';
      this.#sent = true;
      this.#failed = false;
      this.#started = performance.now();
      request.uploadDone = !hasBody;
      void this.#run(request, hasBody ? body : null);
    }

    abort(): void {
      const request = this.#request;
      const wasRunning =
        (this.#state === states.OPENED && this.#sent) ||
        this.#state === states.HEADERS_RECEIVED ||
        this.#state === states.LOADING;
      if (request && wasRunning) this.#end(request, 'abort');
      request?.stop.abort();
      if (this.#state === states.DONE) {
        this.#state = states.UNSENT;
        this.#answer = null;
      }
    }

    getResponseHeader(name: string): string | null {
      return this.#answer ? fieldOf(this.#answer.fields, String(name).toLowerCase()) : null;
    }

    getAllResponseHeaders(): string {
      const names = new Set((this.#answer?.fields ?? []).map(([name]) => name.toLowerCase()));
      return [...names]
        .sort()
        .map(name => `${name}: ${this.getResponseHeader(name)}\r\n`)
        .join('');
    }

    get response(): unknown {
      if (this.#type === '' || this.#type === 'text') return this.responseText;
      if (this.#state !== states.DONE || this.#failed) return null;
      this.#made ??= { value: this.#make() };
      return this.#made.value;
    }

    get responseText(): string {
      if (this.#type !== '' && this.#type !== 'text')
        throw new DOMException(`The response type is "${this.#type}".`, 'InvalidStateError');
      if (this.#state < states.LOADING || this.#failed) return '';
      this.#decoder ??= decoderFor(charsetOf(this.#mime) ?? charsetOf(this.#contentType()));
      for (const piece of this.#pieces) this.#text += this.#decoder.decode(piece, { stream: true });
      this.#pieces = [];
      return this.#text;
    }

    get responseXML(): Document | null {
      if (this.#type !== '' && this.#type !== 'document')
        throw new DOMException(`The response type is "${this.#type}".`, 'InvalidStateError');
      if (this.#state !== states.DONE || this.#failed) return null;
      if (this.#type === 'document') return this.response as Document | null;
      const type = essence(this.#mime ?? this.#contentType());
      if (!/^(?:text|application)\/xml$|\+xml$/.test(type) && type !== '') return null;
      this.#made ??= { value: parseDocument(this.responseText, 'text/xml') };
      return this.#made.value as Document | null;
    }

    #contentType(): string | null {
      return this.getResponseHeader('content-type');
    }

    #make(): unknown {
      const type = this.#mime ?? this.#contentType();
      const blob = new Blob(this.#pieces, { type: type ?? 'text/xml' });
      if (this.#type === 'blob') return blob;
      const bytes = concat(this.#pieces);
      if (this.#type === 'arraybuffer') return bytes.buffer;
      if (this.#type === 'json') {
        try {
          return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
        } catch {
          return null;
        }
      }
      const text = decoderFor(charsetOf(type)).decode(bytes);
      return parseDocument(text, essence(type) === 'text/html' ? 'text/html' : 'text/xml');
    }

    #reset(): void {
      clearTimeout(this.#timer);
      this.#sent = false;
      this.#answer = null;
      this.#responseUrl = '';
      this.#pieces = [];
      this.#loaded = 0;
      this.#decoder = null;
      this.#text = '';
      this.#made = null;
      this.#failed = false;
    }

    #enter(state: number): void {
      this.#state = state;
      this.dispatchEvent(new Event('readystatechange'));
    }

    #startTimer(): void {
      clearTimeout(this.#timer);
      const request = this.#request;
      if (this.#timeout <= 0 || !request) return;
      const left = Math.max(0, this.#timeout - (performance.now() - this.#started));
      this.#timer = setTimeout(() => {
        this.#end(request, 'timeout');
        request.stop.abort();
      }, left);
    }

    async #run(request: Request, body: Document | XMLHttpRequestBodyInit | null): Promise<void> {
      try {
        const asking = this.#asking(request, body);
        fire(this, 'loadstart', 0, 0);
        if (!request.uploadDone) fire(this.upload, 'loadstart', 0, request.size);
        if (this.#request !== request || !this.#sent) return;
        this.#startTimer();
        const answer = await this.#fetch(request, await asking);
        if (this.#request !== request || request.stop.signal.aborted) return;
        this.#finishUpload(request);
        this.#answer = answer.head;
        this.#responseUrl = context.origin + answer.head.target;
        if (request.url.protocol === 'blob:' || request.url.protocol === 'data:') this.#responseUrl = request.url.href;
        this.#enter(states.HEADERS_RECEIVED);
        if (answer.body) await this.#read(request, answer.body);
        if (this.#request === request) this.#end(request, 'load');
      } catch {
        if (this.#request === request) this.#end(request, 'error');
      }
    }

    /** The fields and the body as bytes. */
    async #asking(request: Request, body: Document | XMLHttpRequestBodyInit | null): Promise<Field[]> {
      const { fields } = request;
      const find = (name: string) => [...fields.keys()].find(one => one.toLowerCase() === name);
      if (find('accept') === undefined) fields.set('Accept', '*/*');
      if (body !== null) {
        const isDocument = typeof Document === 'function' && body instanceof Document;
        const init = isDocument ? new XMLSerializer().serializeToString(body) : (body as XMLHttpRequestBodyInit);
        const made = new Response(init);
        const type = isDocument ? documentType(body) : made.headers.get('content-type');
        request.size = sizeOf(init);
        request.body = await made.blob();
        request.size = request.body.size;
        if (type !== null && find('content-type') === undefined) fields.set('Content-Type', type);
      }
      return [...fields];
    }

    async #fetch(request: Request, fields: Field[]): Promise<PortAnswer> {
      const { url, method, stop } = request;
      if (url.protocol === 'blob:' || url.protocol === 'data:') return localAnswer(url, stop.signal);
      let told = 0;
      return ask(context, {
        ...{ url, method, fields, body: request.body, login: request.login, signal: stop.signal },
        onSent: bytes => {
          request.uploaded += bytes;
          if (performance.now() - told < progressMs || request.uploadDone) return;
          told = performance.now();
          fire(this.upload, 'progress', request.uploaded, request.size);
        },
      });
    }

    #finishUpload(request: Request): void {
      if (request.uploadDone) return;
      request.uploadDone = true;
      const size = request.size;
      for (const type of ['progress', 'load', 'loadend']) fire(this.upload, type, size, size);
    }

    async #read(request: Request, body: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
      const total = this.#total();
      const reader = body.getReader();
      let told = 0;
      for (;;) {
        const { done, value } = await reader.read();
        if (this.#request !== request || request.stop.signal.aborted)
          return void reader.cancel().catch(() => undefined);
        if (done) return;
        this.#pieces.push(value);
        this.#loaded += value.length;
        if (performance.now() - told < progressMs) continue;
        told = performance.now();
        this.#enter(states.LOADING);
        fire(this, 'progress', this.#loaded, total);
      }
    }

    #total(): number {
      if (this.getResponseHeader('content-encoding') !== null) return 0;
      return Number(this.getResponseHeader('content-length') ?? 0) || 0;
    }

    #end(request: Request, how: Ending): void {
      if (!this.#sent) return;
      this.#sent = false;
      clearTimeout(this.#timer);
      if (how === 'load') {
        if (this.#loaded > 0) fire(this, 'progress', this.#loaded, this.#total());
        this.#enter(states.DONE);
        const total = this.#total();
        fire(this, 'load', this.#loaded, total);
        fire(this, 'loadend', this.#loaded, total);
        return;
      }
      this.#failed = true;
      this.#answer = null;
      this.#responseUrl = '';
      this.#pieces = [];
      this.#enter(states.DONE);
      if (!request.uploadDone) {
        request.uploadDone = true;
        for (const type of [how, 'loadend']) fire(this.upload, type, 0, 0);
      }
      for (const type of [how, 'loadend']) fire(this, type, 0, 0);
      if (how === 'abort' && this.#request === request) this.#state = states.UNSENT;
    }
  }

  defineHandlers(XhrShim.prototype, ['readystatechange', ...events]);
  defineConstants(XhrShim, states);
  replaceGlobal('XMLHttpRequestUpload', Upload);
  replaceGlobal('XMLHttpRequest', XhrShim);
}

function parseDocument(text: string, type: 'text/html' | 'text/xml'): Document | null {
  if (typeof DOMParser !== 'function') return null;
  const parsed = new DOMParser().parseFromString(text, type);
  return type === 'text/xml' && parsed.querySelector('parsererror') ? null : parsed;
}

const documentType = (body: Document): string =>
  `${body.contentType === 'text/html' ? 'text/html' : 'application/xml'};charset=UTF-8`;

/** 0 where it is not known at once. */
function sizeOf(body: XMLHttpRequestBodyInit): number {
  if (typeof body === 'string') return new TextEncoder().encode(body).length;
  if (body instanceof Blob) return body.size;
  if (body instanceof URLSearchParams) return String(body).length;
  return body instanceof FormData ? 0 : body.byteLength;
}

const nativeFetch = globalThis.fetch.bind(globalThis);

async function localAnswer(url: URL, signal: AbortSignal): Promise<PortAnswer> {
  const response = await nativeFetch(url, { signal });
  const fields = [...response.headers].map(([name, value]): Field => [name, value]);
  const { status, statusText: reason, body } = response;
  const none = { fragment: '', redirected: false, location: null, cookies: null };
  return { head: { status, reason, fields, target: '/', hasBody: true, ...none }, body };
}
