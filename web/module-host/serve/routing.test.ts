import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryBacking } from '../../fsnode/testing/memory.ts';
import { Hosts, type RunningHost } from '../testing/host.ts';

let hosts: Hosts;
beforeAll(() => {
  hosts = new Hosts();
});
afterAll(() => hosts.stop());

/** Each list notes that it was passed in a field of the answer. */
const passing = (name: string, more = '') => `export default {
  O: {
    middleware: [['use', (req, res, next) => { res.append('way', 'down ${name}'); next(); }]],
    routes: [${more} ['use', (req, res, next) => { res.append('way', 'up ${name}'); next(); }]],
  },
};`;

describe('the way of a request', () => {
  let host: RunningHost;
  beforeAll(async () => {
    host = await hosts.start({
      modules: {
        '': passing('root', `['get', '/a/b/*', (req, res) => res.send('root answers ' + req.params[0])],`),
        a: passing('a'),
        'a/b': passing('b', `['get', '/mine', (req, res) => res.send('b answers')],`),
        'c d/ü%': passing('odd', `['get', '/', (req, res) => res.json([req.url, req.path, req.baseUrl])],`),
      },
      site: ['index.html', 'a/page.html', 'a/b/index.html', 'sp ace.html'],
    });
  });

  it('leads down through the middleware and up through the routes, and back to the server with the fields set on it', async () => {
    const reply = await host.ask('/a/b/nothing?x=1', { method: 'POST' });
    expect([reply.status, reply.headers['owndir-pass'], reply.text]).toEqual([204, 'files', '']);
    expect(reply.headers.way).toBe('down root, down a, down b, up b, up a, up root');
  });

  it('passes only modules of directories on the path', async () => {
    expect((await host.ask('/other/place')).headers.way).toBe('down root, up root');
    expect((await host.ask('/abc')).headers.way).toBe('down root, up root');
  });

  it('goes to the deepest module that answers', async () => {
    expect((await host.ask('/a/b/mine')).text).toBe('b answers');
    expect((await host.ask('/a/b/mine')).headers.way).toBe('down root, down a, down b');
    expect((await host.ask('/a/b/theirs')).text).toBe('root answers theirs');
  });

  it.each([
    ['/', 'down root'],
    ['/index.html', 'down root'],
    ['/a/page.html?v=2', 'down root, down a'],
    ['/a/b/', 'down root, down a, down b'],
    ['/sp%20ace.html', 'down root'],
  ])('turns back after the middleware when %s is a file of the built site', async (path, way) => {
    const reply = await host.ask(path);
    expect([reply.status, reply.headers['owndir-pass'], reply.headers.way]).toEqual([204, 'site', way]);
    expect((await host.ask(path, { method: 'HEAD' })).headers['owndir-pass']).toBe('site');
    expect((await host.ask(path, { method: 'POST' })).headers['owndir-pass']).toBe('files');
  });

  it('decodes a path once, and gives a module the rest of it as Express does for a mounted router', async () => {
    const reply = await host.ask('/c%20d/%C3%BC%25?q=1');
    expect(reply.json).toEqual(['/?q=1', '/', '/c%20d/%C3%BC%25']);
    expect((await host.ask('/c%2520d/%C3%BC%25')).headers.way).toBe('down root, up root');
    expect((await host.ask('/c d/'.replace(' ', '%20') + '%c3%bc%25/')).json).toEqual(['/', '/', '/c%20d/%c3%bc%25']);
  });

  it.each(['/%', '/%zz', '/a/%00', '/a/../b', '/a/%2e%2e/b', '/./a'])('refuses %s', async path => {
    const reply = await host.ask(path);
    expect([reply.status, reply.headers['owndir-pass'], reply.headers.way]).toEqual([400, undefined, undefined]);
  });

  it('takes an encoded slash for no directory', async () => {
    expect((await host.ask('/a%2Fb/mine')).headers.way).toBe('down root, up root');
    expect((await host.ask('//a/b/mine')).headers.way).toBe('down root, up root');
  });

  it('says that it has middleware', async () => {
    expect(await host.message('listening')).toEqual({ listening: true, middleware: true });
  });

  it('refuses WebSockets for now', async () => {
    const reply = await host.ask('/a', { headers: { Connection: 'Upgrade', Upgrade: 'websocket' } });
    expect(reply.status).toBe(501);
  });
});

