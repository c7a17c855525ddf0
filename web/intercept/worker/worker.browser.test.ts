// The service worker way in real Chromium: the built worker and bootstrap document from a plain static server, the page's broker
// over a server that is a function in the page.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium, type Browser, type BrowserContext, type Frame, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kSwitches } from '../../shell/dev/bundle.mjs';
import { chromiumIsMissing } from '../../testing/browser.ts';
import { esbuildWorkers, target } from '../../worker-plugin.mjs';

const web = fileURLToPath(new URL('../..', import.meta.url));
const types: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript' };
let directory: string;
let server: Server;
let browser: Browser;
let port: number;

async function makeSite(): Promise<void> {
  directory = mkdtempSync(join(tmpdir(), 'owndir-worker-'));
  execFileSync(process.execPath, [join(web, 'build.mjs'), '--out', directory]);
  await build({
    entryPoints: [join(web, 'intercept/testing/worker_page.ts')],
    ...{ bundle: true, format: 'iife', target, outfile: join(directory, 'test.js'), plugins: [esbuildWorkers] },
    logLevel: 'error',
  });
  writeFileSync(
    join(directory, 'test.html'),
    '<!doctype html><title>page</title><body><script src="test.js"></script>',
  );
}

function serve(): Promise<void> {
  server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://x').pathname.replace(/^\/sub/, '');
    const file = join(directory, path);
    if (path === '/' || !existsSync(file)) return response.writeHead(404).end('static 404');
    const type = types[extname(path)] ?? 'text/plain';
    // Anyone may read it, but with no fields beyond the usual ones.
    response.writeHead(200, { 'content-type': type, 'access-control-allow-origin': '*' }).end(readFileSync(file));
    return undefined;
  });
  return new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => {
      port = (server.address() as AddressInfo).port;
      resolve();
    });
  });
}

/** In a tab of its own, or of that context. */
interface Where {
  context?: BrowserContext;
  name?: string;
}

interface Opened {
  page: Page;
  app: Frame;
  log: () => Promise<unknown[][]>;
}

async function openApp(host: string, start = '/', directoryPath = '/', where: Where = {}): Promise<Opened> {
  const page = await (where.context ?? browser).newPage();
  page.on('pageerror', error => console.error(`page: ${error.message}`));
  await page.goto(`http://${host}:${port}${directoryPath}test.html`);
  await page.evaluate(`bench.open('${where.name ?? 'notes'}', ${JSON.stringify(start)})`);
  const log = () => page.evaluate<unknown[][]>('bench.log');
  await page.waitForFunction('bench.log.length > 0', null, { timeout: 15_000 });
  const frame = await page.waitForSelector('iframe.app-document');
  const app = await frame.contentFrame();
  await app?.waitForSelector('h1');
  return { page, app: app as Frame, log };
}

beforeAll(async () => {
  if (chromiumIsMissing) return;
  await makeSite();
  await serve();
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: kSwitches });
});
afterAll(async () => {
  await browser?.close();
  server?.close();
  if (directory) rmSync(directory, { recursive: true, force: true });
});

