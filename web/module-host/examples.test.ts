import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MemoryBacking } from '../fsnode/testing/memory.ts';
import { Hosts, type RunningHost } from './testing/host.ts';

let hosts: Hosts;
beforeAll(() => {
  hosts = new Hosts();
});
afterAll(() => hosts.stop());

const asJson = { 'Content-Type': 'application/json' };

describe('examples/api', () => {
  let host: RunningHost;
  let backing: MemoryBacking;
  let web: Server;
  let address: string;
  beforeAll(async () => {
    ({ host, backing } = await hosts.startExample('api'));
    web = createServer((request, response) => {
      if (request.url === '/pdf') response.setHeader('Content-Type', 'application/pdf').end('%PDF');
      else if (request.url === '/gone') response.writeHead(404).end('<title>not this one</title>');
      else response.setHeader('Content-Type', 'text/html').end('<html><title>\n Bees &amp;  honey &#127855;</title>');
    });
    await new Promise<void>(resolve => web.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise(resolve => web.close(resolve)));

  const text = async (path: string) => {
    const { stream } = await backing.read(path);
    let whole = '';
    const decoder = new TextDecoder();
    for await (const piece of stream) whole += decoder.decode(piece, { stream: true });
    return whole;
  };
  const save = (body: object) => host.ask('/links', { method: 'POST', headers: asJson, body: JSON.stringify(body) });
  const names = async () => ((await host.ask('/links.json')).json as { name: string }[]).map(link => link.name).sort();

  it('lists the links that lie in the folder, with what they say', async () => {
    const links = (await host.ask('/links.json')).json as { name: string }[];
    expect(links.find(link => link.name === 'http')).toMatchObject({
      url: 'https://www.rfc-editor.org/rfc/rfc9110',
      title: 'HTTP Semantics (RFC 9110)',
      note: 'What a request and a response mean, in one place.',
    });
    expect(await names()).toEqual(['express', 'http', 'syncthing']);
  });

  it('leads from a short address to the link, and leaves unknown ones to others', async () => {
    const reply = await host.ask('/go/http');
    expect([reply.status, reply.headers.location]).toEqual([302, 'https://www.rfc-editor.org/rfc/rfc9110']);
    expect((await host.ask('/go/unknown')).headers['owndir-pass']).toBe('files');
    expect((await host.ask('/go/..%2Flinks%2Fhttp')).headers['owndir-pass']).toBe('files');
  });

  it('saves a link as a file, with the title that its page has', async () => {
    const reply = await save({ url: `${address}/bees` });
    expect([reply.status, reply.headers.location]).toEqual([201, '/go/bees-honey']);
    expect(await text('links/bees-honey.txt')).toBe(`${address}/bees\nBees & honey 🍯\n`);
    expect((await host.message('log')).log).toMatchObject({ module: '', text: `saved ${address}/bees as bees-honey` });
  });

  it('takes a form, a title of one’s own and a note', async () => {
    const body = new URLSearchParams({ url: 'https://example.org/a', title: 'My  own', note: 'two\nlines' }).toString();
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    expect((await host.ask('/links', { method: 'POST', headers, body })).status).toBe(201);
    expect(await text('links/my-own.txt')).toBe('https://example.org/a\nMy own\ntwo\nlines\n');
  });

  it('names a link by its address when its page has no title, and numbers a name that is taken', async () => {
    for (const path of ['pdf', 'gone']) expect((await save({ url: `${address}/${path}` })).status).toBe(201);
    const before = await names();
    expect(before.filter(name => /^127-0-0-1-\d+-(pdf|gone)$/.test(name))).toHaveLength(2);
    const again = await Promise.all([1, 2].map(() => save({ url: 'https://x.test', title: 'HTTP' })));
    expect(again.map(reply => (reply.json as { name: string }).name).sort()).toEqual(['http-2', 'http-3']);
    expect(await text('links/http.txt')).toMatch(/^https:\/\/www\.rfc-editor/);
  });

  it('removes a link', async () => {
    expect((await host.ask('/links/syncthing', { method: 'DELETE' })).status).toBe(204);
    expect(await names()).not.toContain('syncthing');
    expect((await host.ask('/links/..%2f..%2fx', { method: 'DELETE' })).status).toBe(204);
  });

  it.each([
    ['no body', {}, '', 400],
    ['no web address', asJson, '{"url":"javascript:alert(1)"}', 400],
    ['broken JSON', asJson, '{', 400],
    ['null', asJson, 'null', 400],
    ['too much', asJson, JSON.stringify({ url: 'x'.repeat(70_000) }), 413],
  ])('refuses %s', async (_, headers, body, status) => {
    expect((await host.ask('/links', { method: 'POST', headers, body })).status).toBe(status);
    expect(host.messages.some(message => message.failed)).toBe(false);
  });

  it('has a page', async () => {
    expect((await host.ask('/')).headers['owndir-pass']).toBe('site');
  });
});

describe('examples/inherit', () => {
  let host: RunningHost;
  let backing: MemoryBacking;
  beforeAll(async () => {
    ({ host, backing } = await hosts.startExample('inherit'));
  });

  it('says of each folder what it inherits and what it has of its own', async () => {
    const about = async (path: string) => (await host.ask(`${path}/about.json`)).json;
    const [house, garden] = ['#3b6ea5', '#3f7d3a'];
    expect(await about('')).toEqual({ path: '/', title: 'House', colour: house, open: 2 });
    expect(await about('/garden')).toEqual({
      path: '/garden',
      title: 'Garden',
      colour: garden,
      outdoors: true,
      open: 2,
    });
    expect(await about('/garden/roses')).toEqual({
      path: '/garden/roses',
      title: 'Roses',
      colour: '#b3304b',
      outdoors: true,
      open: 1,
    });
  });

  it('has a plugin that reaches a folder without a module, and none that is not there', async () => {
    expect((await host.ask('/garden/compost/about.json')).json).toMatchObject({
      path: '/garden/compost',
      title: 'Garden',
      open: 1,
    });
    expect((await host.ask('/cellar/about.json')).headers['owndir-pass']).toBe('files');
    backing.put('cellar/todo.txt', 'Sweep\n');
    expect((await host.ask('/cellar/about.json')).json).toMatchObject({ path: '/cellar', title: 'House', open: 1 });
  });

  it('asks the routes of the nearest folder first, and those above after it', async () => {
    expect((await host.ask('/motto')).text).toBe('Many hands make light work.');
    expect((await host.ask('/garden/motto')).text).toBe('Garden: growing takes time.');
    expect((await host.ask('/garden/roses/motto')).text).toBe('Many hands make light work.');
  });

  it('sends every request through the middleware of the house', async () => {
    for (const path of ['/', '/garden/motto', '/garden/roses/nothing'])
      expect((await host.ask(path)).headers['x-house']).toBe('House');
  });
});
