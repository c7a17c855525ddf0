// The default client in real Chromium, from file:// and from a web server: a built folder, no owndir server behind it.
import { createReadStream, existsSync, readFileSync, renameSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Builder, type TestFolder } from '../module-host/testing/builder.ts';
import { chromiumIsMissing } from '../testing/browser.ts';

const files = {
  '.owndir/index.jsx': `
    import { useState } from "react";
    import { Link, useLocation, useNavigate } from "react-router-dom";
    import "./style.css";
    export default {
      title: "Top",
      frame() {
        const [count, setCount] = useState(0);
        const location = useLocation();
        const navigate = useNavigate();
        return <main>
          <h1>{this.title}</h1>
          <p id="where">{this.O.path} {location.pathname}{location.search} {JSON.stringify(location.state)}</p>
          <button id="count" onClick={() => setCount(count + 1)}>{count}</button>
          <button id="go" onClick={() => navigate("/a/b?x=1", { state: { from: "top" } })}>go</button>
          <Link id="to-a" to="/a">a</Link> <Link id="to-odd" to="/a/c%20d%23%C3%BC">odd</Link> <Link id="to-broken" to="/broken">broken</Link>
          {this.main?.()}
        </main>;
      },
    };`,
  '.owndir/style.css': 'h1 { color: rgb(1, 2, 3) }',
  'a/.owndir/index.jsx': `import "./a.css"; export default { title: "A", main() { return <b id="main">{this.O.path}</b>; } };`,
  'a/.owndir/a.css': 'h1 { color: rgb(4, 5, 6) }',
  'broken/.owndir/index.jsx':
    'import { Link } from "react-router-dom"; export default { frame() { if (!globalThis.mended) throw new Error("it is broken"); return <Link id="mended" to="/">mended</Link>; } };',
};

interface Support {
  openBrowser(bench: object, options: object): Promise<BrowserContext>;
  openPage(bench: object, context: BrowserContext, file: string): Promise<Page>;
}

/** Nothing but files. */
function serve(directory: string): Promise<Server> {
  const server = createServer((request, response) => {
    const path = join(
      directory,
      decodeURIComponent((request.url ?? '/').replace(/[?#].*$/, '').replace(/\/$/, '/index.html')),
    );
    if (!existsSync(path)) return void response.writeHead(404).end();
    const type = path.endsWith('.html') ? 'text/html' : path.endsWith('.css') ? 'text/css' : 'text/javascript';
    response.writeHead(200, { 'content-type': type });
    createReadStream(path).pipe(response);
  });
  return new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(server)));
}

describe.skipIf(chromiumIsMissing)('the default client', () => {
  let builder: Builder;
  let folder: TestFolder;
  let server: Server;
  let context: BrowserContext;
  let support: Support;
  let bench: { directory: string; defer(action: () => unknown): void; log(text: string): void };
  const deferred: (() => unknown)[] = [];

  beforeAll(async () => {
    builder = new Builder();
    const built = await builder.built(files);
    expect(built.errors).toEqual([]);
    folder = built.folder;
    server = await serve(join(folder.job.out, 'site'));
    // @ts-expect-error: plain JavaScript of the end-to-end tests
    support = (await import('../../tests/support/chromium.mjs')) as Support;
    bench = { directory: builder.directory, defer: action => deferred.unshift(action), log: () => undefined };
    context = await support.openBrowser(bench, { directories: [] });
  });
  afterAll(async () => {
    for (const action of deferred) await action();
    server?.close();
    await builder?.stop();
  });

  const places = [
    ['file://', () => `file://${folder.job.out}/site/index.html`],
    ['a web server', () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`],
  ] as const;

  it.each(places)('shows frames by the address and moves between them, from %s', async (_name, url) => {
    const page = await context.newPage();
    await page.goto(url());
    await page.getByText('Top').waitFor();
    const where = page.locator('#where');
    const colour = () => page.locator('h1').evaluate(each => getComputedStyle(each).color);
    expect(await colour()).toBe('rgb(1, 2, 3)');
    await page.click('#count');
    await page.click('#to-a');
    await page.locator('#main').getByText('/a').waitFor();
    expect(await page.locator('h1').textContent()).toBe('A');
    expect(await where.textContent()).toBe('/a /a null');
    expect(await colour()).toBe('rgb(4, 5, 6)');
    // The same frame at another place keeps its state.
    expect(await page.locator('#count').textContent()).toBe('1');
    await page.click('#go');
    await where.getByText('/a/b /a/b?x=1 {"from":"top"}').waitFor();
    await page.click('#to-odd');
    await page.locator('#main').getByText('/a/c d#ü').waitFor();
    expect(await where.textContent()).toBe('/a/c d#ü /a/c%20d%23%C3%BC null');
    await page.goBack();
    await page.goBack();
    await page.goBack();
    await page.getByText('Top').waitFor();
    expect(await colour()).toBe('rgb(1, 2, 3)');
    await page.close();
  });

  it.each(places)('shows what a frame throws, and goes on, from %s', async (from, url) => {
    const page = await context.newPage();
    await page.goto(url());
    await page.click('#to-broken');
    const alert = page.getByRole('alert');
    await alert.waitFor();
    expect(await alert.textContent()).toContain('it is broken');
    // Where the map can be read, in the module's own source.
    if (from !== 'file://') await alert.getByText('at broken/.owndir/index.jsx:1:').waitFor();
    expect(await alert.locator('details pre').textContent()).toMatch(/at .*client-/);
    await page.goBack();
    await page.getByText('Top').waitFor();
    await page.goForward();
    await alert.waitFor();
    await page.evaluate(() => Object.assign(globalThis, { mended: true }));
    await alert.getByRole('button').click();
    await page.click('#mended');
    await page.getByText('Top').waitFor();
    await page.close();
  });

  it('is waited for by a page whose script has not arrived yet', async () => {
    const site = join(folder.job.out, 'site');
    const script = /client-[0-9a-f]+\.js/.exec(readFileSync(join(site, 'index.html'), 'utf8'))?.[0] ?? '';
    renameSync(join(site, script), join(site, 'late'));
    const page = await context.newPage();
    await page.goto(`file://${site}/index.html`);
    await page.getByText('still syncing').waitFor();
    renameSync(join(site, 'late'), join(site, script));
    await page.getByText('Top').waitFor();
    await page.close();
  });
});
