// docs/limits.md names the cases that a way cannot meet, each in a line of its own:
//   * `topic: sentence` (way, way): the reason
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support/paths.mjs';

export const mostLimits = 10;

/** Map of case name -> Map of way -> reason. */
export function readLimits(file = join(root, 'docs/limits.md')) {
  const limits = new Map();
  if (!existsSync(file)) return limits;
  for (const [, name, ways, reason] of readFileSync(file, 'utf8').matchAll(/^[*-] `([^`]+: [^`]+)` \(([a-z, ]+)\): *(\S.*)$/gm)) {
    const those = limits.get(name) ?? new Map();
    for (const way of ways.split(',')) those.set(way.trim(), reason.trim());
    limits.set(name, those);
  }
  return limits;
}
