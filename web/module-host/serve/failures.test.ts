import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Hosts, type RunningHost } from '../testing/host.ts';

let hosts: Hosts;
beforeAll(() => {
  hosts = new Hosts();
});
afterAll(() => hosts.stop());

const failing = `export default { O: { routes: [
  ['get', '/ok', (req, res) => res.send('ok')],
  ['get', '/throws', () => { throw new Error('thrown <here>'); }],
  ['get', '/rejects', async () => { await null; throw new Error('rejected'); }],
  ['get', '/nothing', () => Promise.reject()],
  ['get', '/passes', (req, res, next) => next(new Error('passed on'))],
  ['get', '/string', () => { throw 'just text'; }],
  ['get', '/object', () => { throw { success: false, status: 409, error: 'it is there already' }; }],
  ['get', '/missing', async function (req, res) { res.send(await this.directory.walk('no such file').text()); }],
  ['get', '/timer', () => { setTimeout(() => { throw new Error('from a timer'); }, 1); }],
  ['get', '/stray', (req, res) => { Promise.reject(new Error('nobody caught it')); }],
  ['get', '/after', async (req, res) => { res.send('answered'); await null; throw new Error('too late'); }],
  ['get', '/half', async (req, res) => { res.set('Content-Length', '100'); res.write('half'); await null; throw new Error('half way'); }],
  ['get', '/next-then-throw', (req, res, next) => { next(); throw new Error('went on and failed'); }],
  ['get', '/exit', () => process.exit(3)],
  ['get', '/late-exit', () => { setImmediate(() => process.exit(0)); }],
  ['get', '/abort', () => process.abort()],
  ['get', '/emitter', (req, res) => { new (require('events'))().emit('error', new Error('emitted')); }],
  ['get', '/half-character', () => { throw new Error('\\ud800'); }],
  ['get', '/loop', () => { for (;;); }],
  ['get', '/memory', () => { const all = []; for (;;) all.push(new Array(100000).fill(Math.random())); }],
  ['get', '/kill', () => process.kill(process.pid, 'SIGKILL')],
] } };`;

describe('a handler that fails', () => {
  let host: RunningHost;
  beforeAll(async () => {
    host = await hosts.start({ modules: { 'a/b': failing } });
  });

  it.each([
    ['throws', 'thrown <here>'],
    ['rejects', 'rejected'],
    ['nothing', 'a handler failed without saying why'],
    ['passes', 'passed on'],
    ['string', 'just text'],
    ['timer', 'from a timer'],
    ['stray', 'nobody caught it'],
    ['next-then-throw', 'went on and failed'],
    ['emitter', 'emitted'],
    ['exit', 'A module called process.exit(3). The module host does not end for that; throw an error instead.'],
    ['late-exit', 'A module called process.exit(0). The module host does not end for that; throw an error instead.'],
    ['abort', 'A module called process.abort(). The module host does not end for that; throw an error instead.'],
  ])('(%s) costs its request, is told of with its module, and nothing else happens', async (path, text) => {
    const reply = await host.ask(`/a/b/${path}`, { headers: { 'owndir-request': '4711', Accept: 'application/json' } });
    const expected = path === 'next-then-throw' ? 204 : 500;
    expect(reply.status).toBe(expected);
    if (expected === 500) expect(reply.json).toEqual({ success: false, status: 500, error: text, module: 'a/b' });
    const { failed } = await host.message('failed', value => value.text === text);
    expect(failed).toMatchObject({ module: 'a/b', request: 4711, text });
    expect((await host.ask('/a/b/ok')).text).toBe('ok');
  });

  it('gives a person a page that can do nothing', async () => {
    const reply = await host.ask('/a/b/throws', { headers: { Accept: 'text/html' } });
    expect(reply.text).toContain('thrown &lt;here&gt;');
    expect(reply.text).toContain('<code>a/b</code>');
    expect(reply.headers['content-security-policy']).toBe("default-src 'none'");
  });

  it('points to the line in the module, not in the bundle', async () => {
    await host.ask('/a/b/throws');
    const { failed } = await host.message('failed', value => value.text === 'thrown <here>');
    expect(failed?.stack).toMatch(/a\/b\/\.owndir\/index\.js:3:/);
  });

  it('chooses the status where the error brings one; what is the request’s own fault is no failure', async () => {
    const reply = await host.ask('/a/b/object', { headers: { Accept: 'application/json' } });
    expect([reply.status, reply.json]).toEqual([
      409,
      { success: false, status: 409, error: 'it is there already', module: 'a/b' },
    ]);
    expect((await host.ask('/a/b/missing')).status).toBe(404);
    expect(host.messages.filter(message => message.failed?.text === 'it is there already')).toEqual([]);
  });

  it('after its answer changes nothing of it', async () => {
    expect((await host.ask('/a/b/after')).text).toBe('answered');
    expect((await host.message('failed', value => value.text === 'too late')).failed?.module).toBe('a/b');
  });

  it('half-way through its answer breaks the connection, so that nobody takes the half for the whole', async () => {
    await expect(host.ask('/a/b/half')).rejects.toThrow(/aborted|socket hang up|ECONNRESET/);
    expect((await host.ask('/a/b/ok')).text).toBe('ok');
  });

  it('with half a character in its text leaves the protocol whole', async () => {
    await host.ask('/a/b/half-character');
    expect((await host.message('failed', value => value.text === '\ufffd')).failed?.module).toBe('a/b');
  });

  it('says before it runs which module keeps the process busy', async () => {
    await host.ask('/a/b/ok', { headers: { 'owndir-request': '99' } });
    expect(await host.message('busy', value => value.request === 99)).toEqual({ busy: { request: 99, module: 'a/b' } });
  });

  it('does not disturb the other requests under way', async () => {
    const paths = ['ok', 'throws', 'ok', 'timer', 'stray', 'ok', 'exit', 'ok'];
    const replies = await Promise.all(
      Array.from({ length: 10 }, () => paths.map(path => host.ask(`/a/b/${path}`))).flat(),
    );
    for (const [index, reply] of replies.entries()) expect(reply.status).toBe(paths[index % 8] === 'ok' ? 200 : 500);
  });
});

