// Syncthing's own web interface.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../support/harness.mjs';
import { syncthingAlone } from '../../support/syncthing.mjs';

async function alone(t) {
  const folder = join(t.directory, 'synced');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'first.txt'), 'one');
  return { folder, ...(await syncthingAlone(t, folder)) };
}

export const syncthing = {
  title: 'Syncthing shows what happens as it happens, and obeys',
  needs: ['syncthing'],
  start: alone,
  async use(t, { folder, origin, folderId, ask }, open, way) {
    const { page, frame } = await open({ name: 'syncthing', origin, isIt: () => document.querySelector('#folders .panel') !== null });
    const panel = frame.locator('#folders .panel').first();
    const heading = panel.locator('.panel-heading');
    await frame.evaluate(() => void (globalThis.notReloaded = true));

    // what happens at the server shows
    await ask('PATCH', `/rest/config/folders/${folderId}`, { label: `renamed for ${way}` });
    await heading.getByText(`renamed for ${way}`).waitFor();
    await heading.click();
    const files = panel.locator('tr').filter({ hasText: 'Local State' }).first().locator('td');
    await files.getByText(/^\s*1\s/).first().waitFor();
    writeFileSync(join(folder, 'second.txt'), 'two');
    await ask('POST', `/rest/db/scan?folder=${folderId}`);
    await files.getByText(/^\s*2\s/).first().waitFor();

    // what is clicked happens at the server, and comes back as an event
    await panel.getByRole('button', { name: 'Pause' }).click();
    await until(async () => (await ask('GET', `/rest/config/folders/${folderId}`)).paused, { what: 'Syncthing says that its folder is paused' });
    await heading.getByText('Paused').first().waitFor();
    await page.screenshot({ path: t.artefact(`syncthing-${way}.png`) });
    if (!(await frame.evaluate(() => globalThis.notReloaded))) throw new Error('the interface was loaded anew');
  },
};
