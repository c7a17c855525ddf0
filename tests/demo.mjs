// demo.mjs [--check] [--watcher-delay S]: the main job to try, or to prove unattended. A sample folder, a real Syncthing
// pair on loopback with homes of its own, `owndir serve` on one copy, the page of the other copy. Everything lies in one
// temporary directory and ends with this program.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { openBrowser, openPage } from './support/chromium.mjs';
import { chooseDirectory, openDisplay, windowSwitches } from './support/display.mjs';
import { Context, until } from './support/harness.mjs';
import { whyNot } from './support/needs.mjs';
import { serve } from './support/owndir.mjs';
import { clickChooseFolder, connected, hasFolder, readInPage, whatThePageSays } from './support/page.mjs';
import { Child, capture } from './support/processes.mjs';
import { homeOnly, makeSample } from './support/sample.mjs';
import { syncthingPair } from './support/syncthing.mjs';

const { values } = parseArgs({ options: { check: { type: 'boolean' }, 'watcher-delay': { type: 'string', default: '1' } } });
const watcherDelay = Number(values['watcher-delay']);

async function bothCopies(t) {
  const home = join(t.directory, 'home');
  const elsewhere = join(t.directory, 'elsewhere');
  makeSample(home, { withHomeOnly: true });
  mkdirSync(elsewhere);
  t.step('a sample folder is there');
  await syncthingPair(t, { home, away: elsewhere, watcherDelay });
  t.step(`two Syncthings share it (watcher delay ${watcherDelay} s)`);
  const server = await serve(t, home);
  t.step('owndir serve runs on the home copy');
  const launcher = join(elsewhere, 'owndir.html');
  const complete = () => existsSync(launcher) && existsSync(join(elsewhere, '.owndir/.dist/index.html')) && existsSync(join(elsewhere, '.owndir/.wrtc-proxy'));
  await until(complete, { seconds: 120, what: 'the page in the other copy' });
  t.step('the page has arrived in the other copy');
  return { home, elsewhere, server, launcher };
}

async function openForPerson(t, address) {
  if (!process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) return false;
  const asRoot = process.getuid?.() === 0;
  if (!asRoot && (await capture(['sh', '-c', 'command -v xdg-open'])).code === 0) {
    return (await capture(['xdg-open', address])).code === 0;
  }
  const browser = new Child(['chromium', `--user-data-dir=${join(t.directory, 'profile')}`, '--no-first-run', ...(asRoot ? ['--no-sandbox'] : []), address]);
  t.defer(() => browser.stop());
  return true;
}

async function show(t) {
  const { home, elsewhere, server, launcher } = await bothCopies(t);
  const address = pathToFileURL(launcher).href;
  const opened = await openForPerson(t, address);
  console.log(`
  At home       ${home}
                ${server.url}
  Elsewhere     ${elsewhere}
  The page      ${launcher}

${opened ? 'Your browser shows the page.' : 'There is no display here: open the page in a browser on this machine (Chromium, Chrome, Edge, …).'}
Give it the folder  ${elsewhere}  when it asks. The sync carries its offer home and the answer back;
then it shows the home folder, with "${homeOnly.path}", which the sync never brings.

Ctrl-C ends everything and removes both folders.`);
  await new Promise((resolve) => {
    process.removeAllListeners('SIGINT').once('SIGINT', resolve);
    process.removeAllListeners('SIGTERM').once('SIGTERM', resolve);
    void server.ended.then((code) => {
      console.error(`owndir serve ended (${code}):\n${server.tail()}`);
      process.exitCode = 1;
      resolve();
    });
  });
  console.log('\nEnding …');
}

async function check(t) {
  const lacking = (await Promise.all(['owndir', 'chromium', 'display', 'syncthing'].map(whyNot))).filter(Boolean);
  if (lacking.length > 0) throw new Error(lacking.join('; '));
  const { elsewhere, launcher, server } = await bothCopies(t);
  if (existsSync(join(elsewhere, homeOnly.path))) throw new Error(`the sync brought ${homeOnly.path}, which it must ignore`);
  const display = await openDisplay(t);
  const context = await openBrowser(t, { headless: false, env: display.env, more: windowSwitches, viewport: null });
  const page = await openPage(t, context, launcher);
  t.step('Chromium shows the page from disk');
  const picture = (name) => page.screenshot({ path: t.artefact(`${name}.png`) });
  try {
    await clickChooseFolder(page);
    await chooseDirectory(display, elsewhere, () => hasFolder(page));
    t.step('the folder is chosen in the real dialog and the real prompt is answered');
    await picture('1-waiting');
    await connected(page, { seconds: 6 * watcherDelay + 60 });
    t.step('connected: the offer went through the sync, the answer came back');
    await picture('2-connected');
    const text = await readInPage(page, homeOnly.path);
    await picture('3-read');
    if (text !== homeOnly.text) throw new Error(`the page shows "${text}" for ${homeOnly.path}`);
    t.step(`the page shows "${homeOnly.path}", which exists only at home`);
  } catch (error) {
    await picture('failed').catch(() => {});
    throw new Error(`${error.message}\nThe page says:\n${await whatThePageSays(page)}\nHome says:\n${server.tail(12)}\n${t.lines.slice(-15).join('\n')}`);
  }
  console.log(`Pictures are in test-artefacts/demo/.`);
}

const context = new Context({ suite: 'demo', title: 'demo' }, true);
try {
  await (values.check ? check : show)(context);
} catch (error) {
  console.error(`./dev demo: ${error.message}`);
  process.exitCode = 1;
}
await context.end();
process.exit();
