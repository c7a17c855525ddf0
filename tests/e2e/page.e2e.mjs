// The page in real Chromium: every way in, every dead end, and what happens when something breaks on the way.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, watch as watchDirectory, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openBrowser, openPage, openPlainBrowser } from '../support/chromium.mjs';
import { Courier } from '../support/courier.mjs';
import { openDisplay, windowSwitches } from '../support/display.mjs';
import { oneFolder, twoCopies, waitForPage } from '../support/folders.mjs';
import { suite, until } from '../support/harness.mjs';
import { connect, serve } from '../support/owndir.mjs';
import { chooseFolder, connected, connectedAgain, problem, readInPage, step, walkTo, whatThePageSays } from '../support/page.mjs';
import { handshakeDirectory, pageOf } from '../support/paths.mjs';
import { homeOnly } from '../support/sample.mjs';

const needs = ['owndir', 'chromium'];

/** A served folder and a page of it that has the folder. Both ends work on one copy: a sync that takes no time. */
async function livePage(t, { browser = {}, prepare } = {}) {
  const { home } = oneFolder(t);
  const server = await serve(t, home);
  await waitForPage(home, home).catch(() => {});
  const context = await openBrowser(t, { directories: [home], ...browser });
  if (prepare) await prepare(context);
  const page = await openPage(t, context, pageOf(home));
  return { home, server, context, page };
}

async function connectedPage(t, options) {
  const live = await livePage(t, options);
  await chooseFolder(live.page, live.home);
  await connected(live.page);
  return live;
}

/** Runs the test; if it fails, keeps a picture and the page's words. */
const pictured = (body) => async (t) => {
  try {
    await body(t);
  } catch (error) {
    const name = t.test.title.replace(/[^a-z0-9]+/gi, '-').slice(0, 60);
    for (const [index, page] of (t.pages ?? []).entries()) {
      await page.screenshot({ path: t.artefact(`${name}-${index}.png`) }).catch(() => {});
      t.log(`the page says: ${await whatThePageSays(page)}`);
    }
    throw error;
  }
};

