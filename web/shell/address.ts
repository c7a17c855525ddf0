// Paths of the folder and the fragment that holds the place. A path is percent-encoded and absolute, a directory's ends in '/':
// "/photos/2024/a%20b.jpg". It is kept encoded because a file's name may be no valid UTF-8.

/** Encodes each segment, keeps what is already a valid escape, and resolves "." and "..": never above the root. */
export function normalizePath(raw: string): string {
  const out: string[] = [];
  const parts = raw.split('/');
  for (const part of parts) {
    const plain = part.replace(/%2e/gi, '.');
    if (plain === '' || plain === '.') continue;
    if (plain === '..') out.pop();
    else out.push(encodeSegment(part));
  }
  const last = (parts.at(-1) ?? '').replace(/%2e/gi, '.');
  const directory = last === '' || last === '.' || last === '..';
  return `/${out.join('/')}${directory && out.length > 0 ? '/' : ''}`;
}

/** Leaves valid escapes as they are and encodes the rest. */
function encodeSegment(segment: string): string {
  return segment
    .split(/(%[0-9a-fA-F]{2})/)
    .map((piece, index) => (index % 2 === 1 ? piece.toUpperCase() : encodeText(piece)))
    .join('');
}

function encodeText(text: string): string {
  try {
    return encodeURIComponent(text).replace(/%(?:2C|3A|3D|40|24|2B|3B)/g, escape => decodeURIComponent(escape));
  } catch {
    return encodeURIComponent(text.replace(/[\uD800-\uDFFF]/g, '\uFFFD'));
  }
}

export function isDirectory(path: string): boolean {
  return path.endsWith('/');
}

/** The directory that holds the path; the root's parent is the root. */
export function parentPath(path: string): string {
  const bare = path.endsWith('/') ? path.slice(0, -1) : path;
  return bare.slice(0, bare.lastIndexOf('/') + 1) || '/';
}

/** The last segment for display; bytes that are no UTF-8 are U+FFFD, as in the server's listings. */
export function baseName(path: string): string {
  const bare = path.endsWith('/') ? path.slice(0, -1) : path;
  return decodeName(bare.slice(bare.lastIndexOf('/') + 1));
}

const kLenient = new TextDecoder('utf-8', { ignoreBOM: true });

export function decodeName(segment: string): string {
  return segment.replace(/(?:%[0-9a-fA-F]{2})+/g, escapes =>
    kLenient.decode(Uint8Array.from(escapes.slice(1).split('%'), byte => parseInt(byte, 16))),
  );
}

/** A path that came as a link of a listing: relative to its directory, or absolute. */
export function resolveHref(directory: string, href: string): string {
  const bare = href.replace(/[?#].*$/s, '');
  return normalizePath(bare.startsWith('/') ? bare : directory + bare.replace(/^\.\//, ''));
}

export interface Crumb {
  readonly name: string;
  readonly path: string;
}

/** The directories from the root to the path, and the path itself; the root has the given name. */
export function crumbs(path: string, rootName: string): Crumb[] {
  const out: Crumb[] = [{ name: rootName, path: '/' }];
  const segments = path.split('/').filter(segment => segment !== '');
  let at = '/';
  segments.forEach((segment, index) => {
    const last = index === segments.length - 1;
    at += segment + (last && !isDirectory(path) ? '' : '/');
    out.push({ name: decodeName(segment), path: at });
  });
  return out;
}

/** "#/photos/" to "/photos/"; anything else than a path is the root. */
export function pathOfFragment(fragment: string): string {
  const text = fragment.startsWith('#') ? fragment.slice(1) : fragment;
  return text.startsWith('/') ? normalizePath(text) : '/';
}

export function fragmentOfPath(path: string): string {
  return `#${path}`;
}

export interface PageLocation {
  /** The synced folder's own path on this device, "/home/anna/Photos" or "C:/Users/anna/Photos"; null when not opened from a folder. */
  readonly folder: string | null;
  /** Its last part. */
  readonly name: string | null;
  /** Distinguishes the pages of several folders: all file pages share one storage. */
  readonly key: string;
}

const kSite = '/.owndir/.dist/';

/** What the page's own address tells: …/FOLDER/.owndir/.dist/index.html. All pages of one site have one key. */
export function pageLocation(pathname: string): PageLocation {
  const at = pathname.lastIndexOf(kSite);
  if (at < 0) return { folder: null, name: null, key: pathname.replace(/[^/]*$/, '') };
  const key = pathname.slice(0, at + kSite.length);
  let folder = decodeName(pathname.slice(0, at));
  if (/^\/[A-Za-z]:/.test(folder)) folder = folder.slice(1);
  return { folder: folder || '/', name: folder.slice(folder.lastIndexOf('/') + 1) || null, key };
}
