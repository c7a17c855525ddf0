// Web apps that nobody here wrote, from Debian's packages, used through a folder by a scripted Chromium. Each is written once
// (apps/NAME.mjs) and used by each way; it is asserted by its effect on the server's side. docs/apps.md says what was found.
import { suite } from '../support/harness.mjs';
import { jupyter } from './apps/jupyter.mjs';
import { nginx } from './apps/nginx.mjs';
import { novnc } from './apps/novnc.mjs';
import { useBy } from './apps/opener.mjs';
import { syncthing } from './apps/syncthing.mjs';
import { transmission } from './apps/transmission.mjs';

const apps = [nginx, transmission, syncthing, jupyter, novnc];
/** By which ways: all must work. */
const by = ['connect', 'sw', 'file'];

suite('apps', (test) => {
  for (const app of apps) {
    const { title, needs, seconds = 120 } = app;
    for (const way of by) {
      test(`${title} (${way})`, { needs: ['owndir', 'chromium', ...needs], seconds, lane: 'apps' }, async (t) => {
        await useBy(t, app, await app.start(t), way);
      });
    }
  }
});
