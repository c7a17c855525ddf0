// Jupyter Notebook: signing in, a cell that runs, a terminal.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../support/harness.mjs';
import { require } from '../../support/paths.mjs';
import { freePorts } from '../../support/ports.mjs';
import { started } from './program.mjs';

/**
 * Debian 12 ships a terminal page that cannot start, however it is reached: its script holds libjs-xterm, which is built without
 * its modules. The same page with the terminal of node-xterm in that place, in a directory that Jupyter looks into first.
 */
function mendedTerminal(at) {
  const start = "(function (factory) {\n\ttypeof define === 'function' && define.amd ? define('xterm',factory)";
  const script = readFileSync('/usr/lib/python3/dist-packages/notebook/static/terminal/js/main.min.js', 'utf8');
  const [from, to] = [script.indexOf(start), script.indexOf("define ('terminal/js/terminado'")];
  if (from < 0 || to < from) return undefined; // another version of the package
  const { outputFiles } = require('esbuild').buildSync({
    stdin: { contents: "module.exports = { Terminal: require('xterm/lib/public/Terminal').Terminal, fit: require('xterm/lib/addons/fit/fit') };", resolveDir: '/usr/share/nodejs' },
    nodePaths: ['/usr/share/nodejs'], bundle: true, write: false, format: 'iife', globalName: 'nodeXterm',
  });
  mkdirSync(join(at, 'terminal/js'), { recursive: true });
  writeFileSync(join(at, 'terminal/js/main.min.js'),
    `${outputFiles[0].text}${script.slice(0, from)}define('xterm', [], () => nodeXterm.Terminal);\ndefine('xtermjs-fit', [], () => nodeXterm.fit);\n${script.slice(to)}`);
  return at;
}

async function notebooks(t) {
  const at = join(t.directory, 'jupyter');
  const files = join(at, 'files');
  mkdirSync(files, { recursive: true });
  const [port] = await freePorts(1);
  const origin = `http://127.0.0.1:${port}`;
  const token = randomBytes(24).toString('hex');
  const place = (name) => join(at, name);
  const mended = mendedTerminal(place('static'));
  await started(t, ['jupyter-notebook', '--allow-root', '--no-browser', '--ip=127.0.0.1', `--port=${port}`, '--port-retries=0', `--notebook-dir=${files}`,
    ...(mended ? [`--NotebookApp.extra_static_paths=${mended}`] : [])], `${origin}/login`, {
    cwd: files, // a terminal begins there
    env: { HOME: at, JUPYTER_TOKEN: token, JUPYTER_CONFIG_DIR: place('config'), JUPYTER_DATA_DIR: place('data'), JUPYTER_RUNTIME_DIR: place('runtime'), IPYTHONDIR: place('ipython'), SHELL: '/bin/sh', TMPDIR: t.directory },
  });
  return { origin, token, files };
}

const written = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

export const jupyter = {
  title: 'Jupyter runs a cell and opens a terminal',
  needs: ['jupyter'],
  seconds: 180,
  start: notebooks,
  async use(t, { origin, token, files }, open, way) {
    const app = await open({ name: 'jupyter', origin, isIt: () => document.querySelector('#password_input') !== null });
    await app.frame.locator('#password_input').fill(token);
    await app.frame.locator('#login_submit').click();
    const tree = await app.find(() => document.querySelector('#new-menu') !== null);

    await tree.locator('#new-buttons > button').click();
    await tree.locator('#kernel-python3 a').click();
    const notebook = await app.find(() => document.querySelector('#notebook .code_cell .CodeMirror') !== null);
    await notebook.locator('#kernel_indicator_icon.kernel_idle_icon').waitFor({ timeout: 60_000 });
    await notebook.locator('.code_cell .CodeMirror').first().click();
    await notebook.page().keyboard.type(`open('cell.txt', 'w').write('written through ${way}'); print(6 * 7)`);
    await notebook.page().keyboard.press('Control+Enter');
    await until(() => written(join(files, 'cell.txt')) === `written through ${way}`, { what: 'the file that the cell writes' });
    await notebook.locator('.output_stdout').getByText('42').waitFor();
    await notebook.page().screenshot({ path: t.artefact(`jupyter-cell-${way}.png`) });

    const home = await app.again(() => document.querySelector('#new-menu') !== null);
    await home.locator('#new-buttons > button').click();
    await home.locator('#new-terminal a').click();
    const terminal = await app.find(() => document.querySelector('.xterm-helper-textarea, .terminal textarea') !== null);
    await terminal.locator('.xterm-helper-textarea, .terminal textarea').first().focus();
    await terminal.page().keyboard.type(`echo typed through ${way} | tee terminal.txt\n`);
    await until(() => written(join(files, 'terminal.txt')) === `typed through ${way}\n`, { what: 'the file that the terminal writes' });
    await terminal.page().screenshot({ path: t.artefact(`jupyter-terminal-${way}.png`) });
  },
};
