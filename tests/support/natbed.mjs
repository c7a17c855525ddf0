// A bed of natbed.sh for one test.
import { join } from 'node:path';
import { root } from './paths.mjs';
import { Child } from './processes.mjs';

export const kinds = ['none', 'full', 'addr', 'port', 'sym', 'blocked'];

/** { a, b } are command prefixes for the two hosts, { stun, turn } the server's address as owndir takes it. */
export async function natBed(t, { a, b, lifetime = 120 }) {
  const bed = new Child([join(root, 'tests/support/natbed.sh'), '--a', a, '--b', b, '--lifetime', String(lifetime)], { stdin: 'pipe' });
  t.defer(async () => {
    bed.process.stdin.end();
    await bed.stop({ seconds: 5 });
  });
  const line = await bed.until(() => bed.lines.find((text) => text.startsWith('{')), { seconds: 30, what: 'the bed' });
  const { stun, turn, ...hosts } = JSON.parse(line);
  return { ...hosts, stun: `stun:${stun}`, turn: `turn:${turn}` };
}
