// The whole path: a real Syncthing pair, a real page on file:// with a real directory handle, a server at home.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openBrowser, openPage } from '../support/chromium.mjs';
import { suite, until } from '../support/harness.mjs';
import { serve } from '../support/owndir.mjs';
import { chooseFolder, connected, readInPage, whatThePageSays } from '../support/page.mjs';
import { pageOf } from '../support/paths.mjs';
import { homeOnly, makeSample } from '../support/sample.mjs';
import { syncthingPair } from '../support/syncthing.mjs';

async function wholePath(t, watcherDelay) {
  const home = join(t.directory, 'home');
  const away = join(t.directory, 'away');
  makeSample(home, { withHomeOnly: true });
  mkdirSync(away);
  const pair = await syncthingPair(t, { home, away, watcherDelay });
  t.step('two Syncthings share the folder');
  const server = await serve(t, home);
  t.step('home serves');
  await until(() => existsSync(pageOf(away)) && existsSync(join(away, 'owndir.html')), { seconds: 120, what: 'the page in the other copy' }).catch((error) => {
    throw new Error(`${error.message}\nSyncthing says: ${pair.tail()}`);
  });
  t.step('the page has arrived in the other copy');
  assert.ok(!existsSync(join(away, homeOnly.path)), 'the sync brought the file that it must ignore');

  const page = await openPage(t, await openBrowser(t, { directories: [away] }), pageOf(away));
  await chooseFolder(page, away);
  t.step('the page has the folder and makes an offer');
  const picture = (name) => page.screenshot({ path: t.artefact(`${name}-${watcherDelay}.png`) });
  try {
    await picture('waiting');
    await connected(page, { seconds: 6 * watcherDelay + 60 });
    t.step('connected');
    assert.equal(await readInPage(page, homeOnly.path), homeOnly.text);
    t.step('the page shows the file that exists only at home');
  } catch (error) {
    throw new Error(`${error.stack}\nThe page says: ${await whatThePageSays(page)}\nHome says: ${server.tail(10)}`);
  } finally {
    await picture('end');
  }
}

export const syncthingRun = (watcherDelay) => ({
  suite: 'syncthing',
  title: `a page from the synced copy reaches home, watcher delay ${watcherDelay} s${watcherDelay === 10 ? " (Syncthing's default)" : ''}`,
  needs: ['owndir', 'syncthing', 'chromium'],
  seconds: 300,
  soak: false,
  lane: 'syncthing',
  body: (t) => wholePath(t, watcherDelay),
});

suite('syncthing', (test) => {
  for (const { title, body, ...options } of [10, 1].map(syncthingRun)) test(title, options, body);
});
