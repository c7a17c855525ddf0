// Apps in the frame, in real Chromium on a real file:// page; the site behind them is played by the page (testing/frame_page.ts).
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Frame } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumIsMissing, openLibrariesPage, type LibrariesPage } from '../../testing/browser.ts';
import type { FrameBench } from './testing/frame_page.ts';

declare const bench: FrameBench;

type Site = Readonly<Record<string, string>>;

describe.skipIf(chromiumIsMissing)('an app in the frame', { timeout: 60_000 }, () => {
  let page: LibrariesPage;
  /** Anything that reaches it has gone past the channel. */
  let outside: Server;
  let outsideUrl = '';
  const reached: string[] = [];

  beforeAll(async () => {
    outside = createServer((request, response) => {
      reached.push(`${request.method} ${request.url}`);
      response.setHeader('access-control-allow-origin', '*');
      response.end('outside');
    });
    await new Promise<void>(resolve => outside.listen(0, '127.0.0.1', resolve));
    outsideUrl = `http://127.0.0.1:${(outside.address() as AddressInfo).port}`;
    page = await openLibrariesPage({ entry: new URL('./testing/frame_page.ts', import.meta.url) });
  });

  afterAll(async () => {
    await page?.close();
    outside?.close();
  });

  /** Puts the pages behind the tunnel, then what `more` has to add in the page, and opens the app. */
  async function open(site: Site, start = '/', more: () => void = () => undefined): Promise<void> {
    await page.page.evaluate(pages => {
      bench.pages.clear();
      for (const [path, text] of Object.entries(pages)) bench.pages.set(path, text);
    }, site);
    await page.page.evaluate(more);
    await page.page.evaluate(first => bench.open(first), start);
  }

  /** Waits until a document has said that much. */
  async function heard(count = 1): Promise<unknown[]> {
    await page.page
      .waitForFunction(least => bench.said.length >= least, count, { timeout: 5_000 })
      .catch(() => undefined);
    return page.page.evaluate(() => bench.said);
  }
  const appFrame = async (): Promise<Frame> => {
    for (let tries = 0; tries < 100; tries++) {
      const frame = page.page.frames().find(one => one.parentFrame()?.parentFrame() === page.page.mainFrame());
      if (frame) return frame;
      await page.page.waitForTimeout(50);
    }
    throw new Error('There is no frame.');
  };
  const say = 'const say = said => top.postMessage({ said }, "*");';
  const html = (body: string, head = '') =>
    `<!doctype html><html lang="en"><head><title>t</title>${head}<script>${say}</script></head><body>${body}</body></html>`;

  it('believes to be at its own address', async () => {
    await open(
      {
        '/dir/page?a=1': html(`<a id=a href="other">x</a><script>
        say([location.href, location.origin, location.host, location.protocol, location.pathname, location.search, location.hash,
          String(location), document.URL, document.baseURI, document.getElementById('a').href, window.origin, document.domain,
          document.referrer, new URL('x', location).href, document.location === window.location, 'x' + location])</script>`),
      },
      '/dir/page?a=1#frag',
    );
    const url = 'https://app.owndir.invalid/dir/page?a=1';
    expect((await heard())[0]).toEqual([
      `${url}#frag`,
      'https://app.owndir.invalid',
      'app.owndir.invalid',
      'https:',
      '/dir/page',
      '?a=1',
      '#frag',
      `${url}#frag`,
      `${url}#frag`,
      url,
      'https://app.owndir.invalid/dir/other',
      'https://app.owndir.invalid',
      'app.owndir.invalid',
      '',
      'https://app.owndir.invalid/dir/x',
      true,
      `x${url}#frag`,
    ]);
  });

  it('runs classic scripts in order, with DOMContentLoaded and load after them', async () => {
    await open({
      '/': html(
        `<script src="b.js"></script><p id=p></p><script>order.push('inline', document.currentScript.parentNode.localName)</script>
        <script>document.write('<i id=written></i>'); order.push(!!document.getElementById('written'))</script>`,
        `<script>window.order = []; document.addEventListener('DOMContentLoaded', () => order.push('ready ' + document.readyState));
        addEventListener('load', () => { order.push('load'); say(order) })</script>
        <script src="/defer.js" defer></script><script src="a.js"></script>`,
      ),
      '/a.js': `order.push('a', document.currentScript.src, document.body === null)`,
      '/b.js': `order.push('b', document.getElementById('p') === null)`,
      '/defer.js': `order.push('defer', document.readyState)`,
    });
    expect((await heard())[0]).toEqual([
      'a',
      'https://app.owndir.invalid/a.js',
      true,
      'b',
      true,
      'inline',
      'body',
      true,
      'defer',
      'interactive',
      'ready interactive',
      'load',
    ]);
  });

  it('shows style sheets with what they import and refer to', async () => {
    await open({
      '/': html(
        `<p id=p class=x>text</p><script>addEventListener('load', () => { const s = getComputedStyle(document.getElementById('p'));
          say([s.color, s.fontWeight, s.backgroundImage.slice(0, 9), document.styleSheets.length, document.querySelector('link').href, document.querySelector('link').getAttribute('href')]) })</script>`,
        `<link rel="stylesheet" href="css/main.css">`,
      ),
      '/css/main.css': `@import "more.css" screen; .x { background: url(../pic.svg) }`,
      '/css/more.css': `.x { color: rgb(1, 2, 3); font-weight: 900 }`,
      '/pic.svg': '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>',
    });
    expect((await heard())[0]).toEqual([
      'rgb(1, 2, 3)',
      '900',
      'url("blob',
      1,
      'https://app.owndir.invalid/css/main.css',
      'css/main.css',
    ]);
  });

  it('loads images, of any kind of making', async () => {
    await open({
      '/': html(
        `<img id=a src="pic.svg"><picture><source srcset="none.svg" media="(max-width: 1px)"><source srcset="pic.svg?2x 2x, pic.svg?1x 1x"><img id=b src="no.svg"></picture>
        <div id=d></div><svg width=10 height=10><image id=i href="pic.svg?svg"/></svg><p id=p style="background: url(pic.svg?style)"></p>
        <script>
          document.getElementById('d').innerHTML = '<img id=c src="/pic.svg?inner" onerror="say(\\'error\\')">';
          const made = new Image(); made.src = 'pic.svg?new';
          const set = document.createElement('img'); set.setAttribute('src', 'pic.svg?set'); document.body.append(set);
          const missing = new Image(); missing.onerror = () => window.missed = true; missing.src = 'missing.png';
          addEventListener('load', async () => {
            await made.decode();
            while (!window.missed) await new Promise(r => setTimeout(r, 10));
            say([...document.images, made].map(one => [one.id, one.naturalWidth, one.src.slice(26)]));
            say(document.getElementById('i').getAttribute('href'));
            say(getComputedStyle(document.getElementById('p')).backgroundImage.slice(0, 9)) })</script>`,
      ),
      '/pic.svg': '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>',
    });
    expect(await heard(3)).toEqual([
      [
        ['a', 10, '/pic.svg'],
        ['b', 10, '/no.svg'],
        ['c', 10, '/pic.svg?inner'],
        ['', 10, '/pic.svg?set'],
        ['', 10, '/pic.svg?new'],
      ],
      'pic.svg?svg',
      'url("blob',
    ]);
    expect(await page.page.evaluate(() => bench.asked)).not.toContain('GET /none.svg');
  });

  it('fetches with methods, fields, bodies, status and streams', async () => {
    await open(
      {
        '/': html(`<script>(async () => {
        const answer = await fetch('api?x=1', { method: 'PUT', headers: { 'X-Own': 'yes' }, body: JSON.stringify({ a: 1 }) });
        say([answer.status, answer.ok, answer.url, answer.type, answer.headers.get('x-back'), await answer.json()]);
        const missing = await fetch(new Request('/missing'));
        say([missing.status, await missing.text()]);
        say(await fetch('${'https://elsewhere.example/'}').catch(error => [error.name, error.message.includes('owndir connect')]));
        const form = new FormData(); form.append('f', new File(['content'], 'n.txt', { type: 'text/plain' }));
        say(await (await fetch('/form', { method: 'POST', body: form })).text());
        const stop = new AbortController(); const stopped = fetch('/hang', { signal: stop.signal }); setTimeout(() => stop.abort(), 50);
        say(await stopped.catch(error => error.name));
        say(await (await fetch('data:,hi')).text());
        say(await (await fetch(URL.createObjectURL(new Blob(['blob'])))).text());
      })().catch(error => say(String(error)))</script>`),
      },
      '/',
      () => {
        bench.pages.set('/api', asked => ({
          status: 201,
          fields: [
            ['content-type', 'application/json'],
            ['x-back', asked.fields['x-own'] ?? ''],
          ],
          body: JSON.stringify([
            asked.method,
            asked.target,
            asked.fields['content-type'],
            asked.body,
            asked.fields['origin'],
          ]),
        }));
        bench.pages.set('/form', asked => ({
          body: `${/multipart\/form-data; boundary=/.test(asked.fields['content-type'] ?? '')} ${/filename="n.txt"[^]*content/.test(asked.body ?? '')}`,
        }));
        bench.pages.set('/hang', () => new Promise(() => undefined));
      },
    );
    expect(await heard(7)).toEqual([
      [
        201,
        true,
        'https://app.owndir.invalid/api?x=1',
        'basic',
        'yes',
        ['PUT', '/api?x=1', 'text/plain;charset=UTF-8', '{"a":1}', 'https://app.owndir.invalid'],
      ],
      [404, 'nothing here'],
      ['TypeError', true],
      'true true',
      'AbortError',
      'hi',
      'blob',
    ]);
  });

  it('asks with XMLHttpRequest and hears of it in the standard order', async () => {
    await open(
      {
        '/': html(`<script>(async () => {
        const run = (setup, body) => new Promise(resolve => { const xhr = new XMLHttpRequest(); const events = [];
          for (const type of ['loadstart', 'progress', 'load', 'error', 'abort', 'timeout', 'loadend']) {
            xhr.addEventListener(type, () => events.push(type)); xhr.upload.addEventListener(type, event => events.push('up ' + type + ' ' + event.loaded)) }
          xhr.onreadystatechange = () => events.push(xhr.readyState); xhr.onloadend = () => resolve([events, xhr]); setup(xhr); xhr.send(body) });
        let [events, xhr] = await run(xhr => { xhr.open('POST', '/data.json?q'); xhr.setRequestHeader('X-A', '1'); xhr.setRequestHeader('x-a', '2'); xhr.responseType = 'json' }, 'body');
        say([events.filter((one, i) => one !== 3 && !String(one).includes('progress')), xhr.status, xhr.response, xhr.responseURL, xhr.getAllResponseHeaders().includes('content-type: application/json')]);
        [events, xhr] = await run(xhr => { xhr.open('GET', '/hang'); xhr.timeout = 50 });
        say([events, xhr.status]);
        [events, xhr] = await run(xhr => { xhr.open('GET', '/hang'); setTimeout(() => xhr.abort(), 50) });
        say([events, xhr.readyState]);
        [events, xhr] = await run(xhr => { xhr.open('GET', '/bytes'); xhr.responseType = 'arraybuffer' });
        say([xhr.response.byteLength, xhr instanceof XMLHttpRequest, XMLHttpRequest.DONE]);
        [events, xhr] = await run(xhr => { xhr.open('GET', '/doc.xml') });
        say(xhr.responseXML.documentElement.localName);
        try { xhr.open('GET', '/', false) } catch (error) { say([error.name, error.message.includes('owndir connect')]) }
      })().catch(error => say(String(error)))</script>`),
        '/data.json': '{"x":1}',
      },
      '/',
      () => {
        bench.pages.set('/hang', () => new Promise(() => undefined));
        bench.pages.set('/bytes', { body: new Uint8Array(300_000) });
        bench.pages.set('/doc.xml', { fields: [['content-type', 'application/xml']], body: '<root/>' });
      },
    );
    expect(await heard(6)).toEqual([
      [
        [1, 'loadstart', 'up loadstart 4', 'up load 4', 'up loadend 4', 2, 4, 'load', 'loadend'].map(one =>
          one === 'up loadstart 4' ? 'up loadstart 0' : one,
        ),
        200,
        { x: 1 },
        'https://app.owndir.invalid/data.json?q',
        true,
      ],
      [[1, 'loadstart', 4, 'timeout', 'loadend'], 0],
      [[1, 'loadstart', 4, 'abort', 'loadend'], 0],
      [300_000, true, 4],
      'root',
      ['InvalidAccessError', true],
    ]);
    expect(await page.page.evaluate(() => bench.requests.find(one => one.method === 'POST')?.fields['x-a'])).toBe(
      '1, 2',
    );
  });

  it('talks over a WebSocket', async () => {
    await open({
      '/': html(`<script>
        const socket = new WebSocket('/ws?x', ['one', 'two']); socket.binaryType = 'arraybuffer';
        const got = []; socket.onopen = () => { socket.send('text'); socket.send(new Uint8Array([1, 2, 3])); socket.send(new Blob(['blob'])); socket.send('bye') };
        socket.onmessage = ({ data, origin }) => got.push(typeof data === 'string' ? data : [...new Uint8Array(data)].join());
        socket.onclose = ({ code, reason, wasClean }) => say([socket.url, socket.protocol, got, code, reason, wasClean, socket.readyState]);
        try { new WebSocket('ftp://x') } catch (error) { say(error.name) }
        new WebSocket('${'wss://elsewhere.example/'}').onclose = event => say(event.code);
      </script>`),
    });
    expect(await heard(3)).toEqual(
      expect.arrayContaining([
        'SyntaxError',
        1006,
        ['wss://app.owndir.invalid/ws?x', 'one', ['text', '1,2,3', '98,108,111,98'], 4001, 'you said so', true, 3],
      ]),
    );
  });

  it('hears server-sent events and comes back with the last id', async () => {
    await open(
      {
        '/': html(`<script>
        const source = new EventSource('events'); const got = [];
        source.onmessage = event => { got.push([event.data, event.lastEventId, event.origin]); if (got.length === 3) { source.close(); say(got) } };
        source.addEventListener('named', event => got.push(['named', event.data]));
        source.onerror = () => got.length < 3 && say(source.readyState);
      </script>`),
      },
      '/',
      () => {
        bench.pages.set('/events', asked => ({
          fields: [['content-type', 'text/event-stream']],
          body:
            asked.fields['last-event-id'] === '7'
              ? 'data: again\n\n'
              : 'retry: 10\nid: 7\ndata: first\ndata: line\n\nevent: named\ndata: n\n\n',
        }));
      },
    );
    expect(await heard(2)).toEqual([
      0,
      [
        ['first\nline', '7', 'https://app.owndir.invalid'],
        ['named', 'n'],
        ['again', '7', 'https://app.owndir.invalid'],
      ],
    ]);
  });

  it('has its cookies, and those that the server sets', async () => {
    await open(
      {
        '/': html(`<script>(async () => { say(document.cookie); document.cookie = 'own=1; path=/'; document.cookie = 'dead=1'; document.cookie = 'dead=; max-age=0';
        say(document.cookie); await fetch('/set'); say(document.cookie); say(await (await fetch('/tell')).text()) })()</script>`),
      },
      '/',
      () => {
        const first = bench.pages.get('/') as string;
        bench.pages.set('/', {
          fields: [
            ['content-type', 'text/html'],
            ['set-cookie', 'server=a'],
            ['set-cookie', 'secret=b; HttpOnly'],
          ],
          body: first,
        });
        bench.pages.set('/set', { fields: [['set-cookie', 'later=c']], body: '' });
        bench.pages.set('/tell', asked => ({ body: asked.fields['cookie'] ?? '' }));
      },
    );
    expect(await heard(4)).toEqual([
      'server=a',
      'server=a; own=1',
      'server=a; own=1; later=c',
      'server=a; secret=b; own=1; later=c',
    ]);
  });

  it('goes where links lead, and back', async () => {
    await open({
      '/': html(
        `<a id=next href="second.html?x">next</a><script>say(['first', location.href, history.length])</script>`,
      ),
      '/second.html': html(
        `<a id=stop href="/third.html" onclick="event.stopPropagation()">third</a><script>say(['second', location.href, document.referrer, history.length])</script>`,
      ),
      '/third.html': html(
        `<a id=no href="/" onclick="event.preventDefault(); say('prevented')">no</a><script>say('third')</script>`,
      ),
    });
    await heard(1);
    await (await appFrame()).click('#next');
    await heard(2);
    await (await appFrame()).click('#stop');
    await heard(3);
    await (await appFrame()).click('#no');
    await heard(4);
    await page.page.evaluate(() => history.back());
    expect(await heard(5)).toEqual([
      ['first', 'https://app.owndir.invalid/', 1],
      ['second', 'https://app.owndir.invalid/second.html?x', 'https://app.owndir.invalid/', 2],
      'third',
      'prevented',
      ['second', 'https://app.owndir.invalid/second.html?x', '', 3],
    ]);
    expect(await page.page.evaluate(() => bench.frame?.path)).toBe('/second.html?x');
  });

  it('sends forms as browsers do', async () => {
    await open(
      {
        '/': html(
          `<form id=get action="/echo?dropped=1"><input name=a value="1 2"><button name=b value=3>go</button></form>`,
        ),
        '/post': html(
          `<form method=post action="/echo" enctype="multipart/form-data" onsubmit="event.stopPropagation()"><input name=a value="ä"><input type=file name=f><button>go</button></form>`,
        ),
        '/plain': html(
          `<form id=f method=post action="/echo"><input name=a value="ä&b"></form><script>document.getElementById('f').submit()</script>`,
        ),
      },
      '/',
      () => {
        bench.pages.set('/echo', asked => ({
          fields: [['content-type', 'text/html']],
          body: `<script>top.postMessage({said: ${JSON.stringify([asked.method, asked.target, (asked.fields['content-type'] ?? '').replace(/boundary=.*/, ''), asked.body?.replace(/------\w+/g, '--')]).replace(/</g, '\\u003c')}}, '*')</script>`,
        }));
      },
    );
    await (await appFrame()).click('button');
    expect((await heard(1))[0]).toEqual(['GET', '/echo?a=1+2&b=3', '', null]);
    await page.page.evaluate(() => bench.frame?.navigate('/plain'));
    expect((await heard(2))[1]).toEqual(['POST', '/echo', 'application/x-www-form-urlencoded', 'a=%C3%A4%26b']);
    await page.page.evaluate(() => bench.frame?.navigate('/post'));
    const frame = await appFrame();
    await expect
      .poll(async () =>
        (await appFrame())
          .locator('input[type=file]')
          .count()
          .catch(() => 0),
      )
      .toBe(1);
    await (await appFrame()).click('button');
    void frame;
    const last = (await heard(3))[2] as string[];
    expect(last.slice(0, 3)).toEqual(['POST', '/echo', 'multipart/form-data; ']);
    expect(last[3]).toContain('name="a"\r\n\r\nä');
  });

  it('runs modules that import each other, by address, import map and import()', async () => {
    await open({
      '/': html(
        `<script type="module" src="js/main.js"></script><script>import('./js/late.js').then(m => say(m.late))</script>`,
        `<script type="importmap">{"imports": {"bare": "/js/bare.js"}}</script>`,
      ),
      '/js/main.js': `import { a } from './a.js'; import bare from 'bare'; import data from './data.json' with { type: 'json' };
        say([a(), bare, data.x, import.meta.url]);
        const made = document.createElement('script'); made.type = 'module'; made.textContent = "import { name } from './js/a.js'; say(name)"; document.head.append(made);`,
      '/js/a.js': `import { b } from './b.js'; export const name = 'a'; export const a = () => name + b()`,
      '/js/b.js': `import { name } from './a.js'; export const b = () => 'b' + name`,
      '/js/bare.js': `export default 'bare'`,
      '/js/late.js': `export const late = 'late'`,
      '/js/data.json': '{"x": 1}',
    });
    expect(await heard(3)).toEqual(
      expect.arrayContaining(['late', ['aba', 'bare', 1, 'https://app.owndir.invalid/js/main.js'], 'a']),
    );
  });

  it('has history entries of its own making, with state, and the browser’s back', async () => {
    await open({
      '/': html(`<script>
        addEventListener('popstate', event => say(['pop', event.state, location.href]));
        addEventListener('hashchange', event => say(['hash', event.oldURL, event.newURL]));
        history.replaceState({ n: 0 }, ''); history.pushState({ n: 1 }, '', '/deep/er?x'); say([location.pathname, history.state, history.length, new URL('y', document.baseURI).pathname]);
        try { history.pushState(null, '', 'https://elsewhere.example/') } catch (error) { say(error.name) }
        setTimeout(() => history.back());
      </script>`),
    });
    expect(await heard(3)).toEqual([
      ['/deep/er', { n: 1 }, 2, '/deep/y'],
      'SecurityError',
      ['pop', { n: 0 }, 'https://app.owndir.invalid/'],
    ]);
    await (await appFrame()).evaluate(() => void (document.body.innerHTML = '<a href="#there">go</a>'));
    await (await appFrame()).click('a');
    expect((await heard(5))[4]).toEqual(['hash', 'https://app.owndir.invalid/', 'https://app.owndir.invalid/#there']);
    await page.page.evaluate(() => history.back());
    expect((await heard(7))[5]).toEqual(['pop', { n: 0 }, 'https://app.owndir.invalid/']);
  });

  it('keeps localStorage beyond its documents, within bounds', async () => {
    await open({
      '/': html(`<script>say([localStorage.getItem('a'), localStorage.length]); localStorage.a = 'kept'; localStorage.setItem('b', 1); delete localStorage.b; sessionStorage.s = 1;
        say([Object.keys(localStorage), 'a' in localStorage, localStorage.missing === undefined]);
        try { localStorage.big = 'x'.repeat(6e6) } catch (error) { say(error.name) }</script>`),
      '/next': html(`<script>say([localStorage.a, sessionStorage.s])</script>`),
    });
    expect(await heard(3)).toEqual([[null, 0], [['a'], true, true], 'QuotaExceededError']);
    await page.page.evaluate(() => bench.frame?.navigate('/next'));
    expect((await heard(4))[3]).toEqual(['kept', '1']);
    await page.page.waitForFunction(() => bench.saved.length > 0);
    await page.page.evaluate(() => bench.open('/next'));
    expect((await heard(1))[0]).toEqual(['kept', undefined]);
  });

  it('has workers that ask by themselves', async () => {
    await open({
      '/': html(`<script>
        const worker = new Worker('jobs/classic.js'); worker.onmessage = ({ data }) => { say(data); worker.terminate() }; worker.postMessage('early');
        const module = new Worker('jobs/module.js', { type: 'module' }); module.onmessage = ({ data }) => say(data);
        new Worker('jobs/missing.js').onerror = () => say('missing');
      </script>`),
      '/jobs/classic.js': `importScripts('more.js'); onmessage = async ({ data }) => postMessage([data, more, location.href, await (await fetch('../data.txt')).text()])`,
      '/jobs/more.js': `self.more = 'more'`,
      '/jobs/module.js': `import { x } from './x.js'; postMessage(x)`,
      '/jobs/x.js': `export const x = 'x'`,
      '/data.txt': 'data',
    });
    const all = await heard(3);
    expect(all).toHaveLength(3);
    expect(all).toEqual(
      expect.arrayContaining([['early', 'more', 'https://app.owndir.invalid/jobs/classic.js', 'data'], 'x', 'missing']),
    );
  });

  it('has frames of the app within it, which links and forms can lead', async () => {
    await open({
      '/': html(
        `<iframe name=inner src="/inner?1" onload="say('load')"></iframe><a id=a target=inner href="/inner?2">x</a><iframe srcdoc="<script>top.postMessage({said: ['srcdoc', document.baseURI]}, '*')</script>"></iframe>`,
      ),
      '/inner': html(
        `<script>say([location.href, parent === window]); fetch('/data.txt').then(r => r.text()).then(say)</script>`,
      ),
      '/data.txt': 'data',
    });
    const first = await heard(4);
    expect(first).toHaveLength(4);
    expect(first).toEqual(
      expect.arrayContaining([
        ['https://app.owndir.invalid/inner?1', false],
        'data',
        'load',
        ['srcdoc', 'https://app.owndir.invalid/'],
      ]),
    );
    await (await appFrame()).click('#a');
    expect((await heard(7)).slice(4)).toContainEqual(['https://app.owndir.invalid/inner?2', false]);
  });

  it('shows what to do where a document cannot be loaded', async () => {
    await open({}, '/', () => {
      bench.pages.set('/', () => Promise.reject(new Error('The wire was cut.')));
    });
    await expect
      .poll(
        async () =>
          (await appFrame())
            .locator('body')
            .innerText()
            .catch(() => ''),
        { timeout: 10_000 },
      )
      .toContain('owndir connect');
  });

  it('cannot reach the page, and nothing goes past the channel', async () => {
    // What automation does counts as a person's click; here nobody clicks.
    await page.page.evaluate(() =>
      Object.defineProperty(navigator, 'userActivation', { value: null, configurable: true }),
    );
    await open({
      '/': html(`<div id=d></div><script>(async () => {
        const attempt = async (name, action) => { try { const value = await action(); return name + ': ' + value } catch (error) { return name + ': ' + error.name } };
        const realParent = Object.getOwnPropertyDescriptor(window, 'top').get.call(window);
        const url = '${outsideUrl}';
        const frame = document.createElement('iframe'); document.body.append(frame);
        say(await Promise.all([
          attempt('document', () => realParent.document.title), attempt('bench', () => realParent.bench),
          attempt('frames', () => realParent.frames[0].document), attempt('top', () => { realParent.location.href = url + '/top' }),
          attempt('idb', () => indexedDB.open('owndir')), attempt('storage', () => realParent.localStorage),
          attempt('clean frame', () => frame.contentDocument), attempt('handle', () => navigator.storage.getDirectory()),
          attempt('fetch', () => fetch(url + '/fetch')), attempt('popup', () => window.open(url + '/popup')),
        ]));
        new Image().src = url + '/image'; navigator.sendBeacon(url + '/beacon'); new WebSocket(url.replace('http', 'ws') + '/socket');
        document.getElementById('d').innerHTML = '<img src="' + url + '/inner"><iframe src="' + url + '/frame"></iframe><object data="' + url + '/object"></object><link rel=stylesheet href="' + url + '/css"><style>@import "' + url + '/import"; p { background: url(' + url + '/bg) }</style><p>x</p>';
        const parsed = new DOMParser().parseFromString('<img src="' + url + '/parsed"><script src="' + url + '/script"></' + 'script>', 'text/html'); document.body.append(...parsed.body.childNodes);
        for (const rel of ['prefetch', 'preload', 'modulepreload', 'icon', 'manifest', 'stylesheet']) { const link = document.createElement('link'); link.rel = rel; link.href = url + '/' + rel; document.head.append(link) }
        const script = document.createElement('script'); script.src = url + '/js'; document.head.append(script);
        import(url + '/module').catch(() => undefined);
        const form = document.createElement('form'); form.method = 'POST'; form.action = url + '/form'; document.body.append(form); form.submit();
        HTMLFormElement.prototype.requestSubmit.call(form);
        setTimeout(() => say('done'), 1000);
      })()</script>`),
    });
    const [attempts] = await heard(1);
    expect(attempts).toEqual([
      'document: SecurityError',
      'bench: SecurityError',
      'frames: SecurityError',
      'top: SecurityError',
      'idb: ReferenceError',
      'storage: SecurityError',
      'clean frame: null',
      'handle: TypeError',
      'fetch: TypeError',
      'popup: null',
    ]);
    expect(await heard(2)).toHaveLength(2);
    expect(reached).toEqual([]);
    expect(await page.page.evaluate(() => document.title)).toBe('test');
    await page.page.evaluate(() => Reflect.deleteProperty(navigator, 'userActivation'));
  });

  it('comes back when its frame is led away by force', async () => {
    await open({ '/': html(`<script>say('here')</script>`) });
    await heard(1);
    await (
      await appFrame()
    ).evaluate(url => void eval(`window["loc" + "ation"].href = ${JSON.stringify(url)}`), `${outsideUrl}/led`);
    expect(await heard(2)).toEqual(['here', 'here']);
    expect(reached).toEqual([]);
  });
});
