// Transmission's web client.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../support/harness.mjs';
import { freePorts } from '../../support/ports.mjs';
import { started } from './program.mjs';

const bencode = (value) => {
  if (typeof value === 'number') return `i${value}e`;
  if (typeof value === 'string') return `${Buffer.byteLength(value, 'latin1')}:${value}`;
  return `d${Object.keys(value).sort().map((key) => bencode(key) + bencode(value[key])).join('')}e`;
};

/** A torrent of one small file that nobody has, without trackers. */
export function torrentFile(name) {
  const pieces = createHash('sha1').update('nobody has this').digest('latin1');
  return Buffer.from(bencode({ info: { name, length: 15, 'piece length': 16384, pieces, private: 1 } }), 'latin1');
}

async function daemon(t, { prefix } = {}) {
  const at = join(t.directory, 'transmission');
  const [port, peerPort] = await freePorts(2);
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, 'settings.json'), JSON.stringify({
    'rpc-port': port, 'rpc-bind-address': '127.0.0.1', 'rpc-whitelist': '127.0.0.1', 'peer-port': peerPort, 'bind-address-ipv4': '127.0.0.1', 'bind-address-ipv6': '::1',
    'dht-enabled': false, 'lpd-enabled': false, 'pex-enabled': false, 'utp-enabled': false, 'port-forwarding-enabled': false, 'download-dir': at,
  }));
  const origin = `http://127.0.0.1:${port}`;
  await started(t, ['transmission-daemon', '-f', '-g', at], `${origin}/transmission/web/`, { prefix });
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

/** Its first requests are answered: in the page it may have been loaded again for that. */
export const isStarted = () => document.readyState === 'complete' && Boolean(globalThis.transmission?.remote?._token);

export const transmission = {
  title: 'Transmission adds, pauses and removes a torrent',
  needs: ['transmission'],
  start: daemon,
  async use(t, { origin, torrents }, open, way) {
    const { page, frame } = await open({ name: 'transmission', origin, isIt: isStarted });
    await frame.locator('#toolbar-open').click();
    await frame.locator('#torrent_upload_file').setInputFiles({ name: 'a.torrent', mimeType: 'application/x-bittorrent', buffer: torrentFile(`through ${way}.txt`) });
    await frame.locator('#upload_confirm_button').click();
    await until(async () => (await torrents()).map(({ name }) => name).includes(`through ${way}.txt`), { what: 'the torrent in the daemon' });
    const shown = frame.locator('#torrent_list li.torrent').filter({ hasText: `through ${way}.txt` });
    await shown.waitFor();
    await shown.click();
    await until(async () => (await torrents())[0].status !== 0, { what: 'it runs' });
    await frame.locator('#toolbar-pause').click();
    await until(async () => (await torrents())[0].status === 0, { what: 'the daemon says that it is paused' });
    await shown.getByText('Paused').waitFor();
    await page.screenshot({ path: t.artefact(`transmission-${way}.png`) });
    await frame.locator('#toolbar-remove').click();
    await frame.locator('#dialog_confirm_button').click();
    await until(async () => (await torrents()).length === 0, { what: 'the daemon has none' });
    await shown.waitFor({ state: 'detached' });
  },
};
