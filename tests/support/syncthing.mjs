// Syncthing instances that share one folder, over loopback or between the hosts of a NAT bed, with homes of their own and everything
// that would speak to the outside switched off.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './harness.mjs';
import { door } from './natbed.mjs';
import { freePorts } from './ports.mjs';
import { Child, capture } from './processes.mjs';

const apiKey = 'owndir-tests';
const folderId = 'shared';

const escape = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');

function configuration({ own, devices, watcherDelay }) {
  const device = ({ id, name, address }) =>
    `<device id="${id}" name="${name}"><address>${address}</address><autoAcceptFolders>false</autoAcceptFolders></device>`;
  return `<configuration version="35">
  <folder id="${folderId}" label="${folderId}" path="${escape(own.folder)}" type="sendreceive" rescanIntervalS="3600"
      fsWatcherEnabled="true" fsWatcherDelayS="${watcherDelay}" ignorePerms="false" autoNormalize="true">
    ${devices.map(({ id }) => `<device id="${id}"></device>`).join('')}
    <markerName>.stfolder</markerName>
  </folder>
  ${devices.map(device).join('\n  ')}
  <gui enabled="true" tls="false"><address>127.0.0.1:${own.guiPort}</address><apikey>${apiKey}</apikey></gui>
  <options>
    <listenAddress>${own.address === 'dynamic' ? `tcp://127.0.0.1:${own.port}` : own.address}</listenAddress>
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

/** `address`: where the others find it; 'dynamic' is nowhere: it calls them. `prefix`: the host it runs on. */
async function makeDevice(directory, { name, folder, prefix = [], host = '127.0.0.1' }, [port, guiPort]) {
  const home = join(directory, `syncthing-${name}`);
  mkdirSync(home, { recursive: true });
  mkdirSync(join(folder, '.stfolder'), { recursive: true });
  const generated = await capture(['syncthing', 'generate', '--no-default-folder', `--home=${home}`], { env: environment(home) });
  const shown = await capture(['syncthing', `--home=${home}`, '--device-id'], { env: environment(home) });
  const id = shown.stdout.trim().split('\n').at(-1) ?? '';
  if (!/^[A-Z0-9]{7}(-[A-Z0-9]{7}){7}$/.test(id)) throw new Error(`no device id from syncthing: ${generated.stderr}\n${shown.stderr}`);
  return { name, home, folder, prefix, port, guiPort, id, address: host === 'dynamic' ? host : `tcp://${host}:${port}` };
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

async function start(t, own, { devices, watcherDelay }) {
  writeFileSync(join(own.home, 'config.xml'), configuration({ own, devices, watcherDelay }));
  const child = new Child([...own.prefix, 'syncthing', 'serve', `--home=${own.home}`, '--no-browser', '--no-restart', '--no-upgrade'], {
    env: environment(own.home),
  });
  t.defer(() => child.stop());
  await door(t, own.prefix, own.guiPort);
  return child;
}

/** One Syncthing for its own sake, with nobody to share with. `ask(method, path)` is its REST interface, asked directly. */
export async function syncthingAlone(t, folder) {
  const own = await makeDevice(t.directory, { name: 'alone', folder }, await freePorts(2));
  const child = await start(t, own, { devices: [own], watcherDelay: 10 });
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

/** Each is connected to all that it knows, has looked at its folder, and has what the others have. */
async function together(devices) {
  const each = await Promise.all(devices.map(async (device) => {
    const { connections } = await rest(device, 'GET', '/rest/system/connections');
    if (device.knows.some((other) => other !== device && !connections[other.id]?.connected)) return false;
    const { state, globalFiles, needTotalItems } = await rest(device, 'GET', `/rest/db/status?folder=${folderId}`);
    // Idle is also what a folder calls itself before its first scan: its watcher is there only after that.
    return state === 'idle' && globalFiles > 0 && needTotalItems === 0;
  }));
  return each.every(Boolean);
}

/**
 * Starts the pair and returns when both are connected and hold the same files (there must be some). `t` needs `directory` and `defer`; `home` and `away` are
 * the two copies of the folder. `watcherDelay` is Syncthing's fsWatcherDelayS: 10 unless somebody changes it. With a `bed` (natbed.mjs) home is its host b
 * and away its host a; as neither can be called there, both call a third Syncthing, on the internet between them.
 */
export async function syncthingPair(t, { home, away, watcherDelay = 10, seconds = 60, bed }) {
  const places = [{ name: 'home', folder: home }, { name: 'away', folder: away }];
  if (bed) {
    Object.assign(places[0], { prefix: bed.b, host: 'dynamic' });
    Object.assign(places[1], { prefix: bed.a, host: 'dynamic' });
    places.push({ name: 'between', folder: join(t.directory, 'between'), prefix: bed.internet, host: bed.address });
  }
  const ports = await freePorts(places.length * 2);
  const devices = await Promise.all(places.map((place, at) => makeDevice(t.directory, place, ports.slice(at * 2, at * 2 + 2))));
  for (const own of devices) own.knows = devices.filter((other) => other === own || !bed || [own, other].includes(devices[2]));
  const running = await Promise.all(devices.map((own) => start(t, own, { devices: own.knows, watcherDelay })));
  await until(
    () => {
      const ended = running.find((child) => child.code !== undefined);
      if (ended) throw new Error(`syncthing ended at once:\n${ended.tail()}`);
      return together(devices).catch(() => false); // not listening yet
    },
    { seconds, every: 200, what: 'the Syncthings are connected' },
  ).catch((error) => {
    throw new Error(`${error.message}:\n${running[0].tail()}`);
  });
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
