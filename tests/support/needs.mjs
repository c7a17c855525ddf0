// What a test may need of the machine, and the sentence that says why it cannot have it ('' if it can).
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { fsnodeServer, root, owndir } from './paths.mjs';

function program(name) {
  for (const directory of `${process.env.PATH}:/usr/sbin:/sbin`.split(':')) {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return '';
    } catch {
      // look further
    }
  }
  return `${name} is not installed (./dev setup)`;
}

const checks = {
  owndir: () => (existsSync(owndir) ? '' : `${owndir} is not built (./dev build)`),
  fsnode_server: () => (existsSync(fsnodeServer) ? '' : `${fsnodeServer} is not built (./dev build fsnode_server)`),
  chromium: () => program('chromium') || (existsSync(join(root, 'web/node_modules/playwright-core')) ? '' : 'playwright-core is not installed (./dev setup)'),
  display: () => ['Xvfb', 'openbox', 'xdotool'].map(program).find(Boolean) ?? '',
  syncthing: () => program('syncthing'),
  nginx: () => program('nginx'),
  litmus: () => program('litmus'),
  dav: () => (existsSync('/usr/lib/nginx/modules/ngx_http_dav_ext_module.so') ? '' : 'libnginx-mod-http-dav-ext is not installed (./dev conformance litmus)'),
  ffmpeg: () => program('ffmpeg'),
  transmission: () => program('transmission-daemon'),
  jupyter: () => program('jupyter-notebook') || (existsSync('/usr/share/nodejs/xterm') ? '' : 'node-xterm is not installed (./dev setup)'),
  novnc: () => ['websockify', 'x11vnc', 'xterm'].map(program).find(Boolean) || (existsSync('/usr/share/novnc/vnc.html') ? '' : 'novnc is not installed (./dev setup)'),
  namespaces: () => {
    const lacking = ['ip', 'nft', 'turnserver', 'nsenter', 'unshare'].map(program).find(Boolean);
    if (lacking) return lacking;
    const made = spawnSync(join(root, 'tests/support/natbed.sh'), ['--check'], { encoding: 'utf8', timeout: 20_000 });
    return made.status === 0 ? '' : `no network namespaces here: ${(made.stderr || String(made.error ?? '')).trim().split('\n').at(-1)}`;
  },
};
const answers = new Map();

export async function whyNot(need) {
  if (!answers.has(need)) answers.set(need, checks[need]());
  return answers.get(need);
}