describe.skipIf(chromiumIsMissing)('an app under the service worker', () => {
  let opened: Opened;

  beforeAll(async () => {
    opened = await openApp('owndir.localhost');
  });
  const inApp = <Value>(script: string): Promise<Value> => opened.app.evaluate(script);

  it('has an origin of its own, out of the reach of the page’s storage', async () => {
    expect(await opened.log()).toContainEqual(['started', false]);
    expect(new URL(opened.app.url()).host).toBe(`notes.owndir.localhost:${port}`);
    expect(await inApp('(() => { try { return String(top.document) } catch (e) { return e.name } })()')).toBe(
      'SecurityError',
    );
  });

  it('loads documents with their scripts, modules, styles and pictures, whatever their fields say of frames', async () => {
    expect(await inApp('window.inline')).toBe('seen=1');
    await expect.poll(() => inApp('window.module')).toBe('from part');
    expect(await inApp("getComputedStyle(document.querySelector('h1')).color")).toBe('rgb(1, 2, 3)');
    await expect.poll(() => inApp('picture.naturalWidth')).toBe(7);
    expect(await inApp('[document.title, document.characterSet, document.compatMode, location.pathname].join()')).toBe(
      'Äpp,UTF-8,CSS1Compat,/',
    );
    expect(await inApp('document.querySelectorAll("script[data-owndir]").length')).toBe(0);
  });

  it('fetches with methods, bodies, fields and cookies, and sees where it was led', async () => {
    const echo = await inApp<Record<string, unknown>>(
      "fetch('echo?a=b', { method: 'PUT', headers: { 'x-own': '1' }, body: 'bödy' }).then(r => r.json())",
    );
    expect(echo).toMatchObject({ method: 'PUT', target: '/echo?a=b', body: 'bödy' });
    expect(echo.fields).toMatchObject({
      ...{
        'x-own': '1',
        cookie: 'seen=1; secret=2',
        'owndir-app': 'notes',
        origin: `http://notes.owndir.localhost:${port}`,
      },
      ...{ referer: `http://notes.owndir.localhost:${port}/`, 'sec-fetch-dest': 'empty', 'sec-fetch-mode': 'cors' },
    });
    expect(
      await inApp(
        "fetch('/redirect').then(async r => [r.redirected, new URL(r.url).pathname, (await r.json()).target])",
      ),
    ).toEqual([true, '/echo', '/echo?redirected']);
    expect(await inApp("fetch('/redirect', { redirect: 'manual' }).then(r => r.type)")).toBe('opaqueredirect');
    expect(await inApp("fetch('/redirect', { redirect: 'error' }).catch(e => e.name)")).toBe('TypeError');
    expect(await inApp("fetch('/gone').then(r => [r.status, r.ok])")).toEqual([404, false]);
    const away = `new Promise(resolve => { const f = document.createElement('iframe'); f.src = '/without-policy';
      f.onload = () => resolve(f.contentWindow.fetch('/redirect-away').then(async r => [r.url, r.type, (await r.text()).slice(0, 9)]).finally(() => f.remove()));
      document.body.append(f) })`;
    expect(await inApp(away)).toEqual([`http://127.0.0.1:${port}/owndir-app.html`, 'cors', '<!doctype']);
  });

  it('sends with XMLHttpRequest, large bodies too', async () => {
    const script = `new Promise(resolve => {
      const xhr = new XMLHttpRequest();
      xhr.onload = () => resolve([xhr.status, JSON.parse(xhr.response).body.length]);
      xhr.open('POST', '/echo'); xhr.send(new Blob(['x'.repeat(3000000)]));
    })`;
    expect(await inApp(script)).toEqual([200, 3_000_000]);
  });

  it('gets ranges as they are', async () => {
    const script =
      "fetch('/media', { headers: { range: 'bytes=10-13' } }).then(async r => [r.status, r.headers.get('content-range'), [...new Uint8Array(await r.arrayBuffer())]])";
    expect(await inApp(script)).toEqual([206, 'bytes 10-13/100000', [10, 11, 12, 13]]);
  });

  it('sees a body that breaks off as an error', async () => {
    expect(await inApp("fetch('/broken').then(r => r.arrayBuffer()).then(() => 'short', e => e.name)")).toBe(
      'TypeError',
    );
  });

  it('hears server-sent events at once, and ends them at their source', async () => {
    expect(
      await inApp(`new Promise(resolve => { const seen = []; const source = new EventSource('/events');
        source.onmessage = e => { seen.push(e.data); if (seen.length === 3) { source.close(); resolve(seen) } } })`),
    ).toEqual(['1', '2', '3']);
    await expect.poll(() => opened.page.evaluate('bench.streams()')).toBe(0);
    expect(
      await inApp(
        "(async () => { const stop = new AbortController(); const r = await fetch('/events', { signal: stop.signal }); const reader = r.body.getReader(); await reader.read(); stop.abort(); return reader.read().catch(e => e.name) })()",
      ),
    ).toBe('AbortError');
    await expect.poll(() => opened.page.evaluate('bench.streams()')).toBe(0);
  });

  it('reads and sets cookies that go out with the next request', async () => {
    const script = `(async () => {
      document.cookie = 'mine=3; path=/'; document.cookie = 'other=4; path=/elsewhere';
      const now = document.cookie;
      const sent = (await (await fetch('/echo')).json()).fields.cookie;
      document.cookie = 'mine=; max-age=0; path=/';
      return [now, sent, document.cookie];
    })()`;
    expect(await inApp(script)).toEqual(['seen=1; mine=3', 'seen=1; secret=2; mine=3', 'seen=1']);
  });

  it('has WebSockets that look like the browser’s own', async () => {
    const script = `new Promise(resolve => {
      const seen = []; const s = new WebSocket('ws://' + location.host + '/ws', ['chat', 'old']);
      s.binaryType = 'arraybuffer';
      seen.push(s.readyState, s instanceof WebSocket, s.url, String(s));
      s.onopen = () => { seen.push(s.protocol, s.extensions); s.send('text'); s.send(new Uint8Array([1, 2])); s.send(new Blob(['b'])); seen.push(s.bufferedAmount) };
      s.addEventListener('message', e => {
        seen.push(typeof e.data === 'string' ? e.data : [...new Uint8Array(e.data)]);
        if (seen.length === 10) s.send('close me');
      });
      s.onclose = e => resolve([...seen, e.code, e.reason, e.wasClean, s.readyState]);
    })`;
    expect(await inApp(script)).toEqual([
      ...[0, true, `ws://notes.owndir.localhost:${port}/ws`, '[object WebSocket]', 'chat', '', 7],
      ...['text', [1, 2], [98], 4001, 'as told', true, 3],
    ]);
    expect(
      await inApp(
        "[() => new WebSocket('ftp://x'), () => new WebSocket('/ws', ['a', 'a']), () => new WebSocket('/ws').send('')].map(f => { try { f() } catch (e) { return e.name } })",
      ),
    ).toEqual(['SyntaxError', 'SyntaxError', 'InvalidStateError']);
  });

  it('has them in dedicated workers too, from a file and from a blob', async () => {
    const script = (address: string) => `new Promise(resolve => { const w = new Worker(${address}); const seen = [];
      w.onmessage = e => { seen.push(e.data); if (seen.length === 1) w.postMessage('asked'); else resolve(seen) } })`;
    expect(await inApp(script("'/worker.js'"))).toEqual(['from worker', '/echo?asked']);
    const blob = `(() => { const u = URL.createObjectURL(new Blob(["const s = new WebSocket('ws://" + location.host + "/ws'); s.onmessage = e => postMessage(e.data); s.onopen = () => s.send('blob'); onmessage = e => postMessage(e.data)"])); setTimeout(() => URL.revokeObjectURL(u)); return u })()`;
    expect(await inApp(script(blob))).toEqual(['blob', 'asked']);
  });

  it('cannot put a service worker of its own in the place of ours', async () => {
    expect(
      await inApp(
        "Promise.all([navigator.serviceWorker.register('/worker.js').catch(e => e.name), navigator.serviceWorker.getRegistrations().then(r => r.length), navigator.serviceWorker.controller])",
      ),
    ).toEqual(['NotSupportedError', 0, null]);
  });

  it('goes on when the browser has stopped the worker', async () => {
    const session = await opened.page.context().newCDPSession(opened.page);
    await session.send('ServiceWorker.enable');
    await inApp(
      "new Promise(resolve => { window.kept = new WebSocket('/ws'); window.heard = []; kept.onmessage = e => heard.push(e.data); kept.onopen = resolve })",
    );
    // What the worker was pouring out ends with it, and visibly.
    await inApp(
      "fetch('/large?40').then(async r => { const reader = r.body.getReader(); window.first = (await reader.read()).value.length; window.pour = reader })",
    );
    await session.send('ServiceWorker.stopAllWorkers');
    expect(
      await inApp(
        '(async () => { try { for (;;) if ((await pour.read()).done) return "whole" } catch (e) { return e.name } })()',
      ),
    ).toBe('TypeError');
    expect(await inApp("fetch('/echo?again').then(r => r.json()).then(j => j.target)")).toBe('/echo?again');
    await session.send('ServiceWorker.stopAllWorkers');
    expect(await inApp("fetch('/large?40').then(r => r.arrayBuffer()).then(b => b.byteLength)")).toBe(40 * 1024 * 1024);
    await inApp("kept.send('still here')");
    await expect.poll(() => inApp('heard')).toEqual(['still here']);
    await session.detach();
  });

  it('holds back a download that nobody reads, beyond what the browser itself keeps', async () => {
    const start = await opened.page.evaluate<number>('bench.poured()');
    const poured = async () => (await opened.page.evaluate<number>('bench.poured()')) - start;
    await inApp("fetch('/large?256').then(r => void (window.slow = r.body.getReader()))");
    let last = 0;
    const standsStill = async () => {
      const before = last;
      last = await poured();
      return last > 0 && last === before;
    };
    await expect.poll(standsStill, { interval: 500, timeout: 15_000 }).toBe(true);
    expect(last).toBeLessThan(128 * 1024 * 1024);
    expect(
      await inApp(
        '(async () => { let all = 0; for (;;) { const { done, value } = await slow.read(); if (done) return all; all += value.length } })()',
      ),
    ).toBe(256 * 1024 * 1024);
  });

  it('lets the server know of a cancel before the answer, and of a client that has gone', async () => {
    const stalls = () => opened.page.evaluate<number>('bench.stalls()');
    const inFrame = `(() => { const f = document.createElement('iframe'); f.id = 'gone'; f.src = '/deep/page';
      f.onload = () => void f.contentWindow.fetch('/stall').catch(() => 0); document.body.append(f) })()`;
    await inApp("void (window.stop = new AbortController(), fetch('/stall', stop).catch(e => window.why = e.name))");
    await inApp("void (window.xhr = new XMLHttpRequest(), xhr.open('GET', '/stall'), xhr.send())");
    await inApp(
      `void (window.busy = new Worker(URL.createObjectURL(new Blob(["fetch('" + location.origin + "/stall')"]))))`,
    );
    await inApp(inFrame);
    await expect.poll(stalls).toBe(4);
    await inApp('stop.abort()');
    await expect.poll(stalls).toBe(3);
    expect(await inApp('window.why')).toBe('AbortError');
    await inApp('xhr.abort()');
    await expect.poll(stalls).toBe(2);
    await inApp('busy.terminate()');
    await expect.poll(stalls, { timeout: 10_000 }).toBe(1);
    await inApp("document.getElementById('gone').remove()");
    await expect.poll(stalls, { timeout: 10_000 }).toBe(0);
  });

  it('answers two hundred at once', async () => {
    const script =
      "Promise.all(Array.from({ length: 200 }, (_, i) => fetch('/echo?' + i).then(r => r.json()))).then(all => all.every((j, i) => j.target === '/echo?' + i))";
    expect(await inApp(script)).toBe(true);
  });

  it('follows links and forms, and redirects of navigations', async () => {
    await opened.app.click('#next');
    await opened.app.waitForSelector('#target');
    expect(await inApp("[target.textContent, window.classic, location.pathname + location.search].join(' ')")).toBe(
      '/deep/page?x=1 ran /deep/page?x=1',
    );
    await expect.poll(opened.log).toContainEqual(['at', 'Äpp', '/deep/page?x=1']);
    await inApp("void (location.href = '/to-page')");
    await opened.app.waitForURL('**/deep/page?moved');
    await inApp('void history.back()');
    await opened.app.waitForURL('**/deep/page?x=1');
    await inApp("void (location.href = '/')");
    await opened.app.waitForSelector('#form');
    await inApp('void form.submit()');
    await opened.app.waitForSelector('#got');
    expect(await inApp('got.textContent')).toBe('POST field=v%C3%A4+lue');
  });

  it('opens what leads elsewhere in a tab of its own, and tells the page of new tabs of the app', async () => {
    await inApp("void (location.href = '/')");
    await opened.app.waitForSelector('#away');
    const popup = opened.page.waitForEvent('popup');
    await opened.app.click('#away');
    await (await popup).close();
    expect(new URL(opened.app.url()).pathname).toBe('/');
    await inApp("void window.open('/deep/page', '_blank', 'noopener')");
    await expect.poll(opened.log).toContainEqual(['open', '/deep/page']);
  });

  it('gives a tab that the app opens sockets and cookies by the same page', async () => {
    await inApp("void (location.href = '/')");
    await opened.app.waitForSelector('#away');
    const popup = opened.page.waitForEvent('popup');
    await inApp(
      "{ const tab = window.open(undefined, '_blank'); setTimeout(() => { tab.location = '/deep/page?tab' }) }",
    );
    const tab = await popup;
    await tab.waitForURL('**/deep/page?tab');
    await tab.waitForSelector('#target');
    expect(await tab.evaluate('document.cookie')).toContain('seen=1');
    const said = await tab.evaluate(
      "new Promise((done, failed) => { const s = new WebSocket('/ws'); s.onopen = () => s.send('from the tab'); s.onmessage = e => done(e.data); s.onerror = failed })",
    );
    expect(said).toBe('from the tab');
    await tab.close();
  });
});

