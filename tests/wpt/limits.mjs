// What cannot be the same through the tunnel, from docs/limits.md: a line `* /path/of/a/test.html: reason` each.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support/paths.mjs';

/** Path → reason. */
export function readLimits(text = readFileSync(join(root, 'docs/limits.md'), 'utf8')) {
  return new Map([...text.matchAll(/^\* (\/\S+): (.+)$/gm)].map(([, path, reason]) => [path, reason]));
}
