// Apps at home and a browser elsewhere, each behind a NAT of its own.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Courier } from '../support/courier.mjs';
import { waitForPage } from '../support/folders.mjs';
import { suite, until } from '../support/harness.mjs';
import { natBed, takeNetwork } from '../support/natbed.mjs';
import { proxy } from '../support/owndir.mjs';
import { pageOf } from '../support/paths.mjs';
import { syncthingPair } from '../support/syncthing.mjs';
import { opener, useBy } from './apps/opener.mjs';
import { isStarted, torrentFile, transmission } from './apps/transmission.mjs';

/** The app at home and a browser elsewhere, each behind a NAT of its own; what they share is a folder of two Syncthings. */
async function farAway(t, app, name) {
  const bed = await natBed(t, { a: 'port', b: 'port' });
  const [home, away] = ['home', 'away'].map((each) => join(t.directory, each));
  for (const folder of [home, away]) mkdirSync(folder);
  writeFileSync(join(home, 'read.txt'), 'a folder');
  const [running, pair] = await Promise.all([app.start(t, { prefix: bed.b }), syncthingPair(t, { home, away, watcherDelay: 1, bed })]);
  t.step('two Syncthings share the folder');
  const server = await proxy(t, home, running.origin, { args: ['--name', name], prefix: bed.b, stun: bed.stun });
  const arrived = () => until(() => existsSync(pageOf(away)) && existsSync(join(away, 'owndir.html')), { seconds: 90, what: `the page in the other copy: ${pair.tail()}` });
  await arrived();
  t.step('the page has arrived in the other copy');
  return { bed, running, server, there: { away, arrived, prefix: bed.a, stun: bed.stun } };
}

async function fromFarAway(t) {
  const { running, server, there } = await farAway(t, transmission, 'transmission');
  const artefact = t.artefact.bind(t);
  t.artefact = (name) => artefact(`far-${name}`);
  for (const way of ['file', 'sw', 'connect']) {
    await useBy(t, transmission, running, way, there).catch((error) => {
      throw new Error(`${way}: ${error.stack}\nHome says: ${server.tail(10)}`);
    });
    t.step(`${way}: a torrent was added, paused and removed`);
  }
}

/**
 * A torrent is added while all is well, another one after the server has been started anew, a third one after the network of the device has changed: in the
 * document that was there at the beginning, without anybody doing anything.
 */
async function goesOn(t, way) {
  const bed = await natBed(t, { a: 'port', b: 'port' });
  const [home, away] = ['home', 'away'].map((each) => join(t.directory, each));
  for (const folder of [home, away]) mkdirSync(folder);
  const running = await transmission.start(t, { prefix: bed.b });
  const serve = () => proxy(t, home, running.origin, { args: ['--name', 'transmission'], prefix: bed.b, stun: bed.stun });
  const server = await serve();
  new Courier(t, { home, away });
  const there = { away, arrived: () => waitForPage(home, away), prefix: bed.a, stun: bed.stun };
  const { page, frame, client } = await opener(t, way, there)({ name: 'transmission', origin: running.origin, isIt: isStarted });
  const picture = (name) => page.screenshot({ path: t.artefact(`lost-${way}-${name}.png`) });
  const phase = client
    ? () => (client.events.findLast(({ event }) => ['connected', 'lost'].includes(event))?.event === 'connected' ? 'connected' : 'reconnecting')
    : () => page.evaluate(() => globalThis.owndir.state().phase);
  const is = (wanted) => until(async () => (await phase()) === wanted, { seconds: 90, what: `the phase ${wanted}` });
  const add = async (name) => {
    const answer = await frame.evaluate(addTorrent, torrentFile(name).toString('base64'));
    assert.equal(answer, 'success');
    assert.ok((await running.torrents()).some((torrent) => torrent.name === name), `the daemon has ${name}`);
    t.step(`${way}: added ${name}`);
  };
  await frame.evaluate(() => void (globalThis.sameDocument = true));
  await add('at first');

  await server.stop();
  await is('reconnecting');
  await picture('server-away');
  await serve();
  await is('connected');
  await add('after the server was started anew');

  const bringAnother = await takeNetwork(bed);
  await picture('network-away');
  await bringAnother();
  // What the app asks now waits for the next connection.
  const asked = frame.evaluate(async () => (await fetch('/transmission/web/', { cache: 'no-store' })).status);
  await is('reconnecting');
  await picture('network-changed');
  await is('connected');
  assert.equal(await asked, 200);
  await add('after the network changed');
  assert.equal(await frame.evaluate(() => globalThis.sameDocument), true, 'the app was not loaded anew');
  await picture('again');
}

/** In the app: adds a torrent as its own interface does. */
const addTorrent = async (metainfo) => {
  const body = JSON.stringify({ method: 'torrent-add', arguments: { metainfo, paused: true } });
  const ask = (id) => fetch('/transmission/rpc', { method: 'POST', body, headers: { 'X-Transmission-Session-Id': id } });
  const refused = await ask('');
  const answer = refused.status === 409 ? await ask(refused.headers.get('X-Transmission-Session-Id')) : refused;
  return (await answer.json()).result;
};

suite('apps', (test) => {
  const needs = ['owndir', 'chromium', 'namespaces', 'transmission'];
  test('Transmission over a Syncthing pair, both ends behind NATs, each way', { needs: [...needs, 'syncthing'], seconds: 300, lane: 'apps-far' }, fromFarAway);
  for (const way of ['file', 'sw', 'connect'])
    test(`an app goes on after its server was started anew and after the device's network has changed (${way})`, { needs, seconds: 300, lane: 'apps-far' }, (t) => goesOn(t, way));
});
