// An app in a browser, by one of the ways (tests/conformance/ways.mjs).
import { documentIn, ways } from '../../conformance/ways.mjs';

/**
 * Opens the app by that way. `find(isIt)` gives a document of it that is there now or soon, in whichever tab; `again(isIt)` loads
 * the app anew.
 */
export const opener = (t, way, there) => async (app) => {
  const opened = await ways[way](t, app, there);
  const context = opened.page.context();
  const took = await opened.page.evaluate(() => globalThis.owndir?.state().steps.map(({ id, elapsed_ms }) => `${id} ${elapsed_ms} ms`).join(', '));
  if (took) t.step(`${way}: ${took}`);
  t.pictures = () => Promise.all(context.pages().map((page, at) => page.screenshot({ path: t.artefact(`failed-${app.name}-${way}-${at}.png`) }).catch(() => {})));
  const find = (isIt) => documentIn(() => context.pages(), isIt);
  const again = async (isIt) => {
    for (const page of context.pages()) if (page !== opened.page) await page.close();
    await opened.again(isIt);
    return find(isIt);
  };
  t.close = () => context.close();
  return { ...opened, find, again };
};

export async function useBy(t, app, running, way, there) {
  try {
    await app.use(t, running, opener(t, way, there), way);
    await t.close();
  } catch (error) {
    await t.pictures?.();
    throw error;
  }
}
