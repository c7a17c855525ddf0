// Web apps that nobody here wrote, from Debian's packages, used through a folder by a scripted Chromium; each is asserted by
// its effect on the server's side.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { usual, ways } from '../conformance/ways.mjs';
import { suite, until } from '../support/harness.mjs';
import { Child, capture } from '../support/processes.mjs';

/** A port of this machine that is free now. */
async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A program of the test's own; resolves when it answers. */
async function started(t, command, origin, options = {}) {
  const child = new Child(command, options);
  t.defer(() => child.stop());
  await until(
    async () => {
      if (child.code !== undefined) throw new Error(`${command[0]} ended (${child.code}):\n${child.tail()}`);
      return fetch(origin).then(() => true, () => false);
    },
    { seconds: 20, what: `${command[0]} answers` },
  );
  return child;
}

// ------------------------------------------------------------------------------------------- nginx, with a film

/** A site of nginx: one page, a film of a minute (large enough not to be read whole at once), a log of what was asked. */
async function nginxSite(t) {
  const at = join(t.directory, 'nginx');
  const port = await freePort();
  for (const name of ['site', 'tmp']) mkdirSync(join(at, name), { recursive: true });
  const film = await capture(['ffmpeg', '-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=10', '-vf', 'noise=alls=60:allf=t', '-t', '60',
    '-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '18', '-pix_fmt', 'yuv420p', '-g', '10', '-movflags', '+faststart', join(at, 'site/film.mp4')]);
  assert.equal(film.code, 0, film.stderr);
  writeFileSync(join(at, 'site/index.html'), '<!doctype html><title>A site of nginx</title><h1>A film</h1><video src="film.mp4" controls muted width="320"></video>');
  const log = join(at, 'asked.log');
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${join(at, 'tmp', name)};`).join(' ');
  writeFileSync(join(at, 'nginx.conf'), `${process.getuid() === 0 ? 'user root; ' : ''}daemon off; pid ${join(at, 'nginx.pid')}; error_log ${join(at, 'error.log')}; worker_processes 1;
events { worker_connections 256; }
http { types { text/html html; video/mp4 mp4; } ${paths} log_format asked '$request_method $uri $status "$http_range" $bytes_sent'; access_log ${log} asked;
  server { listen 127.0.0.1:${port}; root ${join(at, 'site')}; } }\n`);
  const origin = `http://127.0.0.1:${port}`;
  await started(t, ['nginx', '-p', at, '-e', join(at, 'error.log'), '-c', join(at, 'nginx.conf')], origin);
  const size = readFileSync(join(at, 'site/film.mp4')).length;
  return { origin, size, asked: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []) };
}

async function filmSeeks(t, way) {
  const site = await nginxSite(t);
  const { page, frame } = await ways[way](t, { name: 'site', origin: site.origin, isIt: () => document.title === 'A site of nginx' });
  t.pages = [page];
  const video = frame.locator('video');
  await video.evaluate((element) => element.play());
  await until(() => video.evaluate((element) => element.currentTime > 0.3), { what: 'the film to play' });
  assert.deepEqual(await video.evaluate((element) => [element.videoWidth, Math.round(element.duration)]), [320, 60]);
  await video.evaluate((element) => void (element.currentTime = 50));
  await until(() => video.evaluate((element) => !element.seeking && element.currentTime > 50.2), { what: 'the film to play from its fiftieth second' });
  await page.screenshot({ path: t.artefact(`nginx-${way}.png`) });
  const starts = site.asked().map((line) => /film\.mp4 206 "bytes=(\d+)-/.exec(line)?.[1]).filter(Boolean).map(Number);
  assert.ok(starts.some((from) => from > site.size * 0.7), `nginx was asked for the end of the film: ${site.asked().join('; ')}`);
}

// ------------------------------------------------------------------------------------------- Transmission

const bencode = (value) => {
  if (typeof value === 'number') return `i${value}e`;
  if (typeof value === 'string') return `${Buffer.byteLength(value, 'latin1')}:${value}`;
  return `d${Object.keys(value).sort().map((key) => bencode(key) + bencode(value[key])).join('')}e`;
};

/** A torrent of one small file that nobody has, without trackers. */
function torrentFile(name) {
  const pieces = createHash('sha1').update('nobody has this').digest('latin1');
  return Buffer.from(bencode({ info: { name, length: 15, 'piece length': 16384, pieces, private: 1 } }), 'latin1');
}

async function transmission(t) {
  const at = join(t.directory, 'transmission');
  const port = await freePort();
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, 'settings.json'), JSON.stringify({
    'rpc-port': port, 'rpc-bind-address': '127.0.0.1', 'rpc-whitelist': '127.0.0.1', 'peer-port': await freePort(), 'bind-address-ipv4': '127.0.0.1', 'bind-address-ipv6': '::1',
    'dht-enabled': false, 'lpd-enabled': false, 'pex-enabled': false, 'utp-enabled': false, 'port-forwarding-enabled': false, 'download-dir': at,
  }));
  const origin = `http://127.0.0.1:${port}`;
  await started(t, ['transmission-daemon', '-f', '-g', at], `${origin}/transmission/web/`);
  let session = '';
  /** What the daemon itself says, asked directly. */
  const torrents = async () => {
    for (;;) {
      const response = await fetch(`${origin}/transmission/rpc`, { method: 'POST', headers: { 'X-Transmission-Session-Id': session }, body: JSON.stringify({ method: 'torrent-get', arguments: { fields: ['name', 'status'] } }) });
      if (response.status !== 409) return (await response.json()).arguments.torrents;
      session = response.headers.get('x-transmission-session-id');
    }
  };
  return { origin, torrents };
}

