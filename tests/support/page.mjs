// The page as a person uses it: buttons by their words, the steps as they are shown, files by walking through the folder.
import { dropDirectory } from './chromium.mjs';

/** Gives the page the folder by dropping it, as from a file manager. */
export async function chooseFolder(page, folder) {
  await page.getByRole('button', { name: 'Choose folder…' }).waitFor();
  await dropDirectory(page, folder);
}

export const clickChooseFolder = (page) => page.getByRole('button', { name: 'Choose folder…' }).click();

/** The page has a folder and shows what it does with it. */
export const hasFolder = (page) => page.evaluate(() => document.querySelector('.steps [data-step]') !== null);

const listing = (page) => page.locator('.explorer .listing, .explorer .preview').first();

/** Resolves when the page shows the home folder. */
export const connected = (page, { seconds = 30 } = {}) => listing(page).waitFor({ timeout: seconds * 1000 });

/** Resolves when the channel is up again, after the folder was shown once. */
export const connectedAgain = (page, { seconds = 60 } = {}) =>
  page.locator('html[data-phase=connected]').waitFor({ state: 'attached', timeout: seconds * 1000 });

/** Resolves when a step ('folder', 'servers', 'offer', 'sync', 'connect') has that status. */
export const step = (page, id, status, { seconds = 20 } = {}) =>
  page.locator(`.steps [data-step=${id}][data-status=${status}]`).waitFor({ timeout: seconds * 1000 });

/** The headline of what stands in the way. */
export async function problem(page, { seconds = 20 } = {}) {
  const title = page.locator('.problem h2');
  await title.waitFor({ timeout: seconds * 1000 });
  return title.innerText();
}

export const whatThePageSays = (page) =>
  page.evaluate(() => document.body.innerText.replace(/\n{2,}/g, '\n').slice(0, 1500)).catch(String);

const entry = (page, name) => page.locator('.listing tbody tr').filter({ has: page.locator('.name').getByText(name, { exact: true }) }).locator('a');

/** Opens a file or directory by clicking through the listings from the root, as a person does. */
export async function walkTo(page, path) {
  await page.locator('.crumbs li').first().waitFor();
  const home = page.locator('.crumbs li').first().locator('a');
  if (await home.count()) await home.click();
  for (const name of path.split('/')) await entry(page, name).click();
}

/** What the page shows of a text file. */
export async function readInPage(page, path) {
  await walkTo(page, path);
  const shown = page.locator('.preview pre');
  await shown.waitFor();
  return shown.evaluate((element) => element.textContent);
}
