// Two Syncthing instances that share one folder over loopback, with homes of their own and everything that would speak
// to the outside switched off.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './harness.mjs';
import { freePorts } from './ports.mjs';
import { Child, capture } from './processes.mjs';

const apiKey = 'owndir-tests';
const folderId = 'shared';

const escape = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');

function configuration({ own, devices, watcherDelay }) {
  const device = ({ id, name, port }) =>
    `<device id="${id}" name="${name}"><address>tcp://127.0.0.1:${port}</address><autoAcceptFolders>false</autoAcceptFolders></device>`;
  return `<configuration version="35">
  <folder id="${folderId}" label="${folderId}" path="${escape(own.folder)}" type="sendreceive" rescanIntervalS="3600"
      fsWatcherEnabled="true" fsWatcherDelayS="${watcherDelay}" ignorePerms="false" autoNormalize="true">
    ${devices.map(({ id }) => `<device id="${id}"></device>`).join('')}
    <markerName>.stfolder</markerName>
  </folder>
  ${devices.map(device).join('\n  ')}
  <gui enabled="true" tls="false"><address>127.0.0.1:${own.guiPort}</address><apikey>${apiKey}</apikey></gui>
  <options>
    <listenAddress>tcp://127.0.0.1:${own.port}</listenAddress>
    <globalAnnounceEnabled>false</globalAnnounceEnabled>
    <localAnnounceEnabled>false</localAnnounceEnabled>
    <announceLANAddresses>false</announceLANAddresses>
    <relaysEnabled>false</relaysEnabled>
    <natEnabled>false</natEnabled>
    <stunKeepaliveStartS>0</stunKeepaliveStartS>
    <stunServer>127.0.0.1:1</stunServer>
    <urAccepted>-1</urAccepted>
    <urSeen>9999</urSeen>
    <crashReportingEnabled>false</crashReportingEnabled>
    <autoUpgradeIntervalH>0</autoUpgradeIntervalH>
    <releasesURL>http://127.0.0.1:1/</releasesURL>
    <startBrowser>false</startBrowser>
    <setLowPriority>false</setLowPriority>
    <reconnectionIntervalS>5</reconnectionIntervalS>
  </options>
</configuration>
`;
}

const environment = (home) => ({ HOME: home, STNOUPGRADE: '1', STNODEFAULTFOLDER: '1' });

async function makeDevice(directory, name, folder, [port, guiPort]) {
  const home = join(directory, `syncthing-${name}`);
  mkdirSync(home, { recursive: true });
  mkdirSync(join(folder, '.stfolder'), { recursive: true });
  const generated = await capture(['syncthing', 'generate', '--no-default-folder', `--home=${home}`], { env: environment(home) });
  const shown = await capture(['syncthing', `--home=${home}`, '--device-id'], { env: environment(home) });
  const id = shown.stdout.trim().split('\n').at(-1) ?? '';
  if (!/^[A-Z0-9]{7}(-[A-Z0-9]{7}){7}$/.test(id)) throw new Error(`no device id from syncthing: ${generated.stderr}\n${shown.stderr}`);
  return { name, home, folder, port, guiPort, id };
}

async function rest(device, method, path, body) {
  const response = await fetch(`http://127.0.0.1:${device.guiPort}${path}`, {
    method,
    headers: { 'X-API-Key': apiKey },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(5000),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`);
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

function start(t, own, { devices, watcherDelay }) {
  writeFileSync(join(own.home, 'config.xml'), configuration({ own, devices, watcherDelay }));
  const child = new Child(['syncthing', 'serve', `--home=${own.home}`, '--no-browser', '--no-restart', '--no-upgrade'], {
    env: environment(own.home),
  });
  t.defer(() => child.stop());
  return child;
}

/** One Syncthing for its own sake, with nobody to share with. `ask(method, path)` is its REST interface, asked directly. */
export async function syncthingAlone(t, folder) {
  const own = await makeDevice(t.directory, 'alone', folder, await freePorts(2));
  const child = start(t, own, { devices: [own], watcherDelay: 10 });
  const ask = (method, path, body) => rest(own, method, path, body);
  await until(
    async () => {
      if (child.code !== undefined) throw new Error(`syncthing ended at once:\n${child.tail()}`);
      return ask('GET', `/rest/db/status?folder=${folderId}`).then(({ state, globalFiles }) => state === 'idle' && globalFiles > 0, () => false);
    },
    { seconds: 60, what: 'Syncthing has looked at its folder' },
  );
  return { origin: `http://127.0.0.1:${own.guiPort}`, folderId, ask };
}

/**
 * Starts the pair and returns when both are connected and hold the same files (there must be some). `t` needs `directory` and `defer`; `home` and `away` are
 * the two copies of the folder. `watcherDelay` is Syncthing's fsWatcherDelayS: 10 unless somebody changes it.
 */
export async function syncthingPair(t, { home, away, watcherDelay = 10, seconds = 60 }) {
  const ports = await freePorts(4);
  const devices = [
    await makeDevice(t.directory, 'home', home, ports.slice(0, 2)),
    await makeDevice(t.directory, 'away', away, ports.slice(2, 4)),
  ];
  const running = devices.map((own) => start(t, own, { devices, watcherDelay }));
  const [first, second] = devices;
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const ended = running.find((child) => child.code !== undefined);
    if (ended) throw new Error(`syncthing ended at once:\n${ended.tail()}`);
    try {
      const { connections } = await rest(first, 'GET', '/rest/system/connections');
      const states = await Promise.all(devices.map((device) => rest(device, 'GET', `/rest/db/status?folder=${folderId}`)));
      // Idle is also what a folder calls itself before its first scan: its watcher is there only after that.
      const scanned = states.every(({ state, globalFiles, needTotalItems }) => state === 'idle' && globalFiles > 0 && needTotalItems === 0);
      if (connections[second.id]?.connected && scanned) break;
    } catch {
      // not listening yet
    }
    if (Date.now() > deadline) throw new Error(`the two Syncthings did not connect within ${seconds} s:\n${running[0].tail()}`);
    await sleep(200);
  }
  await sleep(1000);
  return {
    devices,
    tail: () => running.map((child) => child.tail(6)).join('\n'),
    /** Makes that device look at the folder now instead of after its watcher's delay. */
    rescan: (which) => rest(devices.find(({ name }) => name === which), 'POST', `/rest/db/scan?folder=${folderId}`),
    /** What that device says of the folder: /rest/db/QUESTION or /rest/folder/QUESTION. */
    ask: (which, question) => rest(devices.find(({ name }) => name === which), 'GET', `/rest/${question}?folder=${folderId}`),
  };
}
