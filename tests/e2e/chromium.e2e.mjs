// Canaries: what the other suites assume of Chromium, so that a change there is told apart from a fault of ours.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dropDirectory, openBrowser, openPage } from '../support/chromium.mjs';
import { answerPrompts, chooseDirectory, openDisplay, windowSwitches } from '../support/display.mjs';
import { suite, until } from '../support/harness.mjs';

const html = `<!doctype html><title>canary</title><button id=pick>pick</button><script>
addEventListener('dragover', (event) => event.preventDefault());
addEventListener('drop', async (event) => {
  event.preventDefault();
  globalThis.handle = await event.dataTransfer.items[0].getAsFileSystemHandle();
});
pick.onclick = async () => { try { globalThis.handle = await showDirectoryPicker({ mode: 'readwrite' }); globalThis.picked = true; } catch (error) { globalThis.picked = String(error); } };
</script>`;

function pageAndFolder(t) {
  const folder = join(t.directory, 'folder');
  mkdirSync(folder);
  const file = join(t.directory, 'canary.html');
  writeFileSync(file, html);
  return { folder, file };
}

const permission = (page) => page.evaluate(() => globalThis.handle.queryPermission({ mode: 'readwrite' }));

async function writeThrough(page, folder) {
  await page.evaluate(async () => {
    const out = await (await globalThis.handle.getFileHandle('written.txt', { create: true })).createWritable();
    await out.write('by the page');
    await out.close();
  });
  assert.equal(readFileSync(join(folder, 'written.txt'), 'utf8'), 'by the page');
}

suite('chromium', (test) => {
  test('a prepared profile grants a dropped directory without a prompt', { needs: ['chromium'] }, async (t) => {
    const { folder, file } = pageAndFolder(t);
    const page = await openPage(t, await openBrowser(t, { directories: [folder] }), file);
    await dropDirectory(page, folder);
    await page.waitForFunction(() => globalThis.handle);
    assert.equal(await permission(page), 'granted');
    await writeThrough(page, folder);
  });

  test('an unprepared profile would ask', { needs: ['chromium'] }, async (t) => {
    const { folder, file } = pageAndFolder(t);
    const page = await openPage(t, await openBrowser(t), file);
    await dropDirectory(page, folder);
    await page.waitForFunction(() => globalThis.handle);
    assert.equal(await permission(page), 'prompt');
  });

  test('the real directory dialog and the real prompt can be answered', { needs: ['chromium', 'display'], lane: 'display' }, async (t) => {
    const { folder, file } = pageAndFolder(t);
    const display = await openDisplay(t);
    const context = await openBrowser(t, { headless: false, env: display.env, more: windowSwitches, viewport: null });
    const page = await openPage(t, context, file);
    await page.click('#pick');
    await chooseDirectory(display, folder, () => page.evaluate(() => globalThis.picked === true));
    assert.equal(await permission(page), 'granted');
    await writeThrough(page, folder);
  });

  test('a remembered directory asks again after a restart, once', { needs: ['chromium', 'display'], lane: 'display' }, async (t) => {
    const { folder, file } = pageAndFolder(t);
    const display = await openDisplay(t);
    const context = await openBrowser(t, { headless: false, env: display.env, more: windowSwitches, viewport: null });
    const page = await openPage(t, context, file);
    await dropDirectory(page, folder);
    await page.waitForFunction(() => globalThis.handle);
    assert.equal(await permission(page), 'prompt');
    const answered = page.evaluate(() => globalThis.handle.requestPermission({ mode: 'readwrite' }));
    await answerPrompts(display, async () => (await permission(page)) === 'granted');
    assert.equal(await answered, 'granted');
    await until(async () => (await permission(page)) === 'granted', { what: 'the permission' });
  });
});
