// Paths as the folder API sees them: relative to the folder's root, segments joined by "/", "" the root itself. A name is
// bytes on disk and text here: a byte b that is no part of valid UTF-8 is U+DC00+b (surrogate escape), which is reversible.
import { utf8, type Bytes } from '../base/bytes.ts';
import { fsnodeLimits } from './limits.ts';
import { FsError } from './error.ts';

/**
 * Where `path` leads from `from`. A path that climbs above the root and stops there is the root, as `cd ..` in "/" is; one
 * that goes on from there begins with ".." and lies outside.
 */
export function resolvePath(from: string, path: string): string {
  const segments: string[] = [];
  for (const segment of (path.startsWith('/') ? path : `${from}/${path}`).split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..' && segments.length > 0 && segments.at(-1) !== '..') segments.pop();
    else segments.push(segment);
  }
  return segments.every(segment => segment === '..') ? '' : segments.join('/');
}

export function isOutside(path: string): boolean {
  return path.startsWith('../');
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Of a path inside the root; the root's parent is the root. */
export function parentPath(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

export function joinPath(folder: string, path: string): string {
  if (folder === '') return path;
  return path === '' ? folder : `${folder}/${path}`;
}

/** True for `folder` itself and for all below it. */
export function isWithin(folder: string, path: string): boolean {
  return folder === '' || path === folder || path.startsWith(`${folder}/`);
}

/** The folder's code, and all beneath it: readable, never writable through this API. File systems may have no case. */
export function isCode(path: string): boolean {
  return path.split('/').some(isCodeName);
}

export function isCodeName(name: string): boolean {
  return name.toLowerCase().startsWith('.owndir');
}

/** Names that are treated as if they were absent: machinery, and the temporary files of ours and of Syncthing. */
export function isHiddenName(name: string): boolean {
  const lower = name.toLowerCase();
  if (lower === '.wrtc-proxy' || isSyncMarker(lower) || lower.startsWith('.owndir-upload-')) return true;
  return lower.endsWith('.tmp') && ['.syncthing.', '~syncthing~', '.owndir-'].some(start => lower.startsWith(start));
}

/** A folder that holds one of these is neither moved nor deleted. */
export function isProtectedName(name: string): boolean {
  return isSyncMarker(name.toLowerCase()) || (isCodeName(name) && !isHiddenName(name));
}

function isSyncMarker(name: string): boolean {
  return name === '.stfolder' || name === '.stversions';
}

export function isHidden(path: string): boolean {
  return path.split('/').some(isHiddenName);
}

const loneSurrogate = /\p{Surrogate}/u;

function nameBytes(text: string): Bytes {
  if (text.includes('\0')) throw new FsError(400, 'A path must not contain a NUL character.');
  if (!loneSurrogate.test(text)) return utf8(text);
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0xdc80 && code <= 0xdcff) bytes.push(code - 0xdc00);
    else if (code >= 0xd800 && code <= 0xdfff) throw new FsError(400, 'A path must not contain half a character.');
    else bytes.push(...utf8(character));
  }
  const all = new Uint8Array(bytes);
  // Each name has one text: bytes that are a character must not be written as if they were none.
  if (escapeBytes(all) !== text) throw new FsError(400, 'A path must not escape bytes that are text.');
  return all;
}

function isUnreserved(byte: number): boolean {
  return (
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x30 && byte <= 0x39) ||
    [0x2d, 0x2e, 0x5f, 0x7e].includes(byte)
  );
}

/** Throws an FsError for what no file can be called. */
export function checkPath(path: string): void {
  const bytes = nameBytes(path);
  const tooLong = bytes.length > fsnodeLimits.path || path.split('/').some(isLongName);
  if (tooLong) throw new FsError(400, `A name has at most ${fsnodeLimits.name} bytes, a path ${fsnodeLimits.path}.`);
}

function isLongName(name: string): boolean {
  // A character of UTF-16 is at most three bytes.
  return name.length * 3 > fsnodeLimits.name && nameBytes(name).length > fsnodeLimits.name;
}

const plainName = /^[A-Za-z0-9\-._~]*$/;

/** One name percent-encoded, as the wire has it. */
export function encodeName(name: string): string {
  if (plainName.test(name)) return name;
  let text = '';
  for (const byte of nameBytes(name)) {
    if (isUnreserved(byte)) text += String.fromCharCode(byte);
    else text += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}

/** A resolved path as the wire has it. */
export function encodePath(path: string): string {
  return path.split('/').map(encodeName).join('/');
}

/** The length of the UTF-8 sequence that begins at `at`, 0 when there is none (RFC 3629, section 4). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const [first = 0, second = 0] = [bytes[at], bytes[at + 1]];
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > bytes.length) return 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let i = 2; i < length; i++) if (((bytes[at + i] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}

function escapeBytes(bytes: Uint8Array): string {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    if (length === 0) text += String.fromCharCode(0xdc00 + (bytes[at] ?? 0));
    else text += decoder.decode(bytes.subarray(at, at + length));
    at += Math.max(1, length);
  }
  return text;
}

const encodedName = /^(?:[A-Za-z0-9\-._~]|%[0-9A-F]{2})+$/;

/** The text of a name on the wire; null when it is none. */
export function decodeName(encoded: string): string | null {
  if (!encodedName.test(encoded)) return null;
  const name = decode(encoded);
  if (name === '.' || name === '..' || name.includes('/') || name.includes('\0')) return null;
  // There is one spelling: what needs no escape has none.
  return !encoded.includes('%') || encodeName(name) === encoded ? name : null;
}

function decode(encoded: string): string {
  if (!encoded.includes('%')) return encoded;
  try {
    return decodeURIComponent(encoded);
  } catch {
    const bytes: number[] = [];
    for (let at = 0; at < encoded.length; at++) {
      if (encoded[at] !== '%') bytes.push(encoded.charCodeAt(at));
      else bytes.push(parseInt(encoded.slice(at + 1, (at += 2) + 1), 16));
    }
    return escapeBytes(new Uint8Array(bytes));
  }
}

/** The text of a path on the wire; null when it is none. */
export function decodePath(encoded: string): string | null {
  if (encoded === '') return '';
  const names: string[] = [];
  for (const segment of encoded.split('/')) {
    const name = decodeName(segment);
    if (name === null) return null;
    names.push(name);
  }
  return names.join('/');
}

/** The order of listings: by the bytes of the names. */
export function compareNames(a: string, b: string): number {
  // UTF-16 code units order as UTF-8 bytes do unless a surrogate is among them.
  if (!hasSurrogates(a) && !hasSurrogates(b)) return a < b ? -1 : a > b ? 1 : 0;
  const [left, right] = [nameBytes(a), nameBytes(b)];
  for (let i = 0; i < left.length && i < right.length; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function hasSurrogates(text: string): boolean {
  return /[\ud800-\udfff]/.test(text);
}