describe('handlers', () => {
  let host: RunningHost;
  beforeAll(async () => {
    host = await hosts.start({
      modules: {
        '': `export default {
          greeting: 'hello',
          colour: 'green',
          O: {
            routes: [
              ['get', '/greet/:name', function (req, res) { res.send(this.greeting + ' ' + req.params.name + ' in ' + this.colour); }],
              ['get', '/file', function (req, res) { res.sendFile(this.directory.absolutePath + '/.owndir/page.html'); }],
              ['get', '/stream', async function (req, res) {
                for (let i = 0; i < 3; i++) { res.write('part ' + i + '\\n'); await new Promise(setImmediate); }
                res.end();
              }],
              ['post', '/count', (req, res) => { let n = 0; req.on('data', part => (n += part.length)).on('end', () => res.json(n)); }],
              ['post', '/echo', (req, res) => { req.pipe(res); }],
              ['get', '/cwd', (req, res) => res.json(process.cwd())],
              ['get', '/query', (req, res) => res.json(req.query)],
              ['GET', '/upper', (req, res) => res.send('upper')],
              ['get', ['/one', /^\\/two$/], [(req, res, next) => next(), (req, res) => res.send('list')]],
              ['param', 'id', function (req, res, next, value) { req.found = this.greeting + value; next(); }],
              ['get', '/by/:id', (req, res) => res.send(req.found)],
              ['put', '/both', (req, res) => res.send('put')],
              ['get', '/both', (req, res) => res.send('get')],
              ['get', '/cookie', (req, res) => res.cookie('a', '1').redirect('/elsewhere')],
              ['teleport', '/x', () => {}],
              ['get', '/none'],
              'nonsense',
              ['get', '/text', 'no function'],
            ],
          },
        };`,
        deep: `export default { greeting: 'hi', O: { routes: [
          ['get', '/greet', function (req, res) { res.send(this.greeting + ' ' + this.O.path + ' ' + this.colour); }],
          ['get', '/cwd', (req, res) => res.json(process.cwd())],
          ['get', '/list', async function (req, res) { res.json((await this.directory.children()).map(node => node.path)); }],
          ['get', '/own', async function (req, res) { res.json(this.directory.module === this); }],
        ] } };`,
      },
      files: { '.owndir/page.html': '<p>page</p>', 'deep/one.txt': '1', 'deep/two.txt': '22' },
    });
  });

  it('have the module as `this`, with what it inherits', async () => {
    expect((await host.ask('/greet/Ada')).text).toBe('hello Ada in green');
    expect((await host.ask('/deep/greet')).text).toBe('hi /deep green');
  });

  it('reach the folder and find the module of a node', async () => {
    expect((await host.ask('/deep/list')).json).toEqual(['deep/.owndir', 'deep/one.txt', 'deep/two.txt']);
    expect((await host.ask('/deep/own')).json).toBe(true);
  });

  it('send files, also from .owndir', async () => {
    const reply = await host.ask('/file');
    expect([reply.status, reply.text, reply.headers['content-type']]).toEqual([
      200,
      '<p>page</p>',
      'text/html; charset=UTF-8',
    ]);
  });

  it('stream answers and take bodies of any size', async () => {
    const big = Buffer.alloc(5_000_000, 'x');
    expect((await host.ask('/stream')).text).toBe('part 0\npart 1\npart 2\n');
    expect((await host.ask('/count', { method: 'POST', body: big })).json).toBe(big.length);
    expect((await host.ask('/echo', { method: 'POST', body: big })).text).toHaveLength(big.length);
  });

  it('leave the connection usable when a body is passed over', async () => {
    const body = Buffer.alloc(300_000, 'x');
    const replies = await Promise.all([1, 2, 3].map(() => host.ask('/unanswered', { method: 'PUT', body })));
    expect(replies.map(reply => reply.headers['owndir-pass'])).toEqual(['files', 'files', 'files']);
  });

  it('need not read a body: the answer comes whole', async () => {
    const body = 'x'.repeat(300_000);
    const head = 'Host: x\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n';
    expect(await host.exchange(`GET /upper HTTP/1.1\r\n${head}${body}`)).toMatch(/200 OK[^]*\r\n\r\nupper$/);
    expect(await host.exchange(`PUT /else HTTP/1.1\r\n${head}${body}`)).toMatch(/204 No Content\r\nowndir-pass: files/);
  });

  it('begin in their own directory', async () => {
    expect((await host.ask('/cwd')).json).toBe(host.folder);
    expect((await host.ask('/deep/cwd')).json).toBe(`${host.folder}/deep`);
    expect((await host.ask('/cwd')).json).toBe(host.folder);
  });

  it('have all that Express gives: params, queries, lists of paths and handlers, redirects', async () => {
    expect((await host.ask('/query?a=1&b[]=2')).json).toEqual({ a: '1', b: ['2'] });
    expect((await host.ask('/upper')).text).toBe('upper');
    expect((await host.ask('/one')).text).toBe('list');
    expect((await host.ask('/two')).text).toBe('list');
    expect((await host.ask('/by/7')).text).toBe('hello7');
    const moved = await host.ask('/cookie');
    expect([moved.status, moved.headers.location, moved.headers['set-cookie']]).toEqual([
      302,
      '/elsewhere',
      ['a=1; Path=/'],
    ]);
  });

  it('answer HEAD with what GET would, and OPTIONS with the methods there are', async () => {
    const head = await host.ask('/both', { method: 'HEAD' });
    expect([head.status, head.text, head.headers['content-length']]).toEqual([200, '', '3']);
    expect((await host.ask('/both', { method: 'OPTIONS' })).headers.allow?.split(',').sort()).toEqual([
      'GET',
      'HEAD',
      'PUT',
    ]);
    expect((await host.ask('/unknown', { method: 'OPTIONS' })).headers['owndir-pass']).toBe('files');
  });

  it('that cannot be are left out, each with a log line, and the others work', async () => {
    await host.ask('/upper');
    const texts = host.messages.flatMap(message =>
      message.log ? [(message.log as unknown as { text: string }).text] : [],
    );
    expect(texts).toEqual([
      'O.routes[14] is left out: there is no method "teleport"',
      'O.routes[15] is left out: it has no handler',
      'O.routes[16] is left out: it is no list of method, path and handlers',
      'O.routes[17] is left out: a handler is no function but string',
    ]);
  });

  it('say that there is no middleware', async () => {
    expect(await host.message('listening')).toEqual({ listening: true, middleware: false });
  });
});

