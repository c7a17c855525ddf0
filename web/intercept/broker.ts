// The page's end of one app: owns its cookies and cache, follows redirects, takes content codings off, and asks the server through
// the tunnel of the moment. Clients (service worker, documents) reach it through ports (session.ts). Ends with `close`.

import { concat, type Bytes } from '../base/bytes.ts';
import { Emitter } from '../base/emitter.ts';
import { sleep } from '../base/time.ts';
import {
  TunnelError,
  type Tunnel,
  type TunnelRequest,
  type TunnelResponse,
  type TunnelSocket,
} from '../tunnel/index.ts';
import { cacheLimits, effectiveMode, HttpCache, type CacheRequest, type Entry } from './cache.ts';
import { decoded } from './coding.ts';
import { Failure, failureOf } from './failure.ts';
import { Jar, type Cookie } from './jar.ts';
import { portLimits, type FetchHead, type Field, type ScriptCookie } from './port.ts';
import {
  browserFields,
  gathered,
  has,
  identityFields,
  isIdempotent,
  isSafe,
  outgoingFields,
  redirectedHead,
  type Body,
  type Identity,
} from './request.ts';
import { Session, type Answer, type Asked, type Backend } from './session.ts';
import { basicRealm, SignIns, type AskLogin } from './sign_in.ts';

/** What it needs of a tunnel. */
export type Asking = Pick<Tunnel, 'fetch' | 'openSocket' | 'closed'>;

export interface BrokerOptions extends Identity {
  /** The connection of the moment; resolves when there is one. */
  connected(signal: AbortSignal): Promise<Asking>;
  /** Where cookies stay beyond the page's life. */
  keep?: { load(): unknown; save(cookies: Cookie[]): void };
  /** Who gives a name and a password when the app asks for them; without, its refusal is the answer. */
  askLogin?: AskLogin;
  now?: () => number;
}

/** A broker as the ways of an app use it, wherever it runs. */
export interface AppBroker {
  readonly identity: Identity;
  /** Serves a client until the port or the broker is closed; returns what ends it earlier. */
  attach(port: MessagePort): () => void;
  close(): void;
}

interface Raw {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly Field[];
  readonly body: ReadableStream<Bytes> | null;
}

const redirectsMax = 20;
const triesMax = 5;
/** How long a request waits for the connection to come back. */
const patienceMs = 120_000;
const redirectStatus = new Set([301, 302, 303, 307, 308]);

export class Broker implements AppBroker, Backend {
  readonly identity: Identity;
  readonly jar: Jar;
  readonly cache = new HttpCache();
  /** Cookies were set or removed. */
  readonly cookiesChanged = new Emitter<void>();
  readonly #connected: BrokerOptions['connected'];
  readonly #keep: BrokerOptions['keep'];
  readonly #signIns: SignIns;
  readonly #sessions = new Set<Session>();
  readonly #life = new AbortController();

  constructor(options: BrokerOptions) {
    this.identity = { app: options.app, origin: new URL(options.origin).origin };
    this.jar = new Jar(new URL(options.origin).hostname, options.now);
    this.#connected = options.connected;
    this.#keep = options.keep;
    this.#signIns = new SignIns(options.askLogin ?? (() => Promise.resolve(null)));
    this.jar.import(options.keep?.load());
  }

