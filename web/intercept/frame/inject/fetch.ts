// fetch() and navigator.sendBeacon(), with the browser's own Request, Headers and Response around the broker's answers.

import type { PortAnswer } from '../../client.ts';
import { ask, type Context } from './context.ts';
import { replaceGlobal } from './events.ts';

const NativeRequest = globalThis.Request;
const NativeResponse = globalThis.Response;
const nativeFetch = globalThis.fetch.bind(globalThis);

interface Shown {
  url: string;
  redirected: boolean;
  type: ResponseType;
  status?: number;
}

function show(response: Response, shown: Shown): Response {
  for (const [name, value] of Object.entries(shown))
    Object.defineProperty(response, name, { value: value as unknown, configurable: true, enumerable: true });
  const clone = response.clone.bind(response);
  Object.defineProperty(response, 'clone', { value: () => show(clone(), shown), configurable: true });
  return response;
}

export const hasNoBody = (status: number): boolean => status === 204 || status === 205 || status === 304;

function responseOf({ head, body }: PortAnswer, origin: string, method: string): Response {
  const headers = new Headers();
  for (const [name, value] of head.fields) headers.append(name, value);
  const { status } = head;
  const given = hasNoBody(status) || method === 'HEAD' ? null : (body ?? new Uint8Array());
  const response = new NativeResponse(given, {
    ...{ status: Math.min(status, 599), headers }, // no Response can be made with more
    statusText: /^[\t\x20-\x7e\x80-\xff]*$/.test(head.reason) ? head.reason : '',
  });
  return show(response, { url: origin + head.target, redirected: head.redirected, type: 'basic', status });
}

/** Its body as something of known size, except for a stream that the app has made; text at once, for last words. */
function bodyOf(request: Request, given: unknown): Uint8Array | ReadableStream<Uint8Array> | Promise<Blob> | null {
  if (!request.body) return null;
  if (typeof given === 'string' || given instanceof URLSearchParams) return new TextEncoder().encode(String(given));
  return given instanceof ReadableStream ? request.body : request.blob();
}

/** A reader is told of an abort as such. */
function tellAbort(response: Response, signal: AbortSignal): void {
  for (const name of ['text', 'json', 'blob', 'arrayBuffer', 'formData', 'bytes'] as const) {
    const read = (response as unknown as Record<string, (() => Promise<unknown>) | undefined>)[name]?.bind(response);
    if (!read) continue;
    const value = () =>
      read().catch((error: unknown) => {
        throw signal.aborted ? signal.reason : error;
      });
    Object.defineProperty(response, name, { value, configurable: true, writable: true });
  }
}

export function installFetch(context: Context, global: typeof globalThis): void {
  const RequestShim = class extends NativeRequest {
    constructor(input: RequestInfo | URL, init?: RequestInit) {
      super(input instanceof NativeRequest ? input : new URL(String(input), context.base()).href, init);
    }
  };

  async function fetchShim(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request = new RequestShim(input, init);
    const url = new URL(request.url);
    if (url.protocol === 'blob:' || url.protocol === 'data:' || url.protocol === 'about:')
      return nativeFetch(new NativeRequest(request));
    request.signal.throwIfAborted();
    const fields = [...request.headers].map(([name, value]): [string, string] => [name, value]);
    const pending = bodyOf(request, init?.body);
    const body = pending instanceof Promise ? await pending : pending;
    const { referrer } = request;
    const answer = await ask(context, {
      ...{ url, method: request.method, fields, body, redirect: request.redirect, cache: request.cache },
      credentials: request.credentials !== 'omit',
      referrer: referrer === '' || request.referrerPolicy === 'no-referrer' ? null : context.url,
      ...{ signal: request.signal, keepalive: request.keepalive },
    });
    if (answer.head.location !== null && request.redirect === 'manual') {
      await answer.body?.cancel().catch(() => undefined);
      const shown: Shown = { url: url.href, redirected: false, type: 'opaqueredirect', status: 0 };
      return show(new NativeResponse(null), shown);
    }
    const response = responseOf(answer, context.origin, request.method);
    tellAbort(response, request.signal);
    if (url.hash !== '') Object.defineProperty(response, 'url', { value: response.url, configurable: true });
    return response;
  }

  replaceGlobal('Request', RequestShim);
  Object.defineProperty(fetchShim, 'name', { value: 'fetch', configurable: true });
  global.fetch = fetchShim;
  if (typeof navigator === 'object' && 'sendBeacon' in navigator) {
    navigator.sendBeacon = (url: string | URL, data?: BodyInit | null) => {
      void fetchShim(url, { method: 'POST', body: data ?? null, keepalive: true }).catch(() => undefined);
      return true;
    };
  }
}
