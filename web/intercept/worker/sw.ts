// The service worker of the apps' frames: every request of their documents and workers goes to the broker in the page, through a
// port. Keeps nothing that it cannot ask for again, since the browser stops and starts it as it likes.

import injectSource from 'worker:../inject/document.ts';
import preludeSource from 'worker:../inject/prelude.ts';
import { concat, utf8, type Bytes } from '../../base/bytes.ts';
import { isAppName } from '../apps.ts';
import type { PortAnswer } from '../client.ts';
import type { FetchHead, Field } from '../port.ts';
import { isSafe } from '../request.ts';
import { Addressing, pageOrigin } from './addressing.ts';
import { beyondAscii, kAskField, kTextField, readAsk, written, type Ask } from './ask.ts';
import { Asks } from './asks.ts';
import type { FetchEventLike, WorkerScope } from './environment.ts';
import { injected, scriptElement } from './html.ts';
import { adjustedFields } from './policy.ts';
import { Ports } from './ports.ts';

const scope = globalThis as unknown as WorkerScope;
/** The bootstrap document says so where the host is one app's alone. */
const alone = new URLSearchParams(scope.location.search).get('app');
const addressing = new Addressing(scope.location, isAppName(alone) ? alone : null);
const ports = new Ports(scope);
const asks = new Asks(scope);

scope.addEventListener('install', () => void scope.skipWaiting());
scope.addEventListener('activate', event => event.waitUntil(scope.clients.claim()));

scope.addEventListener('fetch', event => {
  const url = new URL(event.request.url);
  if (url.origin !== addressing.origin || addressing.isOurs(url)) return;
  const named = addressing.appOf(url);
  event.respondWith(named === null ? unnamed(event, url) : answer(event, named, url));
});

/** Whose request it is shows from who asks: the page itself, or a document of an app. */
async function unnamed(event: FetchEventLike, url: URL): Promise<Response> {
  const app = await appOfClient(event);
  if (app === null) return fetch(event.request);
  if (event.request.mode !== 'navigate') return answer(event, app, url);
  return Response.redirect(addressing.documentUrl(app, url.pathname + url.search), 307);
}

async function appOfClient(event: FetchEventLike): Promise<string | null> {
  const client = event.clientId === '' ? undefined : await scope.clients.get(event.clientId);
  const url = client ? new URL(client.url) : null;
  const named = url ? addressing.appOf(url) : null;
  if (named !== null) return named;
  // The page itself, and whatever else is a document of this host.
  if (client?.type === 'window' && url?.protocol.startsWith('http')) return null;
  if (event.request.mode === 'navigate' && event.request.destination === 'document') return null;
  // A frame navigates, or a worker or an about: document asks: the browser does not tell whose it is.
  const windows = await scope.clients.matchAll({ type: 'window' });
  const apps = new Set(windows.map(({ url }) => addressing.appOf(new URL(url))).filter(app => app !== null));
  const [only] = apps;
  return apps.size === 1 && only !== undefined ? only : null;
}

async function answer(event: FetchEventLike, app: string, url: URL): Promise<Response> {
  const { request } = event;
  const isDocument = request.mode === 'navigate';
  const ask = readAsk(request.headers.get(kAskField));
  const asked = asks.begin(ask, request.keepalive ? '' : event.clientId);
  // What is to outlive its document is not ended by its going, and its body is taken while there is somebody to give it.
  const signal = request.keepalive ? asked.signal : AbortSignal.any([request.signal, asked.signal]);
  try {
    const { body, length } = await bodyOf(request, ask);
    const port = await ports.get(app, isDocument);
    const head = headOf(request, app, url, ask, length);
    const got = await port.fetch(head, { body, signal, onSent: bytes => asked.sent(bytes, length ?? 0) });
    return await responseOf(got, app, request, ask);
  } catch (error) {
    if (signal.aborted || !isDocument) return Response.error();
    return sorry(error instanceof Error ? error.message : String(error));
  } finally {
    asked.over();
  }
}

/** Up to this size a body goes whole, in one message. */
const kWhole = 256 * 1024;

interface Sent {
  readonly body: ReadableStream<Uint8Array> | Uint8Array | null;
  /** Of a streamed one. */
  readonly length: number | null;
}

/** With its length, which many servers want: where nobody has told it, the browser keeps the body until it is all there. */
async function bodyOf(request: Request, ask: Ask | null): Promise<Sent> {
  const { method, body } = request;
  if (method === 'GET' || method === 'HEAD') return { body: null, length: null };
  if (!body) return { body: method === 'POST' || method === 'PUT' ? new Uint8Array() : null, length: null };
  if (ask?.length === 'stream') return { body, length: null };
  if (typeof ask?.length === 'number' && ask.length > kWhole) return { body, length: ask.length };
  const blob = await request.blob();
  if (blob.size <= kWhole) return { body: new Uint8Array(await blob.arrayBuffer()), length: null };
  return { body: blob.stream(), length: blob.size };
}