  attach(port: MessagePort): () => void {
    if (this.#life.signal.aborted || this.#sessions.size >= portLimits.ports) {
      port.close();
      return () => undefined;
    }
    const session = new Session(this, port, { over: () => this.#sessions.delete(session) });
    this.#sessions.add(session);
    return () => session.close();
  }

  close(): void {
    this.#life.abort(new DOMException('The app was closed.', 'AbortError'));
    for (const session of [...this.#sessions]) session.close();
  }

  /** Rejects with a Failure. */
  async fetch(head: FetchHead, body: Body, signal: AbortSignal): Promise<Answer> {
    const both = AbortSignal.any([signal, this.#life.signal]);
    try {
      const wantsLength = body instanceof ReadableStream && !has(head.fields, 'content-length');
      const whole = wantsLength ? await gathered(body) : body;
      return await this.#follow(head, whole, both);
    } catch (error) {
      throw failureOf(error);
    }
  }

  async openSocket(asked: Asked, signal: AbortSignal): Promise<TunnelSocket> {
    const both = AbortSignal.any([signal, this.#life.signal]);
    const sent = this.#signIns.known(asked.target);
    try {
      return await this.#openSocket(asked, sent, both).catch((error: unknown) => {
        // Signed in elsewhere in the app: what the handshake was refused for is not told.
        const { only } = this.#signIns;
        const again = error instanceof TunnelError && error.status === 401 && only !== null && only !== sent;
        if (!again) throw error;
        return this.#openSocket(asked, only, both);
      });
    } catch (error) {
      throw failureOf(error);
    }
  }

  async #openSocket({ target, protocols }: Asked, login: string | null, signal: AbortSignal): Promise<TunnelSocket> {
    const cookie = this.jar.header({ target, site: 'same', safeNavigation: false });
    const headers: Field[] = [['origin', this.identity.origin], ...browserFields(), ...identityFields(this.identity)];
    if (cookie !== '') headers.push(['cookie', cookie]);
    if (login !== null) headers.push(authorization(login));
    const tunnel = await this.#tunnel(signal);
    const socket = await tunnel.openSocket(target, { protocols, headers, signal });
    this.#takeCookies(socket.fields, target, 'same');
    return socket;
  }

  get scriptCookies(): readonly ScriptCookie[] {
    return this.jar.scriptCookies();
  }

  setScriptCookie(text: string, target: string): void {
    if (this.jar.setFromScript(text, target)) this.#cookiesSet();
  }

  async #follow(first: FetchHead, firstBody: Body, signal: AbortSignal): Promise<Answer> {
    let head = first;
    let body = firstBody;
    let fragment = '';
    for (let redirects = 0; ; redirects += 1) {
      const raw = await this.#ask(head, body, signal);
      const location = redirectStatus.has(raw.status) ? this.#locationOf(raw, head) : null;
      if (location === null) return this.#answer(raw, head, redirects > 0, null, fragment);
      if (head.redirect === 'manual') return this.#answer(raw, head, redirects > 0, location.href);
      void raw.body?.cancel().catch(() => undefined);
      if (head.redirect === 'error') throw new Failure('redirect', 'The answer is a redirect, which was not wanted.');
      if (redirects >= redirectsMax) throw new Failure('redirect', `More than ${redirectsMax} redirects.`);
      // To another site: the client's own affair.
      if (location.origin !== this.identity.origin)
        return this.#answer({ ...raw, body: null }, head, redirects > 0, location.href);
      const next = redirectedHead(head, raw.status, location.pathname + location.search);
      if (next.keepsBody && body instanceof ReadableStream)
        throw new Failure('redirect', 'The answer is a redirect, and the streamed body is gone.');
      head = next.head;
      if (location.hash !== '') fragment = location.hash;
      if (!next.keepsBody) body = null;
    }
  }

  #locationOf({ fields }: Raw, { target }: FetchHead): URL | null {
    const text = fields.find(([name]) => name.toLowerCase() === 'location')?.[1];
    if (text === undefined) return null;
    let url: URL;
    try {
      url = new URL(utf8Text(text), this.identity.origin + target);
    } catch {
      throw new Failure('redirect', 'The answer redirects to what is no address.');
    }
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      throw new Failure('redirect', `The answer redirects to ${url.protocol}, which is not followed.`);
    return url;
  }

  #answer(raw: Raw, head: FetchHead, redirected: boolean, location: string | null, fragment = ''): Answer {
    const fields = raw.fields.filter(([name]) => !/^set-cookie2?$/i.test(name));
    const cookies = head.cookies ? this.jar.scriptCookies() : null;
    const { status, reason, body } = raw;
    const hasBody = body !== null;
    const { target } = head;
    return { head: { status, reason, fields, target, fragment, redirected, location, hasBody, cookies }, body };
  }

  /** One request, again with a name and a password where the app wants them. */
  async #ask(first: FetchHead, body: Body, signal: AbortSignal): Promise<Raw> {
    const { target, navigation, login = null } = first;
    // The app's own Authorization stays as it is, and is refused to the app itself.
    const mayAsk = first.credentials && !has(first.fields, 'authorization');
    let sent = mayAsk ? this.#signIns.known(target) : null;
    for (;;) {
      const head = sent === null ? first : { ...first, fields: [...first.fields, authorization(sent)] };
      const raw = await this.#load(head, body, signal);
      const realm = raw.status === 401 && mayAsk ? basicRealm(raw.fields) : null;
      if (realm === null) return raw;
      const next = await this.#signIns.next({ realm, target, sent, login, navigation }, signal);
      // A streamed body is gone; what was given goes with the next request.
      if (next === null || body instanceof ReadableStream) return raw;
      void raw.body?.cancel().catch(() => undefined);
      sent = next;
    }
  }

  /** From the cache where that may be. */
  async #load(head: FetchHead, body: Body, signal: AbortSignal): Promise<Raw> {
    const safeNavigation = head.navigation && isSafe(head.method);
    const retrieval = { target: head.target, site: head.site, safeNavigation } as const;
    const cookie = head.credentials ? this.jar.header(retrieval) : '';
    const fields = outgoingFields(head, this.identity, cookie, body !== null);
    if (head.method !== 'GET') return this.#unsafe(head, fields, body, signal);
    const request = { target: head.target, fields };
    const mode = effectiveMode(head.cache, fields);
    const found = this.cache.lookup(request, mode);
    switch (found.use) {
      case 'nothing':
        throw new Failure('network', 'It is not in the cache, and nothing else was wanted.');
      case 'entry':
        return fromEntry(found.entry);
      case 'revalidate':
        return this.#revalidate(head, request, found.entry, found.validators, signal);
      case 'network':
        return this.#retrieve(head, request, mode, signal);
    }
  }

