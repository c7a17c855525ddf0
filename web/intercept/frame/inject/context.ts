// What the parts of the script in an app's document or worker share: where the app believes to be, and the way to the broker.

import type { BrokerPort, PortAnswer } from '../../client.ts';
import type { FetchHead, Field, Login } from '../../port.ts';
import { tellViolation, type AppPolicy } from './policy.ts';

export interface Context {
  readonly broker: BrokerPort;
  /** https://NAME.owndir.invalid */
  readonly origin: string;
  /** The document's or the worker's address. */
  url: string;
  /** What relative addresses are relative to. */
  base(): string;
  /** Another port to the broker, for a frame or a worker. */
  newClient(): MessagePort;
  /** Brings a port to the one who has the text of the media library. */
  media(port: MessagePort): void;
  /** Aborted when the document or worker goes. */
  readonly life: AbortSignal;
  /** Before each request. */
  onask?: () => void;
  /** Of the app itself. */
  readonly policy: AppPolicy;
  /** This script's own text. */
  readonly source: string;
}

export interface Asking {
  readonly url: URL;
  readonly method?: string;
  readonly fields?: readonly Field[];
  readonly body?: Blob | Uint8Array | ReadableStream<Uint8Array> | null;
  /** It may outlive the document. */
  readonly keepalive?: boolean;
  readonly redirect?: FetchHead['redirect'];
  readonly credentials?: boolean;
  readonly login?: Login | null;
  readonly cache?: RequestCache;
  readonly navigation?: boolean;
  readonly dest?: string;
  /** Null: none. */
  readonly referrer?: string | null;
  readonly signal?: AbortSignal | null;
  readonly onSent?: (bytes: number) => void;
}

/** Whole in one message up to this size, the second where nobody watches it go; so it can be sent again after a redirect. */
const smallBody = 64 * 1024;
const wholeBody = 4 * 1024 * 1024;

/** The app's own address, whichever of its schemes it is written with; null when it leads elsewhere. */
export function appTarget(url: URL, origin: string): string | null {
  if (url.host !== new URL(origin).host || !/^(?:https?|wss?):$/.test(url.protocol)) return null;
  // As it is written: an empty query keeps its question mark.
  return withoutFragment(url.href).replace(/^[^:]+:\/\/[^/?]*/, '');
}

export function outsideError(url: URL): TypeError {
  return new TypeError(
    `${url.origin} is not part of this app and cannot be reached from a page on disk. Use "owndir connect" for apps that need other sites.`,
  );
}

export function withoutFragment(url: string): string {
  const at = url.indexOf('#');
  return at < 0 ? url : url.slice(0, at);
}

/** By the app's own policy, which is told of it. */
export function isForbidden(context: Context, url: URL, dest = 'empty'): boolean {
  const directive = context.policy.forbids(dest);
  if (directive === null) return false;
  tellViolation(directive, url.href, context.url);
  console.error(`${url.href} is refused: the page's own Content-Security-Policy forbids it (${directive}).`);
  return true;
}

export async function ask(context: Context, asking: Asking): Promise<PortAnswer> {
  const { url, method = 'GET', body = null, signal = null } = asking;
  signal?.throwIfAborted();
  const target = appTarget(url, context.origin);
  if (target === null) throw outsideError(url);
  if (!asking.navigation && isForbidden(context, url, asking.dest)) throw new TypeError('Failed to fetch');
  const fields: Field[] = [...(asking.fields ?? [])];
  const has = (name: string) => fields.some(([field]) => field.toLowerCase() === name);
  const referrer = asking.referrer === undefined ? context.url : asking.referrer;
  if (referrer !== null && referrer !== '' && !has('referer')) fields.push(['referer', withoutFragment(referrer)]);
  fields.push(['sec-fetch-mode', asking.navigation ? 'navigate' : asking.dest ? 'no-cors' : 'cors']);
  fields.push(['sec-fetch-dest', asking.dest ?? 'empty']);
  let sent: ReadableStream<Uint8Array> | Uint8Array | null = null;
  if (body instanceof Blob) {
    if (body.size > (asking.onSent ? smallBody : wholeBody)) {
      fields.push(['content-length', String(body.size)]);
      sent = body.stream();
    } else sent = new Uint8Array(await body.arrayBuffer());
  } else sent = body ?? (/^(?:POST|PUT|PATCH)$/.test(method) ? new Uint8Array() : null);
  const ends = [signal, asking.keepalive ? null : context.life].filter(one => one !== null);
  const head: FetchHead = {
    ...{ method, target, fields, redirect: asking.redirect ?? 'follow', credentials: asking.credentials ?? true },
    ...{ cache: asking.cache ?? 'default', site: 'same', navigation: asking.navigation ?? false },
    ...{ cookies: asking.navigation ?? false, login: asking.login ?? null },
  };
  context.onask?.();
  const answer = await context.broker.fetch(head, {
    ...{ body: sent, signal: ends.length === 0 ? null : AbortSignal.any(ends) },
    ...(asking.onSent ? { onSent: asking.onSent } : {}),
  });
  if (sent instanceof Uint8Array) asking.onSent?.(sent.length);
  // A redirect out of the app, which the broker leaves to us.
  if (answer.head.location !== null && head.redirect === 'follow' && !head.navigation)
    throw outsideError(new URL(answer.head.location));
  return answer;
}

export function fieldOf(fields: readonly Field[], name: string): string | null {
  const values = fields.filter(([field]) => field.toLowerCase() === name).map(([, value]) => value);
  return values.length === 0 ? null : values.join(', ');
}

/** "text/html" of "text/html; charset=utf-8". */
export function essence(type: string | null): string {
  return (type ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

export function charsetOf(type: string | null): string | null {
  return (
    /;\s*charset\s*=\s*(?:"([^"]+)"|([^\s;"]+))/i
      .exec(type ?? '')
      ?.slice(1)
      .find(Boolean) ?? null
  );
}

export function decoderFor(label: string | null): TextDecoder {
  try {
    return new TextDecoder(label ?? 'utf-8');
  } catch {
    return new TextDecoder();
  }
}

/** The whole body, which may have that many bytes. */
export async function readAll(answer: PortAnswer, limit: number): Promise<Blob> {
  const type = fieldOf(answer.head.fields, 'content-type') ?? '';
  if (!answer.body) return new Blob([], { type });
  const length = Number(fieldOf(answer.head.fields, 'content-length') ?? 0);
  if (length > limit) {
    await answer.body.cancel().catch(() => undefined);
    throw new TypeError(`The answer has ${length} bytes; the limit is ${limit}.`);
  }
  const reader = answer.body.getReader();
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Blob(pieces, { type });
    size += value.length;
    if (size > limit) {
      await reader.cancel().catch(() => undefined);
      throw new TypeError(`The answer has more than ${limit} bytes.`);
    }
    pieces.push(value);
  }
}

export const limits = {
  /** Of a script, a style sheet, a document. */
  text: 64 * 1024 * 1024,
  /** Of an image, a font or other media that is loaded as a whole. */
  resource: 256 * 1024 * 1024,
  download: 2 * 1024 * 1024 * 1024,
} as const;