describe.skipIf(chromiumIsMissing)('an app that shares the page’s origin', () => {
  it('lives under a prefix and sees its own paths', async () => {
    // 127.0.0.1 has no names below it.
    const { page, app, log } = await openApp('127.0.0.1', '/?start', '/sub/');
    expect(await log()).toContainEqual(['started', true]);
    expect(await app.evaluate('location.pathname + location.search')).toBe('/?start');
    await expect.poll(() => app.evaluate('window.module')).toBe('from part');
    expect(await app.evaluate("getComputedStyle(document.querySelector('h1')).color")).toBe('rgb(1, 2, 3)');
    expect(await app.evaluate("fetch('/echo').then(r => r.json()).then(j => j.target)")).toBe('/echo');
    // The page itself is served as before.
    expect(await page.evaluate("fetch('/sub/test.html').then(r => r.text())")).toContain('test.js');
    await app.click('#next');
    await app.waitForSelector('#target');
    expect(await app.evaluate('[target.textContent, window.classic, location.pathname]')).toEqual([
      ...['/deep/page?x=1', 'ran', '/deep/page'],
    ]);
    await app.evaluate("void (location.href = '/to-page')");
    // Not waitForFunction: it needs eval, which the policy of the document forbids.
    await expect.poll(() => app.evaluate('location.search').catch(() => null)).toBe('?moved');
    await app.evaluate("void (location.href = '/')");
    await app.waitForSelector('#form');
    await app.evaluate('void form.requestSubmit()');
    await app.waitForSelector('#got');
    expect(await app.evaluate('[got.textContent, location.pathname]')).toEqual(['POST field=v%C3%A4+lue', '/form']);
    await app.evaluate('void location.reload()');
    await app.waitForSelector('h1');
    await page.close();
  });
});

