// Web apps that nobody here wrote, from Debian's packages, used through a folder by a scripted Chromium. Each is written once
// (apps/NAME.mjs) and used by each way; it is asserted by its effect on the server's side. docs/apps.md says what was found.
import { documentIn, ways } from '../conformance/ways.mjs';
import { suite } from '../support/harness.mjs';
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
const opener = (t, way) => async (app) => {
  const opened = await ways[way](t, app);
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

suite('apps', (test) => {
  for (const { title, needs, seconds = 120, use } of apps) {
    for (const way of by) {
      test(`${title} (${way})`, { needs: ['owndir', 'chromium', ...needs], seconds, lane: 'apps' }, async (t) => {
        try {
          await use(t, opener(t, way), way);
        } catch (error) {
          await t.pictures?.();
          throw error;
        }
      });
    }
  }
});
