// Folder apps as a person uses them: the examples, in a folder of the test's own, opened over http, from disk and over the
// channel.
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBrowser, openPage, watch } from './chromium.mjs';
import { until } from './harness.mjs';
import { serve } from './owndir.mjs';
import { handshakeDirectory, pageOf, root } from './paths.mjs';

/** A copy of examples/NAME. */
export function exampleFolder(t, name, { at = join(t.directory, name) } = {}) {
  cpSync(join(root, 'examples', name), at, { recursive: true, filter: (path) => !/\/(\.dist|\.wrtc-proxy)(\/|$)/.test(path) });
  return at;
}

/** Serves the folder and its app; resolves when the built page is published. */
export async function serveApp(t, folder, { args = [], ...options } = {}) {
  const server = await serve(t, folder, { args: ['--trust', ...args], ...options });
  await published(folder, server);
  return server;
}

const builtPage = (folder) => existsSync(pageOf(folder)) && /\bOWNDIR_SITE\b/.test(readFileSync(pageOf(folder), 'utf8'));

/** The page of the folder's own app is there, with all that it loads. */
export async function published(folder, server, { seconds = 90 } = {}) {
  await until(
    () => {
      const failed = server?.events.find(({ event }) => event === 'failed');
      if (failed) throw new Error(`the app cannot be built: ${failed.text}`);
      if (!builtPage(folder) || !existsSync(handshakeDirectory(folder))) return false;
      const html = readFileSync(pageOf(folder), 'utf8');
      const wanted = [...html.matchAll(/(?:src|href)="\.\/([^"?#]+\.(?:js|css))"/g)].map(([, name]) => name);
      return wanted.every((name) => existsSync(join(folder, '.owndir/.dist', name)));
    },
    { seconds, every: 100, what: `the built app in ${folder}` },
  ).catch((error) => {
    throw new Error(`${error.message}\nHome says: ${server?.tail(12) ?? ''}`);
  });
}

/** The page on the server's own origin, signed in by the printed link. */
export async function openHosted(t, server, { browser = {}, path = '' } = {}) {
  const context = await openBrowser(t, browser);
  const page = context.pages()[0] ?? (await context.newPage());
  watch(t, page);
  t.pages = [...(t.pages ?? []), page];
  await page.goto(server.url);
  if (path !== '') await page.goto(new URL(path, page.url()).href);
  return page;
}

/** The page from the folder itself, on file://. */
export async function openFromDisk(t, folder, { browser = {}, file = pageOf(folder), fragment = '' } = {}) {
  const context = await openBrowser(t, { directories: [folder], ...browser });
  const page = await openPage(t, context, file, { fragment });
  t.pages = [...(t.pages ?? []), page];
  return page;
}

/** Resolves when the folder is read from there: "none", "disk" or "live". */
export const mode = (page, wanted, { seconds = 40 } = {}) =>
  page.waitForFunction((value) => document.documentElement.dataset.owndirMode === value, wanted, { timeout: seconds * 1000 }).catch(async (error) => {
    throw new Error(`not ${wanted}: ${await status(page)}; ${error.message.split('\n')[0]}`);
  });

/** The words of the status, in the corner or where the app has put it. */
export const status = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll('owndir-status')].filter((element) => !element.hidden).map((element) => element.shadowRoot?.querySelector('.words')?.textContent ?? '').join(' | '),
  ).catch(String);

/** A mark that a reload would take away. */
export const markPage = (page) => page.evaluate(() => void (globalThis.notReloaded = true));
export const isMarked = (page) => page.evaluate(() => globalThis.notReloaded === true);

/** Runs the test; if it fails, keeps a picture of each page and its words. */
export const pictured = (body) => async (t) => {
  try {
    await body(t);
  } catch (error) {
    const name = t.test.title.replace(/[^a-z0-9]+/gi, '-').slice(0, 60);
    for (const [index, page] of (t.pages ?? []).entries()) {
      await page.screenshot({ path: t.artefact(`${name}-${index}.png`) }).catch(() => {});
      t.log(`status: ${await status(page)}; the page says: ${await page.evaluate(() => document.body.innerText.slice(0, 800)).catch(String)}`);
      t.log(`state: ${await page.evaluate(() => JSON.stringify(globalThis.owndir?.state?.())).catch(String)}`);
    }
    throw error;
  }
};

// ------------------------------------------------------------------------------------------- what each example must do

const fileText = (folder, path) => (existsSync(join(folder, path)) ? readFileSync(join(folder, path), 'utf8') : '');

export const openNote = async (page, name) => {
  await page.getByRole('treeitem', { name, exact: true }).click();
  await page.locator('.note[data-state=clean]').waitFor();
};

/** Types at the end of the open note. */
export async function typeInNote(page, text) {
  await page.getByLabel('Text of the note').click();
  await page.keyboard.press('Control+End');
  await page.keyboard.type(text);
}

