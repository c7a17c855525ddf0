// Folder apps, whole: the examples over http, from disk and over the channel; and the notes on a real Syncthing pair.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exampleFolder, isMarked, isStatic, markPage, mode, openFromDisk, openHosted, openNote, pictured, published, serveApp, status, typeInNote, uses } from '../support/app.mjs';
import { suite, until } from '../support/harness.mjs';
import { chooseFolder } from '../support/page.mjs';
import { pageOf } from '../support/paths.mjs';
import { syncthingPair } from '../support/syncthing.mjs';

const needs = ['owndir', 'chromium'];
const text = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

suite('app', (define) => {
  const test = (title, options, body) => define(title, { needs, seconds: 240, lane: 'app', ...options }, pictured(body));

  for (const [name, use] of Object.entries(uses)) {
    test(`${name} works over http, signed in by the printed link`, {}, async (t) => {
      const folder = exampleFolder(t, name);
      const server = await serveApp(t, folder);
      const page = await openHosted(t, server);
      if (!isStatic(name)) await mode(page, 'live');
      await use(page, folder, 'http');
      await page.screenshot({ path: t.artefact(`${name}-http.png`) });
    });

    test(`${name} works from disk with no server, and over the channel when there is one`, {}, async (t) => {
      const folder = exampleFolder(t, name);
      const first = await serveApp(t, folder);
      await first.stop();
      const page = await openFromDisk(t, folder);
      if (isStatic(name)) return use(page, folder, 'disk');
      await chooseFolder(page, folder);
      await mode(page, 'disk');
      await use(page, folder, 'disk');
      await markPage(page);
      await serveApp(t, folder);
      await mode(page, 'live', { seconds: 60 });
      await use(page, folder, 'channel');
      assert.ok(await isMarked(page), 'the page was not reloaded on the way');
      await page.screenshot({ path: t.artefact(`${name}-channel.png`) });
    });
  }

  test('a page without scripts is the whole text', {}, async (t) => {
    const folder = exampleFolder(t, 'site');
    const server = await serveApp(t, folder);
    await server.stop();
    const page = await openFromDisk(t, folder, { browser: { javaScript: false } });
    await page.getByRole('link', { name: 'The last ferry' }).click();
    await page.getByText('There is one boat').waitFor();
    await page.getByRole('link', { name: 'Journal' }).click();
    await page.getByText('Two flat days upstream').waitFor();
  });

  test('changed code is built, and the open page loads it by itself', {}, async (t) => {
    const folder = exampleFolder(t, 'notes');
    const server = await serveApp(t, folder);
    const page = await openHosted(t, server);
    await mode(page, 'live');
    const fromDisk = await openFromDisk(t, folder);
    await chooseFolder(fromDisk, folder);
    await mode(fromDisk, 'live');
    const file = join(folder, '.owndir/index.jsx');
    writeFileSync(file, readFileSync(file, 'utf8').replace("title: 'Notes'", "title: 'Notebook'"));
    for (const each of [page, fromDisk]) await each.getByRole('link', { name: 'Notebook' }).waitFor({ timeout: 60_000 });
    writeFileSync(file, readFileSync(file, 'utf8').replace('frame() {', 'frame( {'));
    await page.getByText('could not be built').waitFor({ timeout: 60_000 });
    await page.getByRole('link', { name: 'Notebook' }).waitFor();
  });

  test('a server that goes away is missed, and found again', {}, async (t) => {
    const folder = exampleFolder(t, 'notes');
    const server = await serveApp(t, folder);
    const page = await openHosted(t, server);
    await mode(page, 'live');
    await server.stop({ signal: 'SIGKILL' });
    await mode(page, 'none');
    await until(async () => (await status(page)) === 'Server away', { what: 'the page to say so' });
    await markPage(page);
    const next = await serveApp(t, folder, { port: server.port });
    await mode(page, 'live');
    await next.stop();
    await mode(page, 'none');
    // A server with another state directory knows no session: one click on its link in any tab signs the browser in.
    const stranger = await serveApp(t, folder, { port: server.port, state: join(t.directory, 'state-other') });
    await until(async () => (await status(page)) === 'Not signed in', { what: 'the page to say so' });
    await (await page.context().newPage()).goto(stranger.url);
    await mode(page, 'live');
    assert.ok(await isMarked(page), 'the page was not reloaded');
  });

  test('on a real Syncthing pair: from disk, live, without the server, live again', { needs: [...needs, 'syncthing'], seconds: 300, lane: 'syncthing' }, async (t) => {
    const home = exampleFolder(t, 'notes', { at: join(t.directory, 'home') });
    const away = join(t.directory, 'away');
    mkdirSync(away);
    mkdirSync(join(home, 'Only at home'));
    writeFileSync(join(home, 'Only at home/Secret.md'), '# A secret\n');
    writeFileSync(join(home, '.stignore'), 'Only at home\n');
    await syncthingPair(t, { home, away, watcherDelay: 1 });
    const first = await serveApp(t, home);
    await published(away, first, { seconds: 120 });
    await first.stop();
    t.step('the app has arrived in the other copy; the server is stopped');

    const page = await openFromDisk(t, away, { file: pageOf(away) });
    await chooseFolder(page, away);
    await openNote(page, 'Pancakes');
    assert.equal(await page.evaluate(() => globalThis.owndir.mode), 'disk');
    await page.getByText('Whisk 3 eggs').last().waitFor();
    assert.equal(await page.getByRole('treeitem', { name: 'Secret' }).count(), 0);
    await page.screenshot({ path: t.artefact('from-disk.png') });
    t.step('the synced notes are shown from disk before any connection');
    await markPage(page);

    const second = await serveApp(t, home);
    await mode(page, 'live', { seconds: 90 });
    await openNote(page, 'Secret');
    t.step('live: a note that never left home is shown');

    await typeInNote(page, '\nWritten far away.');
    const secret = join(home, 'Only at home/Secret.md');
    await until(() => text(secret).includes('Written far away.'), { what: 'the edit at home' });
    await page.locator('.note[data-state=clean]').waitFor();
    t.step('an edit in the page has changed the file at home');
    const edited = Date.now();
    writeFileSync(secret, '# Changed at home\n');
    await page.getByRole('heading', { name: 'Changed at home' }).waitFor({ timeout: 10_000 });
    t.step(`an edit at home was in the page after ${Date.now() - edited} ms`);
    await page.screenshot({ path: t.artefact('live.png') });

    await second.stop({ signal: 'SIGKILL' });
    await mode(page, 'disk', { seconds: 90 });
    assert.match(await status(page), /^From disk · /);
    await page.getByRole('treeitem', { name: 'Secret' }).waitFor({ state: 'detached' });
    await openNote(page, 'Pancakes');
    await page.getByText('Whisk 3 eggs').last().waitFor();
    await page.screenshot({ path: t.artefact('lost.png') });
    t.step(`the server was killed; the page says “${await status(page)}” and reads from disk`);

    await serveApp(t, home);
    await mode(page, 'live', { seconds: 90 });
    await openNote(page, 'Secret');
    await page.getByRole('heading', { name: 'Changed at home' }).waitFor();
    assert.ok(await isMarked(page), 'the page was not reloaded');
    t.step('the server is back: live again without a reload');
  });
});
