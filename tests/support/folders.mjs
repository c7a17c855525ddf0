// The two copies of a synced folder that most tests begin with.
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './harness.mjs';
import { handshakeDirectory, pageOf } from './paths.mjs';
import { makeSample } from './sample.mjs';

/** { home, away }: the sample at home, with the file that never leaves it; the copy elsewhere as the sync left it. */
export function twoCopies(t) {
  const home = join(t.directory, 'home');
  const away = join(t.directory, 'away');
  makeSample(home, { withHomeOnly: true });
  makeSample(away);
  return { home, away };
}

/** Waits for what `owndir serve` publishes and copies it as a sync would: the page, the launcher, the handshake directory. */
export async function waitForPage(home, away) {
  await until(() => existsSync(pageOf(home)) && existsSync(handshakeDirectory(home)), { seconds: 20, what: 'the page at home' });
  mkdirSync(handshakeDirectory(away), { recursive: true });
  cpSync(join(home, '.owndir/.dist'), join(away, '.owndir/.dist'), { recursive: true });
  if (existsSync(join(home, 'owndir.html'))) cpSync(join(home, 'owndir.html'), join(away, 'owndir.html'));
}

/** One folder for both ends: what a sync that takes no time would look like. */
export function oneFolder(t) {
  const home = join(t.directory, 'home');
  makeSample(home, { withHomeOnly: true });
  return { home, away: home };
}