describe.skipIf(chromiumIsMissing)('several tabs', () => {
  it.each(['owndir.localhost', '127.0.0.1'])(
    'have an app each on %s, which comes back when its tab does',
    async host => {
      const context = await browser.newContext();
      const app = ({ app }: Opened) =>
        app.evaluate<string>("fetch('/echo').then(r => r.json()).then(j => j.fields['owndir-app'])");
      const notes = await openApp(host, '/', '/', { context, name: 'notes' });
      const tasks = await openApp(host, '/', '/', { context, name: 'tasks' });
      expect([await app(notes), await app(tasks)]).toEqual(['notes', 'tasks']);
      for (let turn = 0; turn < 3; turn += 1) {
        const { page, app: frame } = await openApp(host, '/', '/', { context, name: 'notes' });
        // With answers that never come still open.
        await frame.evaluate("void Array.from({ length: 8 }, () => fetch('/stall').catch(() => 0))");
        await expect.poll(() => page.evaluate('bench.stalls()')).toBe(8);
        await (turn === 1 ? page.goto('about:blank') : page.close());
      }
      const again = await openApp(host, '/', '/', { context, name: 'notes' });
      expect([await app(again), await app(tasks)]).toEqual(['notes', 'tasks']);
      await context.close();
    },
  );
});
