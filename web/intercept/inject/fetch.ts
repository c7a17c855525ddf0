// fetch() as the browser has it, with what its service worker is not told (asking.ts).

import type { EventStreams } from '../frame/inject/eventsource.ts';
import type { Field } from '../port.ts';
import { kAskField, kTextField } from '../worker/ask.ts';
import { lengthOf, ungarbled, type Asking } from './asking.ts';

const NativeRequest = globalThis.Request;

export function makeFetch(native: typeof fetch, asking: Asking, base: () => string): typeof fetch {
  const ask = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request = new NativeRequest(input, init);
    const { signal } = request;
    const fields = [...request.headers] as Field[];
    const { id, value } = asking.mark(fields, lengthOf(init?.body), false);
    request.headers.set(kAskField, value);
    const cancel = () => asking.cancel(id);
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return readable(await native(request));
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  };
  return {
    fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
      const address = input instanceof NativeRequest ? input.url : String(input);
      return asking.isOwn(address, base()) ? ask(input, init) : native(input, init);
    },
  }.fetch;
}

/** EventSource asks by fetch: the browser's own does not show its Last-Event-ID to the service worker. */
export function eventStreams(ask: typeof fetch, asking: Asking, base: () => string): EventStreams {
  return {
    base,
    isOwn: url => asking.isOwn(url.href, url.href),
    open: async (url, headers, signal) => {
      const { status, headers: fields, body } = await ask(url.href, { headers, cache: 'no-store', signal });
      return { status, type: fields.get('content-type'), body };
    },
  };
}

/** With its fields as the server sent them. */
function readable(response: Response): Response {
  const text = response.headers.get(kTextField);
  if (text === null) return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of ungarbled(text)) headers.set(name, value);
  headers.delete(kTextField);
  const clone = response.clone.bind(response);
  const show = (one: Response, value: unknown, name: string) =>
    Object.defineProperty(one, name, { value, configurable: true, writable: true });
  show(response, headers, 'headers');
  show(response, () => show(clone(), new Headers(headers), 'headers'), 'clone');
  return response;
}