  async #unsafe(head: FetchHead, fields: Field[], body: Body, signal: AbortSignal): Promise<Raw> {
    const { method, target } = head;
    const raw = await this.#exchange(head, { method, target, fields, ...(body === null ? {} : { body }) }, signal);
    if (!isSafe(method) && raw.status < 400) this.cache.invalidate(target);
    return raw;
  }

  async #retrieve(head: FetchHead, request: CacheRequest, mode: RequestCache, signal: AbortSignal): Promise<Raw> {
    const fields = mode === 'reload' || mode === 'no-cache' ? withNoCache(request.fields) : [...request.fields];
    const raw = await this.#exchange(head, { method: 'GET', target: head.target, fields }, signal);
    return mode === 'no-store' ? raw : this.#keepCopy(request, raw);
  }

  async #revalidate(
    head: FetchHead,
    request: CacheRequest,
    entry: Entry,
    validators: readonly Field[],
    signal: AbortSignal,
  ): Promise<Raw> {
    const fields = [...request.fields, ...validators];
    const raw = await this.#exchange(head, { method: 'GET', target: head.target, fields }, signal);
    if (raw.status !== 304) return this.#keepCopy(request, raw);
    return fromEntry(this.cache.freshen(entry, { target: request.target, fields }, raw));
  }

  /** Collects the body on its way, within the limit, and stores it when it is whole. */
  #keepCopy(request: CacheRequest, raw: Raw): Raw {
    const policy = raw.status === 401 ? null : this.cache.storable(request, raw);
    if (!policy) return raw;
    if (!raw.body) {
      if (!redirectStatus.has(raw.status) || Number(raw.status) === 204) return raw;
      this.cache.store(request, raw, policy, new Uint8Array());
      return raw;
    }
    let pieces: Bytes[] | null = [];
    let size = 0;
    const collect = new TransformStream<Bytes, Bytes>(
      {
        transform: (piece, controller) => {
          size += piece.length;
          if (size > cacheLimits.entry) pieces = null;
          pieces?.push(piece.slice());
          controller.enqueue(piece);
        },
        flush: () => {
          if (pieces) this.cache.store(request, raw, policy, concat(pieces));
        },
      },
      { highWaterMark: 1 },
      { highWaterMark: 0 },
    );
    return { ...raw, body: raw.body.pipeThrough(collect) };
  }

  async #exchange(head: FetchHead, request: TunnelRequest, signal: AbortSignal): Promise<Raw> {
    const response = await this.#send(request, signal);
    if (head.credentials) this.#takeCookies(response.fields, head.target, head.site);
    const { status, reason } = response;
    return { status, reason, ...decoded(response.fields, status, response.body) };
  }

  #takeCookies(fields: TunnelSocket['fields'], target: string, site: FetchHead['site']): void {
    let changed = false;
    for (const [name, value] of fields)
      if (name.toLowerCase() === 'set-cookie') changed = this.jar.setFromResponse(value, target, site) || changed;
    if (changed) this.#cookiesSet();
  }

  #cookiesSet(): void {
    this.#keep?.save(this.jar.export());
    this.cookiesChanged.emit();
  }

  /** What the other end has not begun, or may begin twice, is asked again over the next connection. */
  async #send(request: TunnelRequest, signal: AbortSignal): Promise<TunnelResponse> {
    const { body, method } = request;
    const canRepeat = !(body instanceof ReadableStream);
    for (let tries = 1; ; tries += 1) {
      const tunnel = await this.#tunnel(signal);
      try {
        return await tunnel.fetch(request, { signal });
      } catch (error) {
        if (signal.aborted || !(error instanceof TunnelError) || !canRepeat || tries >= triesMax) throw error;
        const again = error.repeatable || (error.code === 'closed' && body === undefined && isIdempotent(method));
        if (!again) throw error;
        // The page learns of the end of a connection a moment later than the request does.
        await Promise.race([tunnel.closed, sleep(500 * tries, signal)]);
      }
    }
  }

  async #tunnel(signal: AbortSignal): Promise<Asking> {
    const patience = AbortSignal.timeout(patienceMs);
    try {
      return await this.#connected(AbortSignal.any([signal, patience]));
    } catch (error) {
      if (patience.aborted && !signal.aborted)
        throw new Failure('timeout', 'There is no connection to the computer at home.', error);
      throw error;
    }
  }
}

function fromEntry({ status, reason, fields, body, policy }: Entry): Raw {
  const aged = fields.filter(([name]) => name.toLowerCase() !== 'age');
  aged.push(['age', String(Math.round(policy.age()))]);
  return { status, reason, fields: aged, body: body.length === 0 ? null : streamOf(body) };
}

const authorization = (value: string): Field => ['authorization', value];

function withNoCache(fields: readonly Field[]): Field[] {
  const others = fields.filter(([name]) => !/^(?:cache-control|pragma)$/i.test(name));
  return [...others, ['pragma', 'no-cache'], ['cache-control', 'no-cache']];
}

/** Each piece is a copy: it may be given away. */
function streamOf(body: Bytes): ReadableStream<Bytes> {
  let at = 0;
  return new ReadableStream<Bytes>(
    {
      pull: controller => {
        const piece = body.slice(at, at + 64 * 1024);
        at += piece.length;
        controller.enqueue(piece);
        if (at >= body.length) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

/** A Location is bytes; browsers take them for UTF-8. */
function utf8Text(latin1: string): string {
  if (/^[\x00-\x7f]*$/.test(latin1)) return latin1;
  return new TextDecoder().decode(Uint8Array.from(latin1, character => character.charCodeAt(0)));
}