/** `folder` is the copy that the page reads just now. */
export async function useNotes(page, folder, tag) {
  await openNote(page, 'Pancakes');
  await typeInNote(page, `\nWritten by ${tag}.`);
  await until(() => fileText(folder, 'Recipes/Pancakes.md').includes(`Written by ${tag}.`), { what: 'the edit in the file' });
  await page.locator('.note[data-state=clean]').waitFor();
  writeFileSync(join(folder, 'Recipes/Pancakes.md'), `# Changed by ${tag}\n\n- [ ] a task\n- [list](../Shopping.md)\n`);
  await page.getByRole('heading', { name: `Changed by ${tag}` }).waitFor();
  await page.getByLabel('a task').check();
  await until(() => fileText(folder, 'Recipes/Pancakes.md').includes('- [x] a task'), { what: 'the ticked box in the file' });
  await page.locator('.preview').getByRole('link', { name: 'list' }).click();
  await page.getByRole('heading', { name: 'Shopping' }).waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: `Changed by ${tag}` }).waitFor();
  writeFileSync(join(folder, `From outside ${tag}.md`), 'hello\n');
  await page.getByRole('treeitem', { name: `From outside ${tag}`, exact: true }).waitFor();
  await page.getByLabel('Find a note').fill(`Made by ${tag}`);
  await page.getByRole('button', { name: `Create “Made by ${tag}”` }).click();
  await page.getByLabel('Name of the note').and(page.locator(`[value="Made by ${tag}"]`)).waitFor();
  assert.ok(existsSync(join(folder, `Made by ${tag}.md`)), 'the new note is a file');
  await page.getByLabel('Name of the note').fill(`Renamed by ${tag}`);
  await page.keyboard.press('Enter');
  await until(() => existsSync(join(folder, `Renamed by ${tag}.md`)) && !existsSync(join(folder, `Made by ${tag}.md`)), { what: 'the renamed file' });
  await page.locator('.note[data-state=clean]').waitFor();
  page.once('dialog', (dialog) => void dialog.accept());
  await page.getByRole('button', { name: 'Delete this note' }).click();
  await until(() => !existsSync(join(folder, `Renamed by ${tag}.md`)), { what: 'the file to be gone' });
}

const picture = (page) => page.locator('.lightbox .media img:not(.small)');

export async function usePhotos(page, folder, tag) {
  await page.getByRole('link', { name: 'Photos' }).click();
  await page.locator('.grid [data-photo="Dusk.jpg"] .tile[data-shown]').waitFor();
  await page.locator('.albums a').filter({ hasText: 'Harbour' }).click();
  await page.locator('.grid [data-photo="Sea.jpg"] .tile[data-shown]').waitFor();
  await page.locator('.grid [data-photo="A boat leaves.webm"] .tile[data-shown]').waitFor();
  await page.getByLabel('Order').selectOption('name');
  await page.locator('.grid [data-photo="A boat leaves.webm"]').click();
  await page.waitForFunction(() => (document.querySelector('.lightbox video')?.readyState ?? 0) >= 2);
  await page.keyboard.press('ArrowRight');
  await picture(page).waitFor();
  assert.equal(await page.locator('.lightbox header .name').textContent(), 'Sea.jpg');
  await page.waitForFunction(() => document.querySelector('.lightbox .media img:not(.small)')?.naturalWidth === 960);
  await page.keyboard.press('End');
  await page.getByText('3 of 3').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.lightbox').waitFor({ state: 'detached' });
  cpSync(join(folder, 'Wood.jpg'), join(folder, `Harbour/${tag}.jpg`));
  await page.locator(`.grid [data-photo="${tag}.jpg"]`).waitFor();
  rmSync(join(folder, `Harbour/${tag}.jpg`));
  await page.locator(`.grid [data-photo="${tag}.jpg"]`).waitFor({ state: 'detached' });
  await page.locator('input[type=file]').setInputFiles({ name: 'added.jpg', mimeType: 'image/jpeg', buffer: readFileSync(join(folder, 'Dusk.jpg')) });
  await page.locator('.grid [data-photo="added.jpg"]').waitFor();
  assert.deepEqual(readFileSync(join(folder, 'Harbour/added.jpg')), readFileSync(join(folder, 'Dusk.jpg')));
  page.once('dialog', (dialog) => void dialog.accept());
  await page.locator('.grid [data-photo="added.jpg"]').click();
  await picture(page).waitFor();
  await page.keyboard.press('Delete');
  await until(() => !existsSync(join(folder, 'Harbour/added.jpg')), { what: 'the picture to be gone' });
  await page.keyboard.press('Escape');
  await page.locator('.lightbox').waitFor({ state: 'detached' });
}

/** Pages that are whole without the folder and without scripts, and taken over where there are some. */
export async function useSite(page) {
  await page.getByRole('button', { name: 'islands' }).click();
  await page.waitForFunction(() => document.querySelectorAll('.posts li').length === 1);
  await page.getByRole('link', { name: 'The last ferry' }).click();
  await page.getByRole('heading', { name: 'The last ferry' }).waitFor();
  await page.getByRole('link', { name: 'Journal' }).click();
  await page.waitForFunction(() => document.querySelectorAll('.posts li').length === 3);
}

export async function usePreactSite(page) {
  await page.getByRole('button', { name: 'soft' }).click();
  await page.getByText('4:30').waitFor();
  await page.getByRole('button', { name: 'Start' }).click();
  await page.getByRole('button', { name: 'Stop' }).waitFor();
  await page.getByText(/^[0-4]:[0-2]\d$/).waitFor(); // whichever second a busy machine sees first
}

export const uses = { notes: useNotes, photos: usePhotos, site: useSite, 'site-preact': usePreactSite };
/** Examples that do without the folder: nothing of the way to it is shown. */
export const isStatic = (name) => name.startsWith('site');
