// noVNC in the browser, websockify, x11vnc and a small desktop behind it.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDisplay } from '../../support/display.mjs';
import { until } from '../../support/harness.mjs';
import { freePorts } from '../../support/ports.mjs';
import { Child } from '../../support/processes.mjs';
import { started } from './program.mjs';

/** A terminal over the whole screen, above it one in which numbers run. */
async function desktop(t) {
  const at = join(t.directory, 'desktop');
  mkdirSync(at, { recursive: true });
  const display = await openDisplay(t);
  const [vncPort, port] = await freePorts(2);
  const run = (command) => {
    const child = new Child(command, { env: { ...display.env, HOME: at, SHELL: '/bin/sh' }, cwd: at });
    t.defer(() => child.stop());
    return child;
  };
  const terminal = (title, place, ...rest) => run(['xterm', '-T', title, '-geometry', place, '-fa', 'DejaVu Sans Mono', '-fs', '12', ...rest]);
  const window = async (title, program) => until(() => {
    if (program.code !== undefined) throw new Error(`${program.name} ended:\n${program.tail()}`);
    return display.xdotool('search', '--onlyvisible', '--name', `^${title}$`);
  }, { what: `the window ${title}` });
  await window('numbers', terminal('numbers', '40x5+600+20', '-e', 'sh', '-c', 'i=0; while :; do i=$((i + 1)); printf "\\r%s" $i; sleep 0.05; done'));
  await window('typing', terminal('typing', '60x20+20+200', '-e', 'sh'));
  const vnc = run(['x11vnc', '-display', display.screenshotName, '-rfbport', String(vncPort), '-rfbportv6', '-1', '-localhost', '-no6', '-nopw', '-forever', '-shared', '-noxdamage', '-nolookup']);
  await vnc.until(() => vnc.errors.concat(vnc.lines).find((line) => line.includes(`PORT=${vncPort}`) || line.includes('listening on TCP port')), { what: 'x11vnc to listen' });
  const origin = `http://127.0.0.1:${port}`;
  await started(t, ['websockify', '--web', '/usr/share/novnc', `127.0.0.1:${port}`, `127.0.0.1:${vncPort}`], `${origin}/vnc.html`);
  return { at, origin };
}

export const novnc = {
  title: 'noVNC shows a desktop and types there',
  needs: ['novnc', 'display'],
  seconds: 180,
  start: desktop,
  async use(t, { at, origin }, open, way) {
    // websockify lists its files at /; a person clicks there on vnc.html
    const app = await open({ name: 'desktop', origin, isIt: () => document.querySelector('a[href="vnc.html"]') !== null });
    await app.frame.locator('a[href="vnc.html"]').click();
    const frame = await app.find(() => document.querySelector('#noVNC_connect_button') !== null);
    await frame.locator('#noVNC_connect_button').click();
    const canvas = frame.locator('#noVNC_container canvas');
    await canvas.waitFor();
    await until(() => canvas.evaluate((element) => element.width > 500), { what: 'the desktop in its size' });

    const pictures = new Set();
    const picture = () => canvas.evaluate((element) => {
      const { data } = element.getContext('2d').getImageData(0, 0, element.width, element.height);
      let sum = 0;
      for (let at = 0; at < data.length; at += 4) sum = (sum * 31 + data[at]) | 0;
      return sum;
    });
    await until(async () => pictures.add(await picture()).size >= 20, { what: 'twenty different pictures of the running numbers' });

    await canvas.click({ position: { x: 200, y: 300 } }); // the window for typing
    await frame.page().keyboard.type(`echo "Typed through ${way}" | tee typed.txt\n`, { delay: 10 });
    const file = join(at, 'typed.txt');
    await until(() => existsSync(file) && readFileSync(file, 'utf8') !== '', { what: 'the file that the terminal on the desktop writes' });
    assert.equal(readFileSync(file, 'utf8'), `Typed through ${way}\n`);
    await frame.page().screenshot({ path: t.artefact(`novnc-${way}.png`) });
  },
};
