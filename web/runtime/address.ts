// Addresses of the app: a path in the folder with a query and a hash, and how it is written in the address bar. On a server it
// is the URL's own path below the site's root; on file:// and on static hosts it is the fragment: "#/a/b?q#h". Pure.

export interface Address {
  /** Decoded; bytes that are no UTF-8 as U+DC80…U+DCFF (docs/fsnode.md). Begins with "/". */
  readonly path: string;
  /** "" or "?…", as in location.search. */
  readonly query: string;
  /** "" or "#…", as in location.hash. */
  readonly hash: string;
}

export interface AddressParts {
  readonly query?: string;
  readonly hash?: string;
}

const kPlain = /%(?:2C|3A|3D|40|24|2B|3B)/g;

function encodeName(name: string): string {
  let out = '';
  for (const char of name) {
    const code = char.codePointAt(0) ?? 0;
    if (code >= 0xdc80 && code <= 0xdcff) out += `%${(code - 0xdc00).toString(16).toUpperCase()}`;
    else if (code >= 0xd800 && code <= 0xdfff) out += '%EF%BF%BD';
    else out += encodeURIComponent(char);
  }
  return out.replace(kPlain, escape => decodeURIComponent(escape));
}

function decodeName(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return decodeLoosely(segment);
  }
}

/** Where decodeURIComponent gives up: byte by byte, what is no UTF-8 escaped as the folder API does. */
function decodeLoosely(segment: string): string {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  return segment.replace(/(?:%[0-9a-fA-F]{2})+/g, run => {
    const bytes = Uint8Array.from(run.slice(1).split('%'), hex => parseInt(hex, 16));
    let out = '';
    for (let at = 0; at < bytes.length;) {
      const taken = [1, 2, 3, 4].find(length => {
        try {
          return at + length <= bytes.length && strict.decode(bytes.subarray(at, at + length)) !== '';
        } catch {
          return false;
        }
      });
      if (taken) out += strict.decode(bytes.subarray(at, at + taken));
      else out += String.fromCharCode(0xdc00 + (bytes[at] ?? 0));
      at += taken ?? 1;
    }
    return out;
  });
}

/** Absolute, without empty, "." and ".." segments; a final "/" stays. Never above the root. */
export function normalPath(path: string): string {
  const out: string[] = [];
  for (const name of path.split('/')) {
    if (name === '' || name === '.') continue;
    if (name === '..') out.pop();
    else out.push(name);
  }
  const directory = /(?:^|\/)\.{0,2}$/.test(path);
  return `/${out.join('/')}${directory && out.length > 0 ? '/' : ''}`;
}

export function encodePath(path: string): string {
  return path.split('/').map(encodeName).join('/');
}

export function decodePath(path: string): string {
  return normalPath(path.split('/').map(decodeName).join('/'));
}

function lead(mark: string, text: string | undefined): string {
  if (!text || text === mark) return '';
  return text.startsWith(mark) ? text : mark + text;
}

export function makeAddress(path: string, parts: AddressParts = {}): Address {
  return { path: normalPath(path), query: lead('?', parts.query), hash: lead('#', parts.hash) };
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.path === b.path && a.query === b.query && a.hash === b.hash;
}

/** The part of the URL that follows the root without its final "/", or that follows "#". */
export function writeAddress({ path, query, hash }: Address): string {
  return encodePath(path) + query + hash;
}

export function readFragment(fragment: string, otherwise: string): Address {
  const match = /^#(\/[^?#]*)(\?[^#]*)?(#.*)?$/s.exec(fragment);
  if (!match) return makeAddress(otherwise, { hash: fragment });
  return makeAddress(decodePath(match[1] ?? '/'), { query: match[2] ?? '', hash: match[3] ?? '' });
}

/** A page that was opened by its file's name stands for its directory. */
export function directoryOfPage(path: string): string {
  return path.replace(/(^|\/)index\.html$/, '$1');
}

export function readUrl(url: { pathname: string; search: string; hash: string }, rootPath: string): Address {
  const below = url.pathname.startsWith(rootPath) ? url.pathname.slice(rootPath.length) : '';
  return makeAddress(directoryOfPage(decodePath(`/${below}`)), { query: url.search, hash: url.hash });
}
