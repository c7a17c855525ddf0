// The cookies of one app (RFC 6265bis, sections 5.5 to 5.8), for the one host that the app is to its page. The channel counts as
// secure. Names and values are bytes, one character each. Bounded; what was used longest ago gives way. A document keeps a second jar as its mirror for document.cookie.

import { fromLatin1, latin1, utf8 } from '../base/bytes.ts';
import type { ScriptCookie } from './port.ts';

const maxCookie = 4096;
const maxAttribute = 1024;
const maxCount = 180;
const maxAgeMs = 400 * 86_400_000;

type SameSite = 'strict' | 'lax' | 'none' | 'default';

export interface Cookie extends ScriptCookie {
  readonly sameSite: SameSite;
  readonly created: number;
}

interface Kept {
  cookie: Cookie;
  used: number;
}

export interface Retrieval {
  /** The request's origin-form target, or a document's path. */
  readonly target: string;
  readonly site: 'same' | 'cross';
  /** A top-level navigation with a safe method, for Lax. */
  readonly safeNavigation: boolean;
}

export class Jar {
  readonly #host: string;
  readonly #now: () => number;
  readonly #cookies = new Map<string, Kept>();
  #clock = 0;

  constructor(host: string, now: () => number = Date.now) {
    this.#host = host;
    this.#now = now;
  }

  /** A Set-Cookie field of a response to `target`. True when a cookie was set or removed. */
  setFromResponse(text: string, target: string, site: 'same' | 'cross' = 'same'): boolean {
    const cookie = this.#parse(text, target);
    if (!cookie || (site === 'cross' && cookie.sameSite !== 'none')) return false;
    return this.#store(cookie);
  }

