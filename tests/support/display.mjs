// A screen nobody looks at: Xvfb with a window manager, and hands for Chromium's directory dialog and permission prompt,
// which no automation interface can reach.
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './harness.mjs';
import { Child, capture } from './processes.mjs';

export async function openDisplay(t) {
  const server = new Child(['Xvfb', '-displayfd', '1', '-screen', '0', '1280x900x24', '-nolisten', 'tcp']);
  t.defer(() => server.stop());
  const number = await server.until(() => server.lines.find((line) => /^\d+$/.test(line)), { what: 'a display number' });
  const env = { ...process.env, DISPLAY: `:${number}`, GTK_USE_PORTAL: '0', NO_AT_BRIDGE: '1' };
  const manager = new Child(['openbox'], { env });
  t.defer(() => manager.stop());
  // What opens while it starts may stay hidden.
  await until(() => xdotool(env, ['get_num_desktops']), { what: 'the window manager' });
  return { env, xdotool: (...args) => xdotool(env, args), screenshotName: `:${number}` };
}

async function xdotool(env, args) {
  const { code, stdout } = await capture(['xdotool', ...args], { env });
  return code === 0 ? stdout.trim() : '';
}

/** Switches for a Chromium whose window stands where the hands expect it. */
export const windowSwitches = ['--window-position=0,0', '--window-size=1000,800'];

const dialogWindow = async (display) =>
  (await display.xdotool('search', '--onlyvisible', '--name', '^Select (where|a folder|folder)')).split('\n')[0];

/**
 * Does what a person does after a click on "choose folder": types the path into the directory dialog, confirms it, and
 * answers Chromium's question whether the page may change files there. `done` tells when the page has the handle.
 */
export async function chooseDirectory(display, directory, done) {
  const window = await until(() => dialogWindow(display), { seconds: 15, what: 'the directory dialog' });
  await sleep(400);
  await display.xdotool('windowfocus', '--sync', window);
  await display.xdotool('type', '--delay', '8', directory);
  await sleep(500);
  await until(
    async () => {
      if (!(await dialogWindow(display))) return true;
      // The first click only closes the list of completions (Return would abort the dialog), the second one confirms.
      const geometry = await display.xdotool('getwindowgeometry', '--shell', window);
      const { X, Y, WIDTH, HEIGHT } = Object.fromEntries(geometry.split('\n').map((line) => line.split('=')));
      await display.xdotool('mousemove', String(+X + +WIDTH - 50), String(+Y + +HEIGHT - 43), 'click', '1');
      await sleep(400);
      return !(await dialogWindow(display));
    },
    { seconds: 10, what: 'the directory dialog to close' },
  );
  await answerPrompts(display, done);
}

/** Accepts Chromium's permission prompts until `done`; each ignores input for its first half second. */
export async function answerPrompts(display, done, { seconds = 20 } = {}) {
  await until(
    async () => {
      await sleep(700);
      if (await done()) return true;
      await display.xdotool('key', '--delay', '80', 'Tab', 'Return');
      await sleep(500);
      return done();
    },
    { seconds, every: 200, what: 'the page to have its directory after the prompt' },
  );
}
