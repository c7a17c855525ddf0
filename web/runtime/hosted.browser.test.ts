// The runtime in real Chromium on a server's own origin that the test plays: the folder, its absence and its return, newer
// sites, addresses.

import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page, type WebSocketRoute } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Message, Transport } from '../fsnode/index.ts';
import { MemoryBacking } from '../fsnode/testing/memory.ts';
import { ReferenceServer } from '../fsnode/testing/reference_server.ts';
import { kSwitches } from '../shell/dev/bundle.mjs';
import { bundleRuntime } from './bundle.mjs';
import type { Owndir } from './owndir.ts';

interface Globals {
  owndir: Owndir;
  heard: string[];
}

const kOrigin = 'https://folder.test';

/** The page's WebSocket as the server's end of a transport. */
class RouteTransport implements Transport {
  onmessage: ((message: Message) => void) | null = null;
  onclose: ((reason: string) => void) | null = null;
  readonly #route: WebSocketRoute;

  constructor(route: WebSocketRoute) {
    this.#route = route;
    route.onMessage(data => this.onmessage?.(typeof data === 'string' ? data : new Uint8Array(data)));
    route.onClose(() => this.onclose?.('the page has closed it'));
  }
  send(message: Message): void {
    this.#route.send(typeof message === 'string' ? message : Buffer.from(message));
  }
  close(): void {
    void this.#route.close();
  }
}

/** What answers at the origin. */
class Origin {
  readonly folder = new MemoryBacking('Notes');
  digest = 'one';
  up = true;
  refuses = false;
  /** As `owndir connect` says it. */
  server: string | null = null;
  info: string | null = '{"name":"Notes"}';
  head = '';
  pages = ['index.html'];
  readonly #runtime: string;
  readonly #sockets = new Set<WebSocketRoute>();

  constructor(runtime: string) {
    this.#runtime = runtime;
  }