async function useTransmission(t, way) {
  const daemon = await transmission(t);
  const { page, frame } = await ways[way](t, { name: 'transmission', origin: daemon.origin, isIt: () => document.querySelector('#torrent_list') !== null });
  t.pages = [page];
  await frame.locator('#toolbar-open').click();
  await frame.locator('#torrent_upload_file').setInputFiles({ name: 'a.torrent', mimeType: 'application/x-bittorrent', buffer: torrentFile(`through ${way}.txt`) });
  await frame.locator('#upload_confirm_button').click();
  await until(async () => (await daemon.torrents()).map(({ name }) => name).includes(`through ${way}.txt`), { what: 'the torrent in the daemon' });
  const shown = frame.locator('#torrent_list li.torrent').filter({ hasText: `through ${way}.txt` });
  await shown.waitFor();
  await shown.click();
  await until(async () => (await daemon.torrents())[0].status !== 0, { what: 'it runs' });
  await frame.locator('#toolbar-pause').click();
  await until(async () => (await daemon.torrents())[0].status === 0, { what: 'the daemon says that it is paused' });
  await shown.getByText('Paused').waitFor();
  await page.screenshot({ path: t.artefact(`transmission-${way}.png`) });
  await frame.locator('#toolbar-remove').click();
  await frame.locator('#dialog_confirm_button').click();
  await until(async () => (await daemon.torrents()).length === 0, { what: 'the daemon has none' });
  await shown.waitFor({ state: 'detached' });
}

// ------------------------------------------------------------------------------------------- by each way

const pictured = (body) => async (t) => {
  try {
    await body(t);
  } catch (error) {
    for (const page of t.pages ?? []) await page.screenshot({ path: t.artefact(`${t.test.title.replace(/[^a-z0-9]+/gi, '-').slice(0, 60)}.png`) }).catch(() => {});
    throw error;
  }
};

suite('apps', (test) => {
  for (const way of usual.filter((each) => each !== 'direct')) {
    test(`a film on a site of nginx plays and seeks (${way})`, { needs: ['owndir', 'chromium', 'nginx', 'ffmpeg'], seconds: 120, lane: 'apps' }, pictured((t) => filmSeeks(t, way)));
    test(`Transmission adds, pauses and removes a torrent (${way})`, { needs: ['owndir', 'chromium', 'transmission'], seconds: 120, lane: 'apps' }, pictured((t) => useTransmission(t, way)));
  }
});
