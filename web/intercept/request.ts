// What goes out for a request of an app: the fields that a browser would add, and not those that are the broker's.

import { concat } from '../base/bytes.ts';
import { acceptEncoding } from './coding.ts';
import type { FetchHead, Field } from './port.ts';

/** The broker's, the connection's, or nobody's to forge. */
const ours = new Set([
  ...['accept-encoding', 'connection', 'cookie', 'cookie2', 'expect', 'host', 'keep-alive', 'origin'],
  ...['proxy-authorization', 'proxy-connection', 'sec-fetch-site', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
]);

export interface Identity {
  /** Null: the server has one answer for everything. */
  readonly app: string | null;
  /** What the app is at, as its page sees it: "https://notes.owndir.invalid". */
  readonly origin: string;
}

export const isSafe = (method: string): boolean => method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
export const isIdempotent = (method: string): boolean => isSafe(method) || method === 'PUT' || method === 'DELETE';

export function has(fields: readonly Field[], name: string): boolean {
  return fields.some(([field]) => field.toLowerCase() === name);
}

export function identityFields({ app, origin }: Identity): Field[] {
  const fields: Field[] = [['owndir-origin', origin]];
  if (app !== null) fields.push(['owndir-app', app]);
  return fields;
}

/** Latin1 of what may be none: a language list or a browser's name. */
const bytesOnly = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?');

/** Who asks. */
export function browserFields(): Field[] {
  if (typeof navigator !== 'object') return [];
  const fields: Field[] = [['user-agent', bytesOnly(navigator.userAgent)]];
  if (navigator.languages?.length > 0)
    fields.push(['accept-language', bytesOnly(navigator.languages.slice(0, 8).join(', '))]);
  return fields;
}

export function outgoingFields(head: FetchHead, identity: Identity, cookie: string, hasBody: boolean): Field[] {
  const fields = head.fields.filter(([name]) => {
    const lower = name.toLowerCase();
    return !ours.has(lower) && !lower.startsWith('owndir-') && (hasBody || lower !== 'content-length');
  });
  const add = (name: string, value: string) => {
    if (!has(fields, name)) fields.push([name, value]);
  };
  add('accept', '*/*');
  for (const [name, value] of browserFields()) add(name, value);
  // What is asked for in parts must not change its length on the way.
  fields.push(['accept-encoding', has(fields, 'range') ? 'identity' : acceptEncoding]);
  if (head.site === 'cross') fields.push(['origin', 'null']);
  else if (head.method !== 'GET' && head.method !== 'HEAD') fields.push(['origin', identity.origin]);
  fields.push(['sec-fetch-site', head.site === 'cross' ? 'cross-site' : 'same-origin']);
  if (cookie !== '') fields.push(['cookie', cookie]);
  return [...fields, ...identityFields(identity)];
}

const ofBody = new Set(['content-encoding', 'content-language', 'content-location', 'content-type', 'content-length']);

export type Body = ReadableStream<Uint8Array> | Uint8Array | null;

/** The next request of a redirect (Fetch, HTTP-redirect fetch). */
export function redirectedHead(
  head: FetchHead,
  status: number,
  target: string,
): { head: FetchHead; keepsBody: boolean } {
  const { method } = head;
  const becomesGet =
    ((status === 301 || status === 302) && method === 'POST') ||
    (status === 303 && method !== 'GET' && method !== 'HEAD');
  if (!becomesGet) return { head: { ...head, target }, keepsBody: true };
  const fields = head.fields.filter(([name]) => !ofBody.has(name.toLowerCase()));
  return { head: { ...head, target, method: 'GET', fields }, keepsBody: false };
}

const gatherBytes = 256 * 1024;
const gatherMs = 50;

/** A small body whole, so that its length is told: many servers take no body without one. A slow one is not waited for. */
export async function gathered(stream: ReadableStream<Uint8Array>): Promise<Uint8Array | ReadableStream<Uint8Array>> {
  const reader = stream.getReader();
  const pieces: Uint8Array[] = [];
  let size = 0;
  let pending: Promise<ReadableStreamReadResult<Uint8Array>> | null = null;
  while (size < gatherBytes) {
    pending = reader.read();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<null>(resolve => (timer = setTimeout(() => resolve(null), gatherMs)));
    const next = await Promise.race([pending, late]).finally(() => clearTimeout(timer));
    if (next === null) break;
    pending = null;
    if (next.done) return concat(pieces);
    pieces.push(next.value);
    size += next.value.length;
  }
  return new ReadableStream<Uint8Array>(
    {
      pull: async controller => {
        const piece = pieces.shift();
        if (piece) return controller.enqueue(piece);
        const next = await (pending ?? reader.read());
        pending = null;
        if (next.done) controller.close();
        else controller.enqueue(next.value);
      },
      cancel: reason => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
