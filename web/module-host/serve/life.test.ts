import { spawn } from 'node:child_process';
import { existsSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryBacking } from '../../fsnode/testing/memory.ts';
import { Hosts, type RunningHost } from '../testing/host.ts';

let hosts: Hosts;
beforeAll(() => {
  hosts = new Hosts();
});
afterAll(() => hosts.stop());

const slow = `export default { O: { routes: [
  ['get', '/slow', async (req, res) => { res.write('begun'); await new Promise(go => setTimeout(go, 300)); res.end(' and done'); }],
  ['get', '/never', (req, res) => { res.write('begun'); }],
  ['get', '/ok', (req, res) => res.send('ok')],
] } };
setInterval(() => {}, 1000);`;

describe('the end', () => {
  it('by the closing of stdin lets requests under way finish', async () => {
    const host = await hosts.start({ modules: { '': slow } });
    const reply = host.ask('/slow', { headers: { 'owndir-request': '5' } });
    await host.message('busy', value => value.request === 5);
    expect(await host.stop()).toEqual({ code: 0, signal: null });
    expect((await reply).text).toBe('begun and done');
    await expect(host.ask('/ok')).rejects.toThrow();
  });

  it('by SIGTERM comes although a request never ends and a timer of a module runs', async () => {
    const host = await hosts.start({ modules: { '': slow } });
    const reply = host.ask('/never', { headers: { 'owndir-request': '5' } });
    reply.catch(() => undefined);
    await host.message('busy', value => value.request === 5);
    host.child.kill('SIGTERM');
    expect(await host.ended).toEqual({ code: 0, signal: null });
    await expect(reply).rejects.toThrow();
  });

  it('does not come by Ctrl-C, which the server hears itself', async () => {
    const host = await hosts.start({ modules: { '': slow } });
    host.child.kill('SIGINT');
    expect((await host.ask('/ok')).text).toBe('ok');
  });

  it('takes the socket away', async () => {
    const host = await hosts.start({ modules: { '': slow } });
    expect(statSync(host.socket).mode & 0o777).toBe(0o600);
    await host.stop();
    expect(existsSync(host.socket)).toBe(false);
  });

  it.each(['', 'nonsense\n', '[]\n', '{"server":"relative","socket":"/s","folder":"/f"}\n'])(
    'comes at once with code 2 when the job is %j',
    async job => {
      const child = spawn(process.execPath, [join(hosts.share, 'host.cjs'), 'serve']);
      let stderr = '';
      child.stderr.on('data', chunk => (stderr += String(chunk)));
      child.stdin.end(job);
      expect(await new Promise(resolve => child.on('close', resolve))).toBe(2);
      expect(stderr).toMatch(/^host\.cjs serve: (the job|stdin)/);
    },
  );
});

describe('what modules print', () => {
  let host: RunningHost;
  beforeAll(async () => {
    host = await hosts.start({
      modules: {
        a: `console.log('loading');
          export default { O: { routes: [
          ['get', '/print', async (req, res) => {
            console.log('plain', { a: 1 }, 7);
            console.warn('warned');
            console.error(new TypeError('an error').message);
            console.debug('%s!', 'debugged');
            console.info('two\\nlines');
            process.stdout.write('written ');
            await new Promise(setImmediate);
            console.log('later');
            process.stdout.write('directly\\n');
            res.send('done');
          }],
          ['get', '/much', (req, res) => { console.log('x'.repeat(100000)); res.send('done'); }],
        ] } };`,
      },
    });
  });
  const logs = () => host.messages.flatMap(message => (message.log ? [message.log as Record<string, unknown>] : []));

  it('becomes log lines with the module and the request, also after an await', async () => {
    await host.ask('/a/print', { headers: { 'owndir-request': '12' } });
    await host.message('log', value => value.text === 'written directly');
    const mine = { module: 'a', request: 12 };
    expect(logs().filter(log => log.request === 12)).toEqual([
      { level: 'info', text: 'plain { a: 1 } 7', ...mine },
      { level: 'warn', text: 'warned', ...mine },
      { level: 'error', text: 'an error', ...mine },
      { level: 'debug', text: 'debugged!', ...mine },
      { level: 'info', text: 'two\nlines', ...mine },
      { level: 'info', text: 'later', ...mine },
      { level: 'info', text: 'written directly', ...mine },
    ]);
    expect(logs()[0]).toEqual({ level: 'info', text: 'loading', module: '' });
    expect(host.garbage).toEqual([]);
  });

  it('is cut to what a log holds', async () => {
    await host.ask('/a/much');
    const { log } = await host.message('log', value => String(value.text).startsWith('xxx'));
    expect(String(log?.text).length).toBe(8001);
  });
});