  /** document.cookie = text. HttpOnly cookies are neither made nor replaced. */
  setFromScript(text: string, target: string): boolean {
    const cookie = this.#parse(fromLatin1(utf8(text)), target);
    if (!cookie || cookie.httpOnly || this.#cookies.get(keyOf(cookie))?.cookie.httpOnly) return false;
    return this.#store(cookie);
  }

  /** The value of a Cookie field; "" for none. */
  header(retrieval: Retrieval): string {
    const allowed = this.#matching(retrieval.target).filter(({ cookie }) => {
      if (retrieval.site === 'same' || cookie.sameSite === 'none') return true;
      return retrieval.safeNavigation && cookie.sameSite !== 'strict';
    });
    for (const kept of allowed) kept.used = ++this.#clock;
    return allowed.map(({ cookie }) => pair(cookie)).join('; ');
  }

  /** What document.cookie gives in a document of that path. */
  scriptText(target: string): string {
    const visible = this.#matching(target).filter(({ cookie }) => !cookie.httpOnly);
    const text = visible.map(({ cookie }) => pair(cookie)).join('; ');
    return new TextDecoder().decode(latin1(text) ?? new Uint8Array());
  }

  /** What scripts may know of all, in the order of sending. */
  scriptCookies(): ScriptCookie[] {
    return this.#ordered().map(({ cookie: { name, value, path, expires, httpOnly } }) => {
      return { name, value: httpOnly ? '' : value, path, expires, httpOnly };
    });
  }

  /** Becomes what another jar shows of itself to scripts. */
  mirror(cookies: readonly ScriptCookie[]): void {
    this.#cookies.clear();
    cookies.forEach((shown, at) => {
      const cookie: Cookie = { ...shown, created: at - cookies.length, sameSite: 'default' };
      this.#cookies.set(keyOf(cookie), { cookie, used: 0 });
    });
  }

  /** For keeping it beyond the page's life. */
  export(): Cookie[] {
    return this.#ordered().map(({ cookie }) => cookie);
  }

  /** From storage that others may have written; what is no cookie is left out. */
  import(stored: unknown): void {
    if (!Array.isArray(stored)) return;
    for (const value of (stored as unknown[]).slice(0, maxCount)) {
      const cookie = parseStored(value);
      if (cookie) this.#cookies.set(keyOf(cookie), { cookie, used: ++this.#clock });
    }
    this.#expire();
  }

  get size(): number {
    return this.#cookies.size;
  }

  #matching(target: string): Kept[] {
    const path = pathOf(target);
    return this.#ordered().filter(({ cookie }) => pathMatches(path, cookie.path));
  }

  /** Longer paths first, then older ones. */
  #ordered(): Kept[] {
    this.#expire();
    return [...this.#cookies.values()].sort(
      (a, b) => b.cookie.path.length - a.cookie.path.length || a.cookie.created - b.cookie.created,
    );
  }

  #expire(): void {
    const now = this.#now();
    for (const [key, { cookie }] of this.#cookies)
      if (cookie.expires !== null && cookie.expires <= now) this.#cookies.delete(key);
  }

  #store(cookie: Cookie): boolean {
    const key = keyOf(cookie);
    const old = this.#cookies.get(key);
    if (cookie.expires !== null && cookie.expires <= this.#now()) {
      this.#cookies.delete(key);
      return old !== undefined;
    }
    // In the order of creation even where the clock has not moved.
    const newest = Math.max(0, ...[...this.#cookies.values()].map(kept => kept.cookie.created));
    const created = old?.cookie.created ?? Math.max(this.#now(), newest + 1);
    this.#cookies.set(key, { cookie: { ...cookie, created }, used: ++this.#clock });
    if (this.#cookies.size > maxCount) this.#evict();
    return true;
  }

  #evict(): void {
    this.#expire();
    const oldest = [...this.#cookies].sort(([, a], [, b]) => a.used - b.used);
    for (const [key] of oldest.slice(0, Math.max(0, this.#cookies.size - maxCount))) this.#cookies.delete(key);
  }

  #parse(text: string, target: string): Cookie | null {
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(text)) return null;
    const [first = '', ...rest] = text.split(';');
    const equals = first.indexOf('=');
    const name = trim(equals < 0 ? '' : first.slice(0, equals));
    const value = trim(first.slice(equals + 1));
    if (name.length + value.length > maxCookie || (name === '' && value === '')) return null;
    const attributes = attributesOf(rest);
    const domain = attributes.get('domain')?.replace(/^\./, '').toLowerCase() ?? '';
    if (domain !== '' && domain !== this.#host && !this.#host.endsWith(`.${domain}`)) return null;
    const secure = attributes.has('secure');
    const sameSite = sameSiteOf(attributes.get('samesite'));
    if (sameSite === 'none' && !secure) return null;
    const pathAttribute = attributes.get('path') ?? '';
    const path = pathAttribute.startsWith('/') ? pathAttribute : defaultPath(target);
    if (!prefixAllows(name === '' ? value : name, { secure, path, named: name !== '', domain })) return null;
    return {
      name,
      value,
      path,
      httpOnly: attributes.has('httponly'),
      sameSite,
      expires: this.#expiry(attributes),
      created: 0,
    };
  }

  #expiry(attributes: ReadonlyMap<string, string>): number | null {
    const now = this.#now();
    const maxAge = attributes.get('max-age');
    if (maxAge !== undefined && /^-?[0-9]+$/.test(maxAge)) {
      const seconds = Number(maxAge);
      return seconds <= 0 ? 0 : now + Math.min(seconds * 1000, maxAgeMs);
    }
    const expires = attributes.get('expires');
    const date = expires === undefined ? null : parseCookieDate(expires);
    return date === null ? null : Math.min(date, now + maxAgeMs);
  }
}

const keyOf = ({ name, path }: Pick<ScriptCookie, 'name' | 'path'>): string => `${name}\n${path}`;
const pair = ({ name, value }: Pick<ScriptCookie, 'name' | 'value'>): string =>
  name === '' ? value : `${name}=${value}`;
const trim = (text: string): string => text.replace(/^[ \t]+|[ \t]+$/g, '');

/** The last of each name counts; one that is too long is none. */
function attributesOf(parts: readonly string[]): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const part of parts) {
    const equals = part.indexOf('=');
    const name = trim(equals < 0 ? part : part.slice(0, equals)).toLowerCase();
    const value = equals < 0 ? '' : trim(part.slice(equals + 1));
    if (value.length <= maxAttribute) attributes.set(name, value);
  }
  return attributes;
}

function sameSiteOf(value: string | undefined): SameSite {
  const lower = value?.toLowerCase();
  return lower === 'strict' || lower === 'lax' || lower === 'none' ? lower : 'default';
}

function prefixAllows(
  name: string,
  { secure, path, named, domain }: { secure: boolean; path: string; named: boolean; domain: string },
): boolean {
  const lower = name.toLowerCase();
  if (lower.startsWith('__secure-')) return named && secure;
  if (lower.startsWith('__host-')) return named && secure && path === '/' && domain === '';
  return true;
}

export function pathOf(target: string): string {
  return target.replace(/[?#].*$/s, '');
}

function defaultPath(target: string): string {
  const path = pathOf(target);
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

export function pathMatches(path: string, cookiePath: string): boolean {
  if (path === cookiePath) return true;
  if (!path.startsWith(cookiePath)) return false;
  return cookiePath.endsWith('/') || path.charAt(cookiePath.length) === '/';
}

const months = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');

/** RFC 6265bis section 5.1.1; null when it is no date. */
export function parseCookieDate(text: string): number | null {
  let time: number[] | null = null;
  let day = -1;
  let month = -1;
  let year = -1;
  for (const part of text.split(/[\t\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+/)) {
    const clock = /^(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\D.*)?$/.exec(part);
    if (!time && clock) {
      time = clock.slice(1).map(Number);
      continue;
    }
    const days = /^(\d{1,2})(?:\D.*)?$/.exec(part)?.[1];
    if (day < 0 && days !== undefined) {
      day = Number(days);
      continue;
    }
    const named = months.indexOf(part.slice(0, 3).toLowerCase());
    if (month < 0 && named >= 0) {
      month = named;
      continue;
    }
    const years = /^(\d{2,4})(?:\D.*)?$/.exec(part)?.[1];
    if (year < 0 && years !== undefined) year = Number(years);
  }
  if (year >= 70 && year <= 99) year += 1900;
  else if (year >= 0 && year <= 69) year += 2000;
  const [hour = 99, minute = 99, second = 99] = time ?? [];
  if (day < 1 || day > 31 || month < 0 || year < 1601 || hour > 23 || minute > 59 || second > 59) return null;
  const date = new Date(Date.UTC(year, month, day, hour, minute, second));
  return date.getUTCDate() === day ? date.getTime() : null;
}

function parseStored(value: unknown): Cookie | null {
  if (typeof value !== 'object' || value === null) return null;
  const { name, value: content, path, httpOnly, sameSite, expires, created } = value as Record<string, unknown>;
  if (typeof name !== 'string' || typeof content !== 'string' || name.length + content.length > maxCookie) return null;

  if (typeof path !== 'string' || !path.startsWith('/') || /[\x00-\x08\x0a-\x1f\x7f]/.test(name + content)) return null;
  if (typeof created !== 'number' || (expires !== null && typeof expires !== 'number')) return null;
  const site = sameSiteOf(typeof sameSite === 'string' ? sameSite : undefined);
  return { name, value: content, path, httpOnly: httpOnly === true, sameSite: site, expires, created };
}
