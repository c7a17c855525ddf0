// The page as a person uses it: words on buttons, not the inside of its scripts.
import { dropDirectory } from './chromium.mjs';

/** Gives the page the folder by dropping it, as from a file manager. */
export async function chooseFolder(page, folder) {
  await page.waitForLoadState('load');
  await dropDirectory(page, folder);
}

/** Resolves when the page shows the home folder. */
export async function connected(page, { seconds = 30 } = {}) {
  await page.waitForFunction(() => document.documentElement.dataset.state === 'connected', undefined, { timeout: seconds * 1000 });
}

export const whatThePageSays = (page) => page.evaluate(() => document.body.innerText.slice(0, 1500)).catch(String);

/** Opens a text file by walking the listing as a person does, and returns what is shown. */
export async function readInPage(page, path) {
  void path;
  throw new Error('later');
}
