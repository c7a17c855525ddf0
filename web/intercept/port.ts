// What a client (service worker, document) and the broker in the page (broker.ts) say to each other over one MessagePort.
// Bodies go in pieces under byte credit in both directions, as in the tunnel. What comes from a client is hostile until
// `parseToBroker` has made it one of these; the broker is trusted by its clients.

import { tunnelLimits } from '../generated/protocol.ts';
import type { TunnelErrorCode } from '../tunnel/error.ts';

/** What sessions and their clients need of a MessagePort. */
export interface Port {
  onmessage: ((event: MessageEvent<unknown>) => void) | null;
  postMessage(message: unknown, transfer?: Transferable[]): void;
  /** The other end is gone, where the browser tells. */
  addEventListener(type: 'close', listener: () => void): void;
  close(): void;
}

export type Field = [name: string, value: string];

export interface FetchHead {
  readonly method: string;
  /** Origin-form: `/path?query`. */
  readonly target: string;
  /** One character a byte. Cookie, Accept-Encoding, Host and the like are the broker's. */
  readonly fields: readonly Field[];
  readonly redirect: 'follow' | 'manual' | 'error';
  /** Whether cookies go along and are kept. */
  readonly credentials: boolean;
  readonly cache: RequestCache;
  /** `cross`: asked for by a document of another site, for SameSite. */
  readonly site: 'same' | 'cross';
  readonly navigation: boolean;
  /** The head comes with the cookies that scripts may see. */
  readonly cookies: boolean;
  /** The app's own for HTTP Basic: where there is one, nobody is asked. */
  readonly login?: Login | null;
}

export interface Login {
  readonly name: string;
  readonly password: string;
}

/** A cookie as a script may know it. */
export interface ScriptCookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  /** Unix milliseconds; null: for the session. */
  readonly expires: number | null;
  /** HttpOnly: it is not shown and comes without its value, and no script can replace it. */
  readonly httpOnly: boolean;
}

export interface AnswerHead {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly Field[];
  /** Of the last request, after redirects. */
  readonly target: string;
  /** That redirects have given, with its #; the client's own stays where they gave none. */
  readonly fragment: string;
  readonly redirected: boolean;
  /** A redirect that was not followed: the absolute URL it leads to; the status is its own. */
  readonly location: string | null;
  readonly hasBody: boolean;
  readonly cookies: readonly ScriptCookie[] | null;
}

export type ToBroker =
  | {
      readonly type: 'fetch';
      readonly id: number;
      readonly head: FetchHead;
      /** Null: none. `stream`: in `data` messages, ended by `end`. */
      readonly body: null | 'stream' | Uint8Array;
      /** Response bytes that may be sent before any `credit`. */
      readonly credit: number;
    }
  | { readonly type: 'data'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly type: 'end'; readonly id: number }
  | { readonly type: 'credit'; readonly id: number; readonly bytes: number }
  /** No longer wanted, or its body failed; also ends a WebSocket without a close. */
  | { readonly type: 'cancel'; readonly id: number }
  | {
      readonly type: 'socket';
      readonly id: number;
      readonly target: string;
      readonly protocols: readonly string[];
      /** Of the page's own requests; a broker makes its own. */
      readonly fields: readonly Field[];
    }
  | { readonly type: 'send'; readonly id: number; readonly data: string | Uint8Array }
  | { readonly type: 'close'; readonly id: number; readonly code: number | null; readonly reason: string }
  /** Bytes of messages that the application has been given. */
  | { readonly type: 'taken'; readonly id: number; readonly bytes: number }
  /** document.cookie = text, in a document of that path. */
  | { readonly type: 'cookie'; readonly path: string; readonly text: string }
  /** Asks to be told of cookies from now on. */
  | { readonly type: 'watch' };

export type FailCode = 'network' | 'cancelled' | 'timeout' | 'refused' | 'tooLarge' | 'redirect' | 'decoding';

/** Why the tunnel gave up, for those who know it. */
export interface Fault {
  readonly code: TunnelErrorCode;
  readonly message: string;
  /** The other end has not begun: it may be asked again. */
  readonly repeatable: boolean;
  readonly status: number | null;
}

export type FromBroker =
  /** The first: the broker has the port. */
  | { readonly type: 'ready' }
  | { readonly type: 'head'; readonly id: number; readonly head: AnswerHead }
  | { readonly type: 'data'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly type: 'end'; readonly id: number }
  | { readonly type: 'credit'; readonly id: number; readonly bytes: number }
  /** Before or after the head: what came so far is incomplete. */
  | {
      readonly type: 'fail';
      readonly id: number;
      readonly code: FailCode;
      readonly message: string;
      readonly fault: Fault | null;
    }
  | { readonly type: 'opened'; readonly id: number; readonly protocol: string }
  | { readonly type: 'message'; readonly id: number; readonly data: string | Uint8Array }
  /** Bytes of messages that have left. */
  | { readonly type: 'sent'; readonly id: number; readonly bytes: number }
  | {
      readonly type: 'closed';
      readonly id: number;
      readonly code: number;
      readonly reason: string;
      readonly clean: boolean;
      /** Null when it is clean. */
      readonly fault: Fault | null;
    }
  /** `turn`: how many `cookie` messages of this port have been heeded. */
  | { readonly type: 'cookies'; readonly cookies: readonly ScriptCookie[]; readonly turn: number };

