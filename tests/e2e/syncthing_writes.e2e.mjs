// What Syncthing makes of a file that is being written through the folder API: nothing, until it is there whole.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FsnodeServer } from '../support/fsnode.mjs';
import { suite, until } from '../support/harness.mjs';
import { syncthingPair } from '../support/syncthing.mjs';

async function halfWrittenFilesStay(t) {
  const [home, away] = ['home', 'away'].map((name) => join(t.directory, name));
  for (const folder of [home, away]) mkdirSync(folder);
  writeFileSync(join(home, 'known'), 'old');
  const pair = await syncthingPair(t, { home, away, watcherDelay: 1 });
  t.step('two Syncthings share the folder');
  const temporaries = (folder) => readdirSync(folder).filter((name) => name.startsWith('.syncthing.owndir-'));
  /** Whatever the sync would bring, it has brought when a file made later is there. */
  const synced = async (marker) => {
    writeFileSync(join(home, marker), marker);
    await pair.rescan('home');
    await until(() => existsSync(join(away, marker)), { seconds: 60, what: `${marker} in the other copy: ${pair.tail()}` });
  };
  const size = 700_000;

  const server = new FsnodeServer(t, home);
  await server.beginWrite(1, 'known', Buffer.alloc(size, 'n'));
  await server.beginWrite(2, 'fresh', Buffer.alloc(size, 'f'));
  assert.equal(temporaries(home).length, 2);
  await synced('first');
  assert.deepEqual(temporaries(home).map((name) => statSync(join(home, name)).size), [size, size], 'the sync touched what is being written');
  assert.deepEqual(readdirSync(away).sort(), ['.stfolder', 'first', 'known']);
  assert.equal(readFileSync(join(away, 'known'), 'utf8'), 'old');
  const { errors } = await pair.ask('home', 'folder/errors');
  assert.deepEqual(errors ?? [], []);
  const { globalFiles } = await pair.ask('home', 'db/status');
  assert.equal(globalFiles, 2, 'known and first');
  t.step('half-written files stayed where they are');

  for (const id of [1, 2]) {
    server.send({ id, end: true });
    await server.until((message) => message.id === id && 'ok' in message);
  }
  await synced('second');
  await until(() => existsSync(join(away, 'fresh')) && statSync(join(away, 'known')).size === size, { seconds: 60, what: 'the finished files in the other copy' });
  assert.ok(readFileSync(join(away, 'fresh')).equals(Buffer.alloc(size, 'f')));
  assert.ok(readFileSync(join(away, 'known')).equals(Buffer.alloc(size, 'n')));
  assert.deepEqual(readdirSync(away).filter((name) => name.includes('conflict')), []);
  t.step('finished files arrived whole');

  await server.beginWrite(3, 'known', Buffer.alloc(size, 'x'));
  await server.kill();
  assert.equal(temporaries(home).length, 1);
  await synced('third');
  assert.deepEqual(temporaries(away), []);
  assert.equal(statSync(join(away, 'known')).size, size);
  const again = new FsnodeServer(t, home);
  await again.call(1, 'children', { path: '' });
  assert.equal(temporaries(home).length, 1, 'a fresh one may be in use');
  const old = Date.now() / 1000 - 25 * 3600;
  utimesSync(join(home, temporaries(home)[0]), old, old);
  assert.deepEqual(await again.call(2, 'children', { path: '' }), { id: 2, ok: 5 });
  assert.deepEqual(temporaries(home), []);
  await synced('fourth');
  assert.deepEqual(readdirSync(away).sort(), ['.stfolder', 'first', 'fourth', 'fresh', 'known', 'second', 'third']);
  t.step('what a killed server left is gone, and the sync knows nothing of it');
}

suite('syncthing', (test) => {
  test('half-written files do not travel, and are removed in time', { needs: ['fsnode_server', 'syncthing'], seconds: 180, lane: 'syncthing-writes' }, halfWrittenFilesStay);
});