describe('plugins that propagate', () => {
  it('give routes also to directories without a module, which must exist', async () => {
    const backing = new MemoryBacking();
    for (const path of ['a/b/x.txt', 'a/file']) backing.put(path, 'x');
    const host = await hosts.start({
      modules: { '': 'export default { name: "root" };' },
      plugins: {
        ':style': `const style = module => module.O.routes.push(['get', '/style.css', function (req, res) { res.type('css').send(this.O.path + ' ' + this.directory.path); }]);
          style.propagate = true;
          export default style;`,
      },
      backing,
    });
    expect((await host.ask('/style.css')).text).toBe('/ ');
    expect((await host.ask('/a/b/style.css')).text).toBe('/a/b a/b');
    expect((await host.ask('/a/missing/style.css')).headers['owndir-pass']).toBe('files');
    expect((await host.ask('/a/file/style.css')).headers['owndir-pass']).toBe('files');
    expect((await host.ask(`/${'n'.repeat(300)}/style.css`)).headers['owndir-pass']).toBe('files');
  });

  it('do not let a request pass by when the folder cannot be asked', async () => {
    const backing = new MemoryBacking();
    backing.put('a/x', 'x');
    const host = await hosts.start({
      plugins: { ':gate': 'const gate = module => {}; gate.propagate = true; export default gate;' },
      backing,
    });
    expect((await host.ask('/a/')).headers['owndir-pass']).toBe('files');
    backing.before = () => {
      throw new Error('disk on fire');
    };
    expect((await host.ask('/a/')).status).toBe(500);
  });

  it('that throw are named in the log and leave the rest alive', async () => {
    const host = await hosts.start({
      modules: { a: `export default { O: { routes: [['get', '/', (req, res) => res.send('alive')]] } };` },
      plugins: { 'a:10-broken': 'export default () => { throw new Error("no good"); };' },
    });
    expect((await host.ask('/a')).text).toBe('alive');
    const { log } = await host.message('log');
    expect(log?.text).toMatch(/plugin 10-broken of \/a: no good/);
  });
});

describe('a replaced server package', () => {
  it('mounts its own router, after which the site and the folder follow', async () => {
    const host = await hosts.start({
      bundle: `const OwnDir = () => OwnDir; Object.assign(OwnDir, { injectFsRoot() {}, modules: [], errors: [] });
        exports.OwnDir = OwnDir;
        exports.Router = ({ fsNodeRoot }) => (req, res, next) =>
          req.path === '/own' ? res.send('own ' + fsNodeRoot.name) : next(req.path === '/bad' ? new Error('bad') : undefined);`,
      site: ['s.html'],
    });
    expect((await host.ask('/own')).text).toBe('own folder');
    expect((await host.ask('/s.html')).headers['owndir-pass']).toBe('site');
    expect((await host.ask('/else')).headers['owndir-pass']).toBe('files');
    expect((await host.ask('/bad')).status).toBe(500);
  });
});