  async serve(page: Page): Promise<void> {
    await page.route(`${kOrigin}/**`, async route => {
      const { pathname } = new URL(route.request().url());
      if (!this.up) return route.abort('connectionrefused');
      if (pathname === '/@/info' && this.info !== null)
        return route.fulfill({
          contentType: 'application/json',
          body: this.info,
          headers: this.server === null ? {} : { 'owndir-server': this.server },
        });
      if (pathname === '/@/info' && this.server !== null) return route.fulfill({ status: 503, body: 'waiting' });
      if (pathname === '/runtime.js') return route.fulfill({ contentType: 'text/javascript', body: this.#runtime });
      if (pathname.startsWith('/@/')) return route.fulfill({ status: 404, contentType: 'text/plain', body: 'no' });
      return route.fulfill({ contentType: 'text/html', body: this.#html(pathname) });
    });
    await page.routeWebSocket(/\/@\/(?:fs|live)$/, route => {
      if (!this.up || this.refuses) return void route.close({ code: 1008 });
      this.#sockets.add(route);
      if (route.url().endsWith('/@/fs')) new ReferenceServer(new RouteTransport(route), this.folder);
      else route.send(JSON.stringify({ site: this.digest, state: 'ok', text: '' }));
    });
  }

  tell(message: object): void {
    for (const socket of this.#sockets) if (socket.url().endsWith('/@/live')) socket.send(JSON.stringify(message));
  }

  drop(): void {
    for (const socket of this.#sockets) void socket.close({ code: 1001 });
    this.#sockets.clear();
  }

  #html(pathname: string): string {
    const base = '../'.repeat(pathname.split('/').length - 2) || './';
    const site = JSON.stringify({ digest: this.digest, base, pages: this.pages, title: 'Notes' });
    return (
      `<!doctype html><html lang="en"><head><title>t</title>${this.head}</head><body><div id="owndir"></div>` +
      `<script>globalThis.OWNDIR_SITE=${site}</script><script src="/runtime.js"></script></body></html>`
    );
  }
}

const status = (page: Page) =>
  page.evaluate(() => document.querySelector('owndir-status')?.shadowRoot?.querySelector('.words')?.textContent);
const isMode = (page: Page, mode: string) =>
  page.waitForFunction(wanted => document.documentElement.dataset.owndirMode === wanted, mode);

describe.skipIf(!existsSync('/usr/bin/chromium'))('the runtime on the server’s origin', () => {
  let browser: Browser;
  let runtime: string;
  let page: Page;
  let origin: Origin;

  beforeAll(async () => {
    runtime = await bundleRuntime();
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: kSwitches });
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    page = await browser.newPage();
    page.setDefaultTimeout(15_000);
    origin = new Origin(runtime);
    await origin.serve(page);
  });
  afterEach(() => page.close());

  const open = (path = '/') => page.goto(kOrigin + path);
  const textOf = (path: string) =>
    page.evaluate(wanted => (globalThis as unknown as Globals).owndir.directory.walk(wanted).text(), path);

  it('is live at once, in spite of an element that is called like it', async () => {
    origin.folder.put('a/b.txt', 'hello');
    await open();
    await page.evaluate(() => (globalThis as unknown as Globals).owndir.ready);
    await isMode(page, 'live');
    expect(await textOf('a/b.txt')).toBe('hello');
    expect(await status(page)).toBe('Live');
  });

  it('says that the server is away, and is live again without a reload', async () => {
    origin.folder.put('a.txt', 'one');
    await open();
    await isMode(page, 'live');
    await page.evaluate(() => {
      const { directory } = (globalThis as unknown as Globals).owndir;
      const heard: string[] = [];
      Object.assign(globalThis, { heard });
      directory.sub(['all', 'ready'], '.', (event, node) => void heard.push(`${event} ${node.path}`));
    });
    await page.waitForFunction(() => (globalThis as unknown as Globals).heard.includes('ready '));
    origin.up = false;
    origin.drop();
    await isMode(page, 'none');
    await page.waitForFunction(
      () => document.querySelector('owndir-status')?.shadowRoot?.querySelector('.words')?.textContent === 'Server away',
    );
    // What is asked for meanwhile waits.
    const later = textOf('a.txt');
    origin.folder.put('b.txt', 'new');
    origin.up = true;
    await isMode(page, 'live');
    expect(await later).toBe('one');
    await page.waitForFunction(() => (globalThis as unknown as Globals).heard.includes('add b.txt'));
  });

  it('says that the browser is not signed in', async () => {
    origin.refuses = true;
    await open();
    await page.evaluate(() => (globalThis as unknown as Globals).owndir.ready);
    expect(await status(page)).toBe('Not signed in');
    // The reason and the way out are there without a click, and go when they are no longer true.
    await page.getByText('This browser is not signed in, so').waitFor();
    expect(await page.getByText('Open the link that owndir printed when it started;').isVisible()).toBe(true);
    await page.locator('owndir-status').getByRole('button').click();
    await page.getByRole('dialog').getByText('Open the link that owndir printed').waitFor();
  });

  it('goes on by itself once the browser is signed in', async () => {
    origin.refuses = true;
    await open();
    await page.getByText('not signed in, so').waitFor();
    origin.refuses = false;
    await isMode(page, 'live');
    await page.getByText('not signed in, so').waitFor({ state: 'hidden' });
  });

  it('says whose folder it is where “owndir connect” answers, and does not take a lost channel for a missing sign-in', async () => {
    origin.server = 'K%C3%BCche';
    await open();
    await isMode(page, 'live');
    expect(await page.locator('owndir-status').getByRole('button').getAttribute('title')).toContain('“Küche”');
    origin.refuses = true;
    origin.info = null;
    origin.drop();
    await page.waitForFunction(
      () => document.querySelector('owndir-status')?.shadowRoot?.querySelector('.words')?.textContent === 'Server away',
    );
    expect(await page.getByText('not signed in').count()).toBe(0);
  });

  it('takes another web host for what it is: the folder has to be chosen', async () => {
    origin.info = null;
    await open();
    await page.getByRole('button', { name: 'Choose folder…' }).waitFor();
    expect(await page.evaluate(() => (globalThis as unknown as Globals).owndir.where)).toBe('static');
    await page.evaluate(() => (globalThis as unknown as Globals).owndir.navigate('/a b/'));
    expect(page.url()).toBe(`${kOrigin}/#/a%20b/`);
  });

  it('shows nothing of itself on a page that asks for quiet', async () => {
    origin.info = null;
    origin.head = '<meta name="owndir" content="quiet">';
    await open();
    await page.evaluate(() => (globalThis as unknown as Globals).owndir.ready);
    expect(await page.locator('owndir-status').count()).toBe(0);
    expect(await page.getByRole('button').count()).toBe(0);
    await page.evaluate(() => (globalThis as unknown as Globals).owndir.connect());
    await page.getByRole('dialog', { name: 'Connection' }).waitFor();
  });

  it('gives way to the place that the app has for the status', async () => {
    await open();
    await isMode(page, 'live');
    const visible = () => page.locator('owndir-status:visible').count();
    expect(await visible()).toBe(1);
    await page.evaluate(() => document.body.append(document.createElement('owndir-status')));
    expect(await visible()).toBe(1);
    await page.evaluate(() => document.querySelector('body owndir-status')?.remove());
    expect(await visible()).toBe(1);
  });

  it('reloads the page for a newer site, once', async () => {
    await open();
    await isMode(page, 'live');
    await page.evaluate(() => Object.assign(globalThis, { notReloaded: true }));
    origin.digest = 'two';
    origin.tell({ site: 'two', state: 'building', text: '' });
    origin.tell({ site: 'two', state: 'ok', text: '' });
    await page.waitForFunction(() => !('notReloaded' in globalThis));
    await isMode(page, 'live');
    // A page that stays old although it was loaded anew for that site only says so.
    origin.tell({ site: 'two', state: 'ok', text: '' });
    expect(await page.getByText('newer version').isVisible()).toBe(false);
  });

  it('does not reload for ever when the page stays the old one', async () => {
    await open();
    await isMode(page, 'live');
    origin.tell({ site: 'two', state: 'ok', text: '' });
    await page.waitForFunction(() => sessionStorage.getItem('owndir.reloaded') === 'two');
    await isMode(page, 'live');
    await page.waitForFunction(() => document.querySelector('owndir-panel')?.shadowRoot !== null);
    origin.tell({ site: 'two', state: 'ok', text: '' });
    await page.getByText('A newer version of this app is there.').waitFor();
  });

  it('shows why a build failed, and that code waits for approval', async () => {
    await open();
    await isMode(page, 'live');
    origin.tell({ site: 'one', state: 'failed', text: 'index.jsx:3:1: no' });
    await page.getByText('index.jsx:3:1: no').waitFor();
    origin.tell({ site: 'one', state: 'unapproved', text: '' });
    await page.getByText('waits for approval').waitFor();
    origin.tell({ site: 'one', state: 'ok', text: '' });
    await page.getByText('waits for approval').waitFor({ state: 'hidden' });
  });

  it('has the URL’s path for its address, and moves without loading within one page', async () => {
    origin.pages = ['index.html', 'other/index.html'];
    await open('/a%20b/c/?q=1#h');
    await isMode(page, 'live');
    const address = () => page.evaluate(() => (globalThis as unknown as Globals).owndir.address);
    expect(await address()).toEqual({ path: '/a b/c/', query: '?q=1', hash: '#h' });
    await page.evaluate(() => {
      const api = (globalThis as unknown as Globals).owndir;
      const heard: string[] = [];
      Object.assign(globalThis, { notReloaded: true, heard });
      api.on('address', ({ path }) => void heard.push(path));
      api.navigate('/50% of #1/', { query: 'x=y' });
    });
    expect(page.url()).toBe(`${kOrigin}/50%25%20of%20%231/?x=y`);
    expect(await address()).toEqual({ path: '/50% of #1/', query: '?x=y', hash: '' });
    await page.goBack();
    expect(await page.evaluate(() => (globalThis as unknown as Globals).heard)).toEqual(['/50% of #1/', '/a b/c/']);
    await page.evaluate(() => (globalThis as unknown as Globals).owndir.navigate('/other/x'));
    await page.waitForFunction(() => !('notReloaded' in globalThis));
    expect(page.url()).toBe(`${kOrigin}/other/x`);
  });
});
