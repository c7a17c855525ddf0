// The messages of docs/fsnode.md as the server sends them, checked: what is not as it should be is null.
import { decodeName, decodePath } from './path.ts';
import { FsError, statusOf } from './error.ts';
import { fsnodeLimits } from './limits.ts';
import type { Change, Entry, Info, ReadHead, Told } from './types.ts';

type Fields = Record<string, unknown>;

function fields(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** The object of a text message, null when it is none. */
export function parseMessage(text: string): Fields | null {
  // Characters, of which a message never has more than bytes.
  if (text.length > fsnodeLimits.messageOut) return null;
  try {
    return fields(JSON.parse(text));
  } catch {
    return null;
  }
}

export interface Hello {
  version: number;
  name: string;
  root: string;
  writable: boolean;
}

export function parseHello(message: Fields): Hello | null {
  const { hello, name, root, writable } = message;
  if (!isAmount(hello) || typeof name !== 'string' || typeof root !== 'string') return null;
  if (root !== '' && !root.startsWith('/')) return null;
  return { version: hello, name, root: root === '/' ? root : root.replace(/\/+$/, ''), writable: writable === true };
}

export function parseError(value: unknown): FsError {
  const error = fields(value);
  const sentence = typeof error?.error === 'string' ? error.error : 'The server failed without saying why.';
  return new FsError(statusOf(error?.status), sentence);
}

export function malformed(): FsError {
  return new FsError(500, 'The server’s answer makes no sense to this page. Is one of the two older? Reload the page.');
}

/** undefined when it is neither null nor an info. */
export function parseInfo(value: unknown): Info | null | undefined {
  if (value === null) return null;
  const info = fields(value);
  if (!info) return undefined;
  const { isFile, isDirectory, isSymLink, size, mtime, ctime, mode, mime } = info;
  if (typeof isFile !== 'boolean' || typeof isDirectory !== 'boolean' || typeof isSymLink !== 'boolean')
    return undefined;
  if (!isAmount(size) || !isAmount(mode)) return undefined;
  if (typeof mtime !== 'number' || typeof ctime !== 'number') return undefined;
  if (typeof mime !== 'string' && mime !== null) return undefined;
  return { isFile, isDirectory, isSymLink, size, mtime, ctime, mode, mime };
}

export function parsePart(value: unknown): Entry[] | null {
  if (!Array.isArray(value)) return null;
  const entries: Entry[] = [];
  for (const item of value as unknown[]) {
    if (!Array.isArray(item)) return null;
    const [encoded, rawInfo] = item as unknown[];
    const name = typeof encoded === 'string' ? decodeName(encoded) : null;
    const info = parseInfo(rawInfo ?? null);
    if (name === null || info === undefined) return null;
    entries.push({ name, info });
  }
  return entries;
}

export function parseReadHead(value: unknown): ReadHead | null {
  const head = fields(value);
  if (!head) return null;
  const { size, mtime, start, end } = head;
  if (!isAmount(size) || typeof mtime !== 'number' || !isAmount(start) || typeof end !== 'number') return null;
  if (!Number.isSafeInteger(end) || end < start - 1) return null;
  return { size, mtime, start, end };
}

export function parseOffset(value: unknown): number | null {
  const offset = fields(value)?.offset;
  return isAmount(offset) ? offset : null;
}

export function parseCredit(value: unknown): number | null {
  return isAmount(value) ? value : null;
}

export function parseMoved(value: unknown): string | null {
  return typeof value === 'string' ? decodePath(value) : null;
}

const changes: readonly string[] = ['add', 'addDir', 'change', 'unlink', 'unlinkDir'] satisfies Change[];

/** Events of a later version are passed over. */
export function parseEvents(value: unknown): Told[] | null {
  if (!Array.isArray(value)) return null;
  const all: Told[] = [];
  for (const item of value as unknown[]) {
    if (!Array.isArray(item)) return null;
    const [event, encoded, detail] = item as unknown[];
    const path = typeof encoded === 'string' ? decodePath(encoded) : null;
    if (typeof event !== 'string' || path === null) return null;
    if (event === 'ready') all.push({ event });
    else if (event === 'raw') all.push({ event, path });
    else if (event === 'error') {
      const sentence = typeof detail === 'string' ? detail : 'Watching met a fault.';
      all.push({ event, error: new FsError(500, sentence), final: false });
    } else if (changes.includes(event)) {
      const info = parseInfo(detail ?? null);
      if (info === undefined) return null;
      all.push({ event: event as Change, path, info });
    }
  }
  return all;
}
