// What cannot be the same through the tunnel, from docs/limits.md: a line `* /path/of/a/test: reason` each, the path up to its
// first dot, so that it holds for each page that is made of the file.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support/paths.mjs';

/** Name → reason. */
export function readLimits(text = readFileSync(join(root, 'docs/limits.md'), 'utf8')) {
  return new Map([...text.matchAll(/^\* (\/\S+): (.+)$/gm)].map(([, path, reason]) => [path, reason]));
}

/** Under which name that file may stand there. */
export const limitName = (path) => path.split(/[.?]/)[0];