function headOf(request: Request, app: string, url: URL, ask: Ask | null, length: number | null): FetchHead {
  const told = new Map(ask?.fields.map(([name, value]) => [name.toLowerCase(), value]));
  const fields: Field[] = [...request.headers].map(([name, value]) => [name, told.get(name) ?? value]);
  if (length !== null) fields.push(['content-length', String(length)]);
  if (request.referrer.startsWith(`${addressing.origin}/`)) {
    const from = addressing.targetOf(app, new URL(request.referrer));
    fields.push(['referer', addressing.origin + from]);
  }
  fields.push(['sec-fetch-mode', request.mode], ['sec-fetch-dest', request.destination || 'empty']);
  return {
    method: request.method,
    target: addressing.targetOf(app, url),
    fields,
    // The browser follows by itself, so that it knows where it has come to.
    redirect: request.redirect === 'error' ? 'error' : 'manual',
    credentials: request.credentials !== 'omit',
    cache: request.cache,
    site: 'same',
    navigation: request.mode === 'navigate',
    cookies: request.mode === 'navigate',
    login: ask?.login ?? null,
  };
}

async function responseOf(got: PortAnswer, app: string, request: Request, ask: Ask | null): Promise<Response> {
  const { head } = got;
  if (head.location !== null) return redirect(head.status, head.location, app, request, ask);
  const nonce = crypto.randomUUID();
  let fields: Field[] = head.fields.filter(([name]) => name.toLowerCase() !== 'set-cookie');
  let { body } = got;
  if (body && request.mode === 'navigate' && isHtml(fields)) {
    fields = adjustedFields(fields, nonce).filter(([name]) => name.toLowerCase() !== 'content-length');
    const page = addressing.alone === null ? addressing.origin : pageOrigin(app, scope.location);
    const config = { app, page, prefix: addressing.prefix(app), target: head.target, cookies: head.cookies ?? [] };
    const element = scriptElement(injectSource, config, nonce);
    const type = fields.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? '';
    const changed = await injected(body, element, !/charset/i.test(type));
    body = changed.body;
    if (changed.charset !== null && !/charset/i.test(type))
      fields = replaced(fields, 'content-type', `${type}; charset=${changed.charset}`);
  } else if (body && /^(?:shared)?worker$/.test(request.destination)) {
    fields = adjustedFields(fields, nonce).filter(([name]) => name.toLowerCase() !== 'content-length');
    body = startingWith(utf8(`${preludeSource}\n`), body);
  } else fields = adjustedFields(fields, nonce);
  const isNull = head.status === 204 || head.status === 205 || head.status === 304;
  if (isNull) void body?.cancel();
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  const garbled = ask ? [...headers].filter(([, value]) => beyondAscii(value)) : [];
  if (garbled.length > 0) headers.set(kTextField, written(garbled));
  // No Response can have more; what is beyond is an error of the server to every client (RFC 9110 section 15).
  const status = Math.min(head.status, 599);
  return new Response(isNull ? null : body, { status, statusText: head.reason, headers });
}

/** To the same app by the URL that its documents have; elsewhere as it says. */
function redirect(
  status: number,
  location: string,
  app: string,
  request: Request,
  ask: Ask | null,
): Response | Promise<Response> {
  const url = new URL(location);
  const inside = url.origin === addressing.origin;
  if (!inside && ask && request.redirect === 'follow' && isSafe(request.method)) return elsewhere(url, request);
  const to =
    inside && request.mode === 'navigate'
      ? addressing.documentUrl(app, url.pathname + url.search) + url.hash
      : location;
  return new Response(null, { status, headers: { location: to } });
}

/** Another site must not see that a field was added: it would ask whether that is allowed. */
function elsewhere(url: URL, request: Request): Promise<Response> {
  const headers = new Headers(request.headers);
  for (const name of [kAskField, 'user-agent']) headers.delete(name);
  const { method, mode, credentials, referrerPolicy, signal } = request;
  return fetch(url, { method, mode, credentials, referrerPolicy, signal, headers });
}

function isHtml(fields: readonly Field[]): boolean {
  const type = fields.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? '';
  const disposition = fields.find(([name]) => name.toLowerCase() === 'content-disposition')?.[1] ?? '';
  return /^\s*text\/html\b/i.test(type) && !/^\s*attachment\b/i.test(disposition);
}

function replaced(fields: readonly Field[], name: string, value: string): Field[] {
  return [...fields.filter(([field]) => field.toLowerCase() !== name), [name, value]];
}

function startingWith(start: Bytes, body: ReadableStream<Bytes>): ReadableStream<Bytes> {
  let first = true;
  return body.pipeThrough(
    new TransformStream<Bytes, Bytes>({
      transform: (piece, controller) => {
        controller.enqueue(first ? concat([start, piece]) : piece);
        first = false;
      },
    }),
  );
}

function sorry(reason: string): Response {
  const text = reason.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const html = `<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>Not there</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:18vh auto;padding:0 1.5rem}p{color:GrayText}</style>
<h1>This page of the app did not come</h1><p>${text}</p><p>When the connection is back, reload.</p>`;
  return new Response(html, { status: 502, headers: { 'content-type': 'text/html; charset=utf-8' } });
}
