// What a document or worker of an app tells the service worker of a request beside the request itself, since the browser hides it
// from service workers: its name, so that it can be cancelled before its answer begins and its upload can be followed; the length of
// its body; field values beyond ASCII; a name and a password of the app's own. It travels as a field of the request, which goes no further than the worker; the answer's field
// values beyond ASCII come back in the same way. What happens meanwhile is told over a BroadcastChannel.

import { parseLogin, type Field, type Login } from '../port.ts';

export const kAskField = 'owndir-ask';
export const kTextField = 'owndir-text';
export const kChannel = 'owndir-asks';

export interface Ask {
  readonly id: string;
  /** Of the body in bytes; `stream`: it comes as it is made; null: not known, but it has an end. */
  readonly length: number | 'stream' | null;
  /** Wants to be told how much of the body has been taken. */
  readonly watched: boolean;
  /** The fields with values beyond ASCII, one character a byte. */
  readonly fields: readonly Field[];
  readonly login: Login | null;
}

export type AskNote =
  | { readonly type: 'cancel'; readonly id: string }
  /** So much of the body has been taken. */
  | { readonly type: 'sent'; readonly id: string; readonly bytes: number; readonly total: number };

const kLongestId = 64;

export const beyondAscii = (text: string): boolean => /[^\x00-\x7f]/.test(text);

/** As a field value, which may only have ASCII. */
export function written(value: unknown): string {
  return encodeURIComponent(JSON.stringify(value));
}

function read(text: string | null | undefined): unknown {
  if (typeof text !== 'string') return null;
  try {
    return JSON.parse(decodeURIComponent(text));
  } catch {
    return null;
  }
}

/** None where it is no list of fields. */
export function fieldsOf(value: unknown): Field[] {
  if (!Array.isArray(value)) return [];
  const isField = (one: unknown) => Array.isArray(one) && typeof one[0] === 'string' && typeof one[1] === 'string';
  return (value as unknown[]).filter((one): one is Field => isField(one));
}

export function readFields(text: string | null): Field[] {
  return fieldsOf(read(text));
}

/** Null when it is none. */
export function readAsk(text: string | null | undefined): Ask | null {
  const value = read(text);
  if (typeof value !== 'object' || value === null) return null;
  const { id, length, watched, fields, login } = value as Record<string, unknown>;
  if (typeof id !== 'string' || id === '' || id.length > kLongestId) return null;
  const known = length === 'stream' || (Number.isSafeInteger(length) && (length as number) >= 0);
  return {
    ...{ id, watched: watched === true, fields: fieldsOf(fields), login: parseLogin(login) },
    length: known ? (length as number | 'stream') : null,
  };
}

export function readNote(data: unknown): AskNote | null {
  if (typeof data !== 'object' || data === null) return null;
  const { type, id, bytes, total } = data as Record<string, unknown>;
  if (typeof id !== 'string' || id.length > kLongestId) return null;
  if (type === 'cancel') return { type, id };
  if (type === 'sent' && typeof bytes === 'number' && typeof total === 'number') return { type, id, bytes, total };
  return null;
}
