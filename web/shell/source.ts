// Where listings and files come from: the tunnel on the page from disk, plain fetch on the localhost origin. The views know
// only this interface.

import type { AskPart } from '../intercept/media/ranges.ts';
import type { Listing } from './listing_model.ts';

export interface FileFacts {
  readonly mime: string;
  readonly size: number | null;
  /** Unix milliseconds. */
  readonly mtime: number | null;
  /** Set when the path turned out to be a directory: its address. */
  readonly directory: string | null;
}

export interface Opened {
  readonly mime: string;
  /** Size of the whole file, even when a range was asked for. */
  readonly size: number | null;
  /** Offset of the first byte of the body. */
  readonly start: number;
  /** Identifies this version of the file; null when the server gave none. */
  readonly version: string | null;
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

export interface Range {
  readonly start: number;
  /** Inclusive. */
  readonly end?: number;
  /** Only if the file is still this version; otherwise the whole file comes. */
  readonly version?: string | null;
}

export interface Source {
  list(path: string, signal: AbortSignal): Promise<Listing>;
  facts(path: string, signal: AbortSignal): Promise<FileFacts>;
  open(path: string, range: Range | null, signal: AbortSignal): Promise<Opened>;
  /** As the other side answers a GET with these fields, for films that are played in parts. */
  part?(path: string, ...asked: Parameters<AskPart>): ReturnType<AskPart>;
  /** An address that the browser itself can load, where there is one. */
  url?(path: string): string;
  /** True when a broken transfer is worth taking up again because the source comes back by itself. */
  readonly comesBack: boolean;
}

export type SourceErrorKind = 'not-found' | 'forbidden' | 'changed' | 'lost' | 'unreadable' | 'server';

/** The message is a sentence for the person. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  readonly kind: SourceErrorKind;

  constructor(kind: SourceErrorKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
  }
}

export function errorOfStatus(status: number): SourceError {
  if (status === 404 || status === 410)
    return new SourceError('not-found', 'This is not in the home folder, or not any more.');
  if (status === 401 || status === 403)
    return new SourceError(
      'forbidden',
      'The server at home may not read this: its owner or permissions do not let it.',
    );
  if (status === 416) return new SourceError('changed', 'The file has become shorter while it was read.');
  if (status === 503 || status === 429)
    return new SourceError('server', 'The server at home is busy. Try again in a moment.');
  return new SourceError('server', `The server at home answered with an error (status ${status}).`);
}

export interface Head {
  readonly status: number;
  header(name: string): string | null;
}

function dateOf(text: string | null): number | null {
  const value = text === null ? NaN : Date.parse(text);
  return Number.isFinite(value) ? value : null;
}

function countOf(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

export function factsOf(path: string, head: Head): FileFacts {
  const location = head.header('location');
  if (head.status >= 300 && head.status < 400 && location !== null && !path.endsWith('/'))
    return { mime: '', size: null, mtime: null, directory: `${path}/` };
  if (head.status !== 200) throw errorOfStatus(head.status);
  return {
    mime: head.header('content-type') ?? '',
    size: countOf(head.header('content-length')),
    mtime: dateOf(head.header('last-modified')),
    directory: null,
  };
}

/** Checks that the answer is what was asked for: the whole file, or the range. */
export function openedOf(
  head: Head,
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
  range: Range | null,
): Opened {
  const stream = body ?? new ReadableStream({ start: controller => controller.close() });
  const version = head.header('etag') ?? head.header('last-modified');
  const mime = head.header('content-type') ?? '';
  if (head.status === 200)
    return { mime, size: countOf(head.header('content-length')), start: 0, version, body: stream };
  if (head.status === 206 && range) {
    const match = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/.exec(head.header('content-range') ?? '');
    if (match && Number(match[1]) === range.start)
      return { mime, size: match[2] === '*' ? null : Number(match[2]), start: range.start, version, body: stream };
  }
  void stream.cancel().catch(() => undefined);
  throw head.status < 300
    ? new SourceError('server', 'The server at home answered with another part of the file.')
    : errorOfStatus(head.status);
}

export function rangeFields(range: Range | null): [string, string][] {
  if (!range) return [];
  const fields: [string, string][] = [['range', `bytes=${range.start}-${range.end ?? ''}`]];
  // A weak tag may not be used in If-Range (RFC 9110, 13.1.5).
  if (range.version && !range.version.startsWith('W/')) fields.push(['if-range', range.version]);
  return fields;
}