describe('error handlers', () => {
  it('of the module itself or of one above answer, nearest first', async () => {
    const host = await hosts.start({
      modules: {
        '': `export default { O: { routes: [
          ['use', function (error, req, res, next) { res.status(503).send('root says ' + error.message + ' at ' + req.originalUrl); }],
          ['get', '/at-root', () => { throw new Error('R'); }],
        ] } };`,
        a: `export default { O: {
          middleware: [['get', '/gate', (req, res, next) => next(new Error('G'))]],
          routes: [
            ['get', '/x', () => { throw new Error('X'); }],
            ['get', '/y', () => { throw new Error('Y'); }],
            ['use', '/y', (error, req, res, next) => res.send('a says ' + error.message)],
            ['get', '/healed', () => { throw new Error('H'); }],
            ['use', '/healed', (error, req, res, next) => next()],
          ] } };`,
      },
    });
    expect((await host.ask('/a/x')).text).toBe('root says X at /a/x');
    expect((await host.ask('/a/y')).text).toBe('a says Y');
    expect((await host.ask('/a/gate')).text).toBe('root says G at /a/gate');
    expect((await host.ask('/a/healed')).headers['owndir-pass']).toBe('files');
    // Express: an error handler serves what stands before it.
    expect((await host.ask('/at-root')).status).toBe(500);
  });
});

describe('code that nothing can contain', () => {
  const busyIn = (module: string) => (value: Record<string, unknown>) => value.module === module;

  it('a loop without end: the process answers no ping, and was busy with that module last', async () => {
    const host = await hosts.start({ modules: { 'a/b': failing } });
    host.say({ ping: 1 });
    expect(await host.message('pong')).toEqual({ pong: 1 });
    const lost = host.ask('/a/b/loop');
    lost.catch(() => undefined);
    await host.message('busy', busyIn('a/b'));
    host.say({ ping: 2 });
    host.child.kill('SIGTERM');
    // Deaf to both: only a signal that cannot be caught ends it.
    host.child.kill('SIGKILL');
    expect((await host.ended).signal).toBe('SIGKILL');
    await expect(lost).rejects.toThrow();
    expect(host.messages.some(message => message.pong === (2 as never))).toBe(false);
  });

  it('a heap without end: the process dies at its limit, and was busy with that module last', async () => {
    const host = await hosts.start({ modules: { 'a/b': failing }, nodeArguments: ['--max-old-space-size=40'] });
    await expect(host.ask('/a/b/memory')).rejects.toThrow();
    expect((await host.ended).code).not.toBe(0);
    expect(host.messages.filter(message => message.busy).at(-1)?.busy).toMatchObject({ module: 'a/b' });
  });

  it('a signal to itself', async () => {
    const host = await hosts.start({ modules: { 'a/b': failing } });
    await expect(host.ask('/a/b/kill')).rejects.toThrow();
    expect((await host.ended).signal).toBe('SIGKILL');
  });
});

describe('a bundle that cannot be loaded', () => {
  it('ends the process with the module and the line', async () => {
    const host = await hosts.start({ modules: { 'x y': 'export default undefinedName.property;' } }, false);
    expect((await host.ended).code).toBe(1);
    const failed = host.messages.find(message => message.failed)?.failed;
    expect(failed).toMatchObject({ module: 'x y', text: 'undefinedName is not defined' });
    expect(host.messages.some(message => 'listening' in message)).toBe(false);
  });

  it('ends the process when it is no bundle of ours', async () => {
    const host = await hosts.start({ bundle: 'exports.nothing = 1;' }, false);
    expect((await host.ended).code).toBe(1);
    expect(host.messages.find(message => message.failed)?.failed?.text).toMatch(/does not export the module tree/);
  });
});
