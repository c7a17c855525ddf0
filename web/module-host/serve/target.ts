// The path of a request, decoded once, as names of directories and how much of the URL they take.
import { decodeName } from '../../fsnode/path.ts';

export interface Step {
  /** A name as the folder API writes it; null for what no entry of a directory can be called ("" or with a "/" in it). */
  name: string | null;
  /** Where the segment ends in the URL. */
  end: number;
}

export interface Target {
  /** The segments from the root; the last one of "/a/" is empty and left out. */
  steps: readonly Step[];
  /** Path of the site's file that the URL names exactly; "" when it cannot name one. */
  file: string;
}

/** Bytes percent-decoded and written as the folder API spells them; null when the escapes are broken. */
function spelled(segment: string): string | null {
  if (/%(?![0-9A-Fa-f]{2})/.test(segment)) return null;
  const bytes = Buffer.from(
    segment.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  );
  let text = '';
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    text += /[A-Za-z0-9\-._~]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}

/** Null when the target is no path that a folder could have: broken escapes, NUL, "." and ".." segments. */
export function parseTarget(url: string): Target | null {
  if (!url.startsWith('/')) return null;
  const path = /^[^?#]*/.exec(url)?.[0] ?? '';
  const steps: Step[] = [];
  let at = 1;
  for (const segment of path.slice(1).split('/')) {
    const end = at + segment.length;
    const encoded = spelled(segment);
    if (encoded === null || encoded.includes('%00') || encoded === '.' || encoded === '..') return null;
    steps.push({ name: decodeName(encoded), end });
    at = end + 1;
  }
  const asDirectory = path.endsWith('/');
  if (asDirectory) steps.pop();
  const names = steps.map(step => step.name);
  if (names.includes(null)) return { steps, file: '' };
  return { steps, file: [...names, ...(asDirectory ? ['index.html'] : [])].join('/') };
}