export const portLimits = {
  /** Clients of one broker at once. */
  ports: 256,
  /** Requests and WebSockets open at once on one port. */
  open: 512,
  /** Of a request body before any credit. */
  bodyCredit: 128 * 1024,
  /** Largest outstanding credit of a response, and what a WebSocket may leave untaken. */
  maxCredit: 4 * 1024 * 1024,
  /** Bytes of messages on their way that a client may leave unacknowledged, beside the one that goes beyond. */
  socketOutgoing: 1024 * 1024,
  /** Of one WebSocket message. */
  socketMessage: tunnelLimits.socketMessage,
  /** Each message counts this much beside its bytes. */
  messageCost: 64,
  protocols: 32,
  cookieText: 8192,
  /** All names and values of a request together. */
  fields: 48 * 1024,
  /** A name or a password. */
  login: 1024,
} as const;

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;
const targetForm = /^\/[\x21\x22\x24-\x7e]*$/;
const redirects: readonly unknown[] = ['follow', 'manual', 'error'];
const caches: readonly unknown[] = ['default', 'no-store', 'reload', 'no-cache', 'force-cache', 'only-if-cached'];

/** Of XMLHttpRequest's `open`, or in the address. */
export function loginOf(url: URL, name?: string | null, password?: string | null): Login | null {
  if (name !== undefined && name !== null) return { name: String(name), password: String(password ?? '') };
  if (url.username === '' && url.password === '') return null;
  return { name: unescaped(url.username), password: unescaped(url.password) };
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

type Unknown = Readonly<Record<string, unknown>>;

const isNumber = (value: unknown, max: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max;

function isText(value: unknown, max: number): value is string {
  return typeof value === 'string' && value.length <= max;
}

export function isTarget(value: unknown): value is string {
  return isText(value, tunnelLimits.target) && targetForm.test(value);
}

/** Null when it is none of ours. */
export function parseToBroker(data: unknown): ToBroker | null {
  if (typeof data !== 'object' || data === null) return null;
  const message = data as Unknown;
  const { id } = message;
  if (message.type === 'watch') return { type: 'watch' };
  if (message.type === 'cookie') {
    const { path, text } = message;
    return isTarget(path) && isText(text, portLimits.cookieText) ? { type: 'cookie', path, text } : null;
  }
  if (!isNumber(id, Number.MAX_SAFE_INTEGER)) return null;
  switch (message.type) {
    case 'fetch':
      return parseFetch(id, message);
    case 'data':
      return message.bytes instanceof Uint8Array ? { type: 'data', id, bytes: message.bytes } : null;
    case 'end':
    case 'cancel':
      return { type: message.type, id };
    case 'credit':
    case 'taken':
      return isNumber(message.bytes, 0x7fffffff) ? { type: message.type, id, bytes: message.bytes } : null;
    case 'socket':
      return parseSocket(id, message);
    case 'send': {
      const { data } = message;
      return typeof data === 'string' || data instanceof Uint8Array ? { type: 'send', id, data } : null;
    }
    case 'close': {
      const { code, reason } = message;
      return (code === null || isNumber(code, 4999)) && isText(reason, 125)
        ? { type: 'close', id, code, reason }
        : null;
    }
    default:
      return null;
  }
}

function parseFetch(id: number, message: Unknown): ToBroker | null {
  const { body, credit } = message;
  const head = parseHead(message.head);
  if (!head || !isNumber(credit, portLimits.maxCredit)) return null;
  if (body !== null && body !== 'stream' && !(body instanceof Uint8Array)) return null;
  return { type: 'fetch', id, head, body, credit };
}

function parseHead(value: unknown): FetchHead | null {
  if (typeof value !== 'object' || value === null) return null;
  const head = value as Unknown;
  const { method, target, redirect, cache, site } = head;
  const fields = parseFields(head.fields);
  if (!isText(method, tunnelLimits.method) || !token.test(method) || !isTarget(target) || !fields) return null;
  if (!redirects.includes(redirect) || !caches.includes(cache) || (site !== 'same' && site !== 'cross')) return null;
  return {
    method,
    target,
    fields,
    redirect: redirect as FetchHead['redirect'],
    credentials: head.credentials === true,
    cache: cache as RequestCache,
    site,
    navigation: head.navigation === true,
    cookies: head.cookies === true,
    login: parseLogin(head.login),
  };
}

/** Null when it is none. */
export function parseLogin(value: unknown): Login | null {
  if (typeof value !== 'object' || value === null) return null;
  const { name, password } = value as Unknown;
  return isText(name, portLimits.login) && isText(password, portLimits.login) ? { name, password } : null;
}

function parseFields(value: unknown): Field[] | null {
  if (!Array.isArray(value) || value.length > tunnelLimits.fields) return null;
  const fields: Field[] = [];
  let size = 0;
  for (const field of value as unknown[]) {
    if (!Array.isArray(field)) return null;
    const [name, text] = field as unknown[];
    if (!isText(name, tunnelLimits.fieldName) || !token.test(name)) return null;
    if (!isText(text, tunnelLimits.fieldValue) || !fieldValue.test(text)) return null;
    size += name.length + text.length;
    if (size > portLimits.fields) return null;
    fields.push([name, text]);
  }
  return fields;
}

function parseSocket(id: number, message: Unknown): ToBroker | null {
  const { target, protocols } = message;
  const fields = parseFields(message.fields ?? []);
  if (!fields || !isTarget(target) || !Array.isArray(protocols) || protocols.length > portLimits.protocols) return null;
  const names: string[] = [];
  for (const name of protocols as unknown[]) {
    if (!isText(name, 256) || !token.test(name)) return null;
    names.push(name);
  }
  return { type: 'socket', id, target, protocols: names, fields };
}