describe('the server’s end', () => {
  it('is answered ping by ping, and nonsense on it does no harm', async () => {
    const host = await hosts.start({ modules: { '': slow } });
    host.child.stdin?.write('no json\n[1]\n{"unknown":1}\n{"ping":');
    host.child.stdin?.write('41}\n{"ping":42}\n');
    await host.message('pong', value => (value as unknown) === 42);
    expect(host.messages.flatMap(message => ('pong' in message ? [message.pong] : []))).toEqual([41, 42]);
    expect((await host.message('log')).log?.text).toMatch(/no JSON/);
  });
});

describe('the folder', () => {
  const reading = `export default { O: { routes: [
    ['get', '/read', async function (req, res) { res.send(await this.directory.walk('x.txt').text()); }],
    ['put', '/write', async function (req, res) { await this.directory.walk('x.txt').write(req); res.send('written'); }],
    ['get', '/part', async function (req, res) { res.send(Buffer.from(await this.directory.walk('x.txt').readAll(1, 2))); }],
    ['get', '/up', function (req, res) { res.json([this.directory.walk('../../..').path, this.directory.root.path]); }],
    ['get', '/out', async function (req, res) { res.json(await this.directory.walk('../../etc/passwd').info()); }],
    ['get', '/hidden', async function (req, res) { res.json([await this.directory.walk('.stfolder').info(), await this.directory.walk('gone').info()]); }],
    ['get', '/watch', async function (req, res) { this.directory.sub(['add', 'error'], '.', (event, node, detail) => { if (!res.headersSent) res.send(event); }); }],
  ] } };`;

  it('comes over the connection that the server left as descriptor 3', async () => {
    const backing = new MemoryBacking();
    backing.put('a/x.txt', 'from the server');
    const host = await hosts.start({ modules: { a: reading }, backing });
    expect((await host.ask('/a/read')).text).toBe('from the server');
    expect((await host.ask('/a/write', { method: 'PUT', body: 'new' })).text).toBe('written');
    expect((await host.ask('/a/read')).text).toBe('new');
    expect((await host.ask('/a/watch')).text).toBe('add');
  });

  it('ends the process when its connection breaks, so that the next one has a whole one', async () => {
    const host = await hosts.start({ modules: { a: reading }, backing: new MemoryBacking() });
    (host.child.stdio[3] as Duplex).destroy();
    expect((await host.message('failed')).failed?.text).toMatch(/connection to the folder ended/);
    expect((await host.ended).code).toBe(1);
  });

  it('does not follow a link that leads out of it, and shows names as they are', async () => {
    const host = await hosts.start({
      modules: {
        '': `export default { O: { routes: [['get', '/all', async function (req, res) {
          const out = this.directory.walk('out');
          res.json({ names: (await this.directory.children()).map(node => node.name), out: await out.info(), in: (await this.directory.walk('in').info())?.isSymLink });
        }]] } };`,
      },
      files: { 'ü 🌱.txt': '1', '.syncthing.x.tmp': '' },
    });
    symlinkSync('/etc', join(host.folder, 'out'));
    symlinkSync('ü 🌱.txt', join(host.folder, 'in'));
    expect((await host.ask('/all')).json).toEqual({ names: ['.owndir', 'in', 'out', 'ü 🌱.txt'], out: null, in: true });
  });

  it('is read from the disk when there is none, and not written', async () => {
    const host = await hosts.start({
      modules: { a: reading },
      files: { 'a/x.txt': 'on disk', 'a/.stfolder/x': '', 'secret.txt': 'x' },
    });
    expect((await host.ask('/a/read')).text).toBe('on disk');
    expect((await host.ask('/a/part')).text).toBe('n ');
    expect((await host.ask('/a/hidden')).json).toEqual([null, null]);
    expect((await host.ask('/a/up')).json).toEqual(['', '']);
    expect((await host.ask('/a/out')).status).toBe(403);
    expect((await host.ask('/a/write', { method: 'PUT', body: 'new' })).status).toBe(403);
    expect((await host.ask('/a/watch')).text).toBe('error');
  });
});
