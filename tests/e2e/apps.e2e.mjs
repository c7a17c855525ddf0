// Web apps that nobody here wrote, from Debian's packages, used through a folder by a scripted Chromium. Each is written once
// (apps/NAME.mjs) and used by each way; it is asserted by its effect on the server's side. docs/apps.md says what was found.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { documentIn, ways } from '../conformance/ways.mjs';
import { suite, until } from '../support/harness.mjs';
import { natBed } from '../support/natbed.mjs';
import { proxy } from '../support/owndir.mjs';
import { pageOf } from '../support/paths.mjs';
import { syncthingPair } from '../support/syncthing.mjs';
import { jupyter } from './apps/jupyter.mjs';
import { nginx } from './apps/nginx.mjs';
import { novnc } from './apps/novnc.mjs';
import { syncthing } from './apps/syncthing.mjs';
import { transmission } from './apps/transmission.mjs';

const apps = [nginx, transmission, syncthing, jupyter, novnc];
/** By which ways: all must work. */
const by = ['connect', 'sw', 'file'];

/**
 * Opens the app by that way. `find(isIt)` gives a document of it that is there now or soon, in whichever tab; `again(isIt)` loads
 * the app anew.
 */
const opener = (t, way, there) => async (app) => {
  const opened = await ways[way](t, app, there);
  const context = opened.page.context();
  t.pictures = () => Promise.all(context.pages().map((page, at) => page.screenshot({ path: t.artefact(`failed-${app.name}-${way}-${at}.png`) }).catch(() => {})));
  const find = (isIt) => documentIn(() => context.pages(), isIt);
  const again = async (isIt) => {
    for (const page of context.pages()) if (page !== opened.page) await page.close();
    await opened.again(isIt);
    return find(isIt);
  };
  return { page: opened.page, frame: opened.frame, find, again };
};

async function use(t, app, running, way, there) {
  try {
    await app.use(t, running, opener(t, way, there), way);
  } catch (error) {
    await t.pictures?.();
    throw error;
  }
}

/** The app at home and a browser elsewhere, each behind a NAT of its own; what they share is a folder of two Syncthings. */
async function farAway(t, app, name) {
  const bed = await natBed(t, { a: 'port', b: 'port' });
  const [home, away] = ['home', 'away'].map((each) => join(t.directory, each));
  for (const folder of [home, away]) mkdirSync(folder);
  writeFileSync(join(home, 'read.txt'), 'a folder');
  const [running, pair] = await Promise.all([app.start(t, { prefix: bed.b }), syncthingPair(t, { home, away, watcherDelay: 1, bed })]);
  t.step('two Syncthings share the folder');
  const server = await proxy(t, home, running.origin, { args: ['--name', name], prefix: bed.b, stun: bed.stun });
  const arrived = () => until(() => existsSync(pageOf(away)) && existsSync(join(away, 'owndir.html')), { seconds: 90, what: `the page in the other copy: ${pair.tail()}` });
  await arrived();
  t.step('the page has arrived in the other copy');
  return { bed, running, server, there: { away, arrived, prefix: bed.a, stun: bed.stun } };
}

async function fromFarAway(t) {
  const { running, server, there } = await farAway(t, transmission, 'transmission');
  for (const way of ['file', 'sw', 'connect']) {
    await use(t, { ...transmission, name: 'far' }, running, way, there).catch((error) => {
      throw new Error(`${way}: ${error.stack}\nHome says: ${server.tail(10)}`);
    });
    t.step(`${way}: a torrent was added, paused and removed`);
  }
}

suite('apps', (test) => {
  const common = ['owndir', 'chromium'];
  for (const app of apps) {
    const { title, needs, seconds = 120 } = app;
    for (const way of by) {
      test(`${title} (${way})`, { needs: [...common, ...needs], seconds, lane: 'apps' }, async (t) => {
        await use(t, app, await app.start(t), way);
      });
    }
  }
  test('Transmission through a Syncthing pair, both ends behind NATs, each way', { needs: [...common, 'transmission', 'syncthing', 'namespaces'], seconds: 300, lane: 'apps-far' }, fromFarAway);
});