suite('page', (define) => {
  let lane = 0;
  const test = (title, options, body) => define(title, { needs, seconds: 90, lane: `page${lane++ % 2}`, ...options }, pictured(body));

  test('a dropped folder leads to the home folder, its pictures, sounds and odd names', {}, async (t) => {
    const { page } = await connectedPage(t);
    assert.equal(await readInPage(page, homeOnly.path), homeOnly.text);
    assert.match(await readInPage(page, 'Notes/Recipes/Grüße & Küsse #1 50%.txt'), /escape/);
    await walkTo(page, 'Pictures/dusk.png');
    await page.waitForFunction(() => document.querySelector('.preview img')?.naturalWidth === 480);
    await walkTo(page, 'Music/three notes.wav');
    await page.waitForFunction(() => document.querySelector('.preview audio')?.readyState >= 1);
    await page.screenshot({ path: t.artefact('audio.png') });
  });

  test('the folder is called as it is at home, whatever the copy here is called', {}, async (t) => {
    const { home, away } = twoCopies(t);
    await serve(t, home);
    await waitForPage(home, away);
    new Courier(t, { home, away });
    const page = await openPage(t, await openBrowser(t, { directories: [away] }), pageOf(away));
    t.pages = [page];
    await chooseFolder(page, away);
    await connected(page);
    await page.locator('.crumbs').getByText('home', { exact: true }).waitFor();
    assert.equal(await page.locator('.brand').innerText(), 'home');
    assert.equal(await page.title(), 'home');
  });

  test('back, forward, a bookmark and a reload lead to the same place', {}, async (t) => {
    const { page, home } = await connectedPage(t);
    await walkTo(page, 'Notes/Garden.md');
    await page.locator('.preview').waitFor();
    await page.goBack();
    await page.locator('.listing').getByText('Garden.md').waitFor();
    await page.goForward();
    await page.locator('.preview').waitFor();
    const bookmark = page.url();
    assert.ok(bookmark.endsWith('#/Notes/Garden.md'), bookmark);
    await page.reload();
    await page.locator('.preview').getByText('Garden.md').waitFor(); // the folder is remembered and permitted
    await page.goto('about:blank');
    await page.goto(bookmark);
    await page.locator('.preview').getByText('Garden.md').waitFor();
    await page.goto(pathToFileURL(pageOf(home)).href);
    await connected(page);
  });

  test('a folder without .owndir is called the wrong one', {}, async (t) => {
    const wrong = join(t.directory, 'somewhere else');
    mkdirSync(wrong);
    const { page } = await livePage(t, { browser: { directories: [wrong] } });
    await chooseFolder(page, wrong);
    assert.match(await problem(page), /“somewhere else” is not the synced folder/);
  });

  test('where no server has ever been the page says so, and goes on when one comes', {}, async (t) => {
    const { home, server, page } = await livePage(t);
    await server.stop();
    for (const name of readdirSync(handshakeDirectory(home))) rmSync(join(handshakeDirectory(home), name));
    await chooseFolder(page, home);
    assert.match(await problem(page), /No server has ever been here/);
    await serve(t, home);
    await connected(page, { seconds: 45 });
  });

  test('a stopped server is said to be stopped, and the offer waits for it', {}, async (t) => {
    const { home, server, page } = await livePage(t);
    assert.equal(await server.stop(), 0);
    await chooseFolder(page, home);
    await step(page, 'sync', 'active');
    assert.match(await whatThePageSays(page), /was stopped/);
    await serve(t, home);
    await connected(page, { seconds: 45 });
  });

  test('a server not seen for hours is said not to have been seen', {}, async (t) => {
    const { home, server, page } = await livePage(t);
    await server.stop({ signal: 'SIGKILL' });
    const directory = handshakeDirectory(home);
    const name = readdirSync(directory).find((each) => each.startsWith('server-'));
    const record = JSON.parse(readFileSync(join(directory, name), 'utf8'));
    const created = Date.now() - 5 * 3600_000;
    rmSync(join(directory, name));
    writeFileSync(join(directory, `server-${record.server}-${created}.json`), JSON.stringify({ ...record, created, state: 'up' }));
    await chooseFolder(page, home);
    await step(page, 'sync', 'active');
    assert.match(await whatThePageSays(page), /has not been seen since/);
  });

  test('no permission is a problem with a way out', {}, async (t) => {
    const { home, page } = await livePage(t, { browser: { directories: [] }, prepare: (context) =>
      context.addInitScript(() => { FileSystemHandle.prototype.requestPermission = async () => 'denied'; }) });
    await chooseFolder(page, home);
    assert.match(await problem(page), /may not use “home”/);
  });

  test('without a network path the page says what was tried', { seconds: 150 }, async (t) => {
    const { home, page } = await livePage(t, { prepare: (context) => context.addInitScript(() => {
      const original = RTCPeerConnection.prototype.setRemoteDescription;
      RTCPeerConnection.prototype.setRemoteDescription = function (description) {
        const sdp = description.sdp.replace(/^a=candidate:.*\r\n/gm, '') + 'a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n';
        return original.call(this, { type: description.type, sdp });
      };
    }) });
    await chooseFolder(page, home);
    assert.match(await problem(page, { seconds: 90 }), /No network path to the server/);
    assert.match(await whatThePageSays(page), /Tried/);
  });

  test('when the server is killed the page says so, and reconnects to the next one', { seconds: 150 }, async (t) => {
    const { home, server, page } = await connectedPage(t);
    await server.stop({ signal: 'SIGKILL' });
    await page.getByText(/connection is lost/i).first().waitFor({ timeout: 60_000 });
    await page.screenshot({ path: t.artefact('lost.png') });
    await serve(t, home);
    await connectedAgain(page);
    assert.equal(await readInPage(page, homeOnly.path), homeOnly.text);
  });

  test('when the server stops the page knows at once', {}, async (t) => {
    const { server, page } = await connectedPage(t);
    assert.equal(await server.stop(), 0);
    await page.getByText(/connection is lost/i).first().waitFor({ timeout: 10_000 });
  });

  test('two pages and their reconnects do not get into each other’s way', { seconds: 120 }, async (t) => {
    const first = await connectedPage(t);
    const context = await openBrowser(t, { directories: [first.home] });
    const second = await openPage(t, context, pageOf(first.home));
    t.pages = [first.page, second];
    await chooseFolder(second, first.home);
    await connected(second);
    await second.reload();
    const [one, two] = await Promise.all([readInPage(first.page, homeOnly.path), connected(second).then(() => readInPage(second, homeOnly.path))]);
    assert.deepEqual([one, two], [homeOnly.text, homeOnly.text]);
  });

  test('a browser without folder access carries the two files by download and paste', {}, async (t) => {
    const { home, page } = await livePage(t, { prepare: (context) => context.addInitScript(() => {
      delete globalThis.showDirectoryPicker;
      delete DataTransferItem.prototype.getAsFileSystemHandle;
    }) });
    const directory = handshakeDirectory(home);
    const record = readdirSync(directory).find((name) => name.startsWith('server-'));
    await page.getByLabel('Text of the server’s record').fill(readFileSync(join(directory, record), 'utf8'));
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save the offer file' }).click();
    const offer = await download;
    assert.match(offer.suggestedFilename(), /^offer-[0-9a-f]{16}-[0-9a-f]{16}\.json$/);
    await offer.saveAs(join(directory, offer.suggestedFilename()));
    const prefix = offer.suggestedFilename().replace(/^offer/, 'answer').replace(/\.json$/, '-');
    const answer = await until(() => readdirSync(directory).find((name) => name.startsWith(prefix)), { what: 'the answer' });
    await page.getByLabel('Text of the answer').fill(readFileSync(join(directory, answer), 'utf8'));
    await connected(page);
    assert.equal(await readInPage(page, homeOnly.path), homeOnly.text);
  });

  test('who carries the files by choice is not told that the browser cannot', {}, async (t) => {
    const { page } = await livePage(t);
    await page.getByRole('button', { name: 'Carry the two files by hand' }).click();
    await page.getByText('You carry two small files yourself').waitFor();
    assert.doesNotMatch(await page.evaluate(() => document.body.innerText), /gives pages no access/);
  });

  test('the local pages say whose folder they show, and what cannot be had', {}, async (t) => {
    const { home } = oneFolder(t);
    symlinkSync('/etc/passwd', join(home, 'outside'));
    const server = await serve(t, home, { args: ['--name', 'Küche'] });
    const context = await openBrowser(t, {});
    const page = await context.newPage();
    t.pages = [page];
    const errors = [];
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    await page.goto(`http://127.0.0.1:${server.port}/`);
    await page.getByText('On this computer').waitFor();
    await page.getByText('cannot be opened: it leads out of the folder').waitFor();
    assert.deepEqual(errors, []);
    await page.goto(`http://127.0.0.1:${server.port}/Notes/nothing.txt`);
    await page.getByRole('heading', { name: 'There is nothing here' }).waitFor();
    await page.getByRole('link', { name: 'Up to Notes' }).click();
    await page.getByText('Recipes', { exact: true }).waitFor();
    await page.goto(`http://127.0.0.1:${server.port}/outside`);
    await page.getByText('a link that leads out of the folder').waitFor();
    const client = await connect(t, home);
    await client.event('connected', { seconds: 30 });
    await page.goto(`http://127.0.0.1:${client.port}/`);
    await page.getByText('On “Küche”').waitFor();
    assert.equal(await page.getByText('On this computer').count(), 0);
  });

  test('honest clients are answered at once among 10,000 junk records', { seconds: 150 }, async (t) => {
    const { home, server, page } = await livePage(t);
    const directory = handshakeDirectory(home);
    const seen = new Map(); // when each honest offer and answer came into the directory
    const watcher = watchDirectory(directory, (_, name) => {
      const [, kind, client] = /^(offer|answer)-([0-9a-f]{16})-[0-9a-f]{16}(-[0-9a-f]{16}-\d+)?\.json$/.exec(name ?? '') ?? [];
      if (kind && !client.startsWith('000000000000')) seen.set(kind, seen.get(kind) ?? Date.now());
    });
    t.defer(() => watcher.close());
    const hex = (number) => number.toString(16).padStart(16, '0');
    for (let i = 0; i < 10_000; i++) {
      const name = i % 3 === 0 ? `offer-${hex(i)}-${hex(i)}.json` : i % 3 === 1 ? `offer-${hex(i)}-${hex(i)}.sync-conflict-20260101-000000-ABCDEFG.json` : `junk-${i}`;
      const valid = { v: 1, type: 'offer', client: hex(i), offer: hex(i), nonce: hex(i), created: 1, valid_s: 600, name: 'junk', sdp: 'v=0\r\n' };
      writeFileSync(join(directory, name), i % 2 === 0 ? '{"v":1' : JSON.stringify(valid));
    }
    const native = await connect(t, home);
    const { at } = await native.event('connected', { seconds: 60 });
    t.log(`native: answered ${seen.get('answer') - seen.get('offer')} ms, connected ${at - seen.get('offer')} ms after the offer`);
    assert.ok(seen.has('answer'), 'the native client was answered'); // the time is logged: within 2 s on a machine with nothing else to do
    seen.clear();
    await chooseFolder(page, home);
    await connected(page, { seconds: 60 });
    t.log(`page: answered ${seen.get('answer') - seen.get('offer')} ms after the offer`);
    assert.ok(seen.has('answer'), 'the page was answered');
    assert.equal(server.code, undefined, 'the server is still there');
  });

  test('killing the server in mid-transfer ends the transfer with an error, not with half a file', { seconds: 120 }, async (t) => {
    const { home, server, page } = await connectedPage(t);
    writeFileSync(join(home, 'large.bin'), Buffer.alloc(400 << 20, 7));
    await page.reload();
    await connected(page);
    await walkTo(page, 'large.bin');
    const button = page.getByRole('button', { name: 'Download' }).first();
    await button.waitFor();
    await page.evaluate(() => { delete globalThis.showSaveFilePicker; });
    await button.click();
    await until(() => page.evaluate(() => /MB of|MiB of/.test(document.body.innerText)), { seconds: 20, what: 'the transfer to move' });
    await server.stop({ signal: 'SIGKILL' });
    await page.getByText(/connection is lost|broke off|was lost|interrupted|incomplete/i).first().waitFor({ timeout: 60_000 });
    await serve(t, home);
    await connectedAgain(page);
    assert.equal(await readInPage(page, homeOnly.path), homeOnly.text);
  });

  test('folders open while a large file is on its way', { seconds: 120 }, async (t) => {
    const { home, page } = await connectedPage(t);
    writeFileSync(join(home, 'large.bin'), Buffer.alloc(200 << 20, 7));
    await page.reload();
    await connected(page);
    await walkTo(page, 'large.bin');
    await page.evaluate(() => { delete globalThis.showSaveFilePicker; });
    await page.getByRole('button', { name: 'Download' }).first().click();
    const underWay = () => page.evaluate(() => /MB of|MiB of/.test(document.querySelector('.transfers').innerText));
    await until(underWay, { seconds: 20, what: 'the transfer to move' });
    const before = Date.now();
    assert.equal(await readInPage(page, homeOnly.path), homeOnly.text);
    t.log(`a folder and a file were shown after ${Date.now() - before} ms`);
    assert.ok(await underWay(), 'the transfer is still under way');
    await page.getByText(/^Saved, /).waitFor({ timeout: 90_000 });
  });

  test('killing the browser in mid-transfer leaves the server serving', { seconds: 120 }, async (t) => {
    const { home, server, page, context } = await connectedPage(t);
    writeFileSync(join(home, 'large.bin'), Buffer.alloc(200 << 20, 7));
    await page.reload();
    await connected(page);
    await walkTo(page, 'large.bin');
    await page.getByRole('button', { name: 'Download' }).first().click();
    await context.close();
    const again = await openPage(t, await openBrowser(t, { directories: [home] }), pageOf(home));
    t.pages = [again];
    await chooseFolder(again, home);
    await connected(again);
    assert.equal(await readInPage(again, homeOnly.path), homeOnly.text);
    assert.equal(server.code, undefined);
  });

  test('a page that is busy for 45 s keeps its connection', { soak: true, seconds: 150 }, async (t) => {
    const { page } = await connectedPage(t);
    const { offers } = await page.evaluate(() => globalThis.owndir.state());
    await page.evaluate(() => {
      const end = performance.now() + 45_000;
      while (performance.now() < end);
    });
    assert.equal(await readInPage(page, homeOnly.path), homeOnly.text);
    const now = await page.evaluate(() => globalThis.owndir.state());
    assert.equal(now.connected, true);
    assert.equal(now.offers, offers);
  });

  for (const { hiddenFor, soak } of [{ hiddenFor: 20, soak: false }, { hiddenFor: 360, soak: true }]) {
    test(`a tab hidden for ${hiddenFor} s while it waits connects when the answer is there`, { needs: [...needs, 'display'], soak, seconds: hiddenFor + 90, lane: 'hidden' }, async (t) => {
      const { home, away } = twoCopies(t);
      await serve(t, home);
      await waitForPage(home, away);
      const context = await openPlainBrowser(t, { directories: [away], display: await openDisplay(t), more: windowSwitches });
      const page = await openPage(t, context, pageOf(away));
      t.pages = [page];
      const courier = new Courier(t, { home, away, answerDelay: hiddenFor });
      await chooseFolder(page, away);
      await step(page, 'sync', 'active');
      await (await context.newPage()).bringToFront();
      await until(() => page.evaluate(() => document.hidden), { what: 'the waiting tab to be hidden' });
      const answer = await until(() => courier.delivered.find(({ name }) => name.startsWith('answer-')), { seconds: hiddenFor + 30, what: 'the answer' });
      // Not by a locator: those wait for animation frames, which a hidden tab does not have.
      await until(() => page.evaluate(() => document.querySelector('.explorer .listing') !== null), { seconds: 40, what: 'the home folder' });
      t.log(`connected ${((Date.now() - answer.at) / 1000).toFixed(2)} s after the answer`);
      assert.equal(await page.evaluate(() => document.hidden), true);
    });
  }
});
