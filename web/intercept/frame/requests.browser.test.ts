// Apps in the frame, in real Chromium on a real file:// page; the site behind them is played by the page (testing/frame_page.ts):
// what an app asks for, by each of the browser’s interfaces.
import { describe, expect, it } from 'vitest';
import { chromiumIsMissing } from '../../testing/browser.ts';
import type { FrameBench } from './testing/frame_page.ts';
import { html, useFrame } from './testing/open_frame.ts';

declare const bench: FrameBench;

describe.skipIf(chromiumIsMissing)('requests of an app in the frame', { timeout: 60_000 }, () => {
  const frame = useFrame();

  it('fetches with methods, fields, bodies, status and streams', async () => {
    await frame.open(
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
    expect(await frame.heard(7)).toEqual([
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
    await frame.open(
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
    expect(await frame.heard(5)).toEqual([
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
    ]);
    expect(await frame.page.evaluate(() => bench.requests.find(one => one.method === 'POST')?.fields['x-a'])).toBe(
      '1, 2',
    );
  });

  it('talks over a WebSocket', async () => {
    await frame.open({
      '/': html(`<script>
        const socket = new WebSocket('/ws?x', ['one', 'two']); socket.binaryType = 'arraybuffer';
        const got = []; socket.onopen = () => { socket.send('text'); socket.send(new Uint8Array([1, 2, 3])); socket.send(new Blob(['blob'])); socket.send('bye') };
        socket.onmessage = ({ data, origin }) => got.push(typeof data === 'string' ? data : [...new Uint8Array(data)].join());
        socket.onclose = ({ code, reason, wasClean }) => say([socket.url, socket.protocol, got, code, reason, wasClean, socket.readyState]);
        try { new WebSocket('ftp://x') } catch (error) { say(error.name) }
        new WebSocket('${'wss://elsewhere.example/'}').onclose = event => say(event.code);
      </script>`),
    });
    expect(await frame.heard(3)).toEqual(
      expect.arrayContaining([
        'SyntaxError',
        1006,
        ['wss://app.owndir.invalid/ws?x', 'one', ['text', '1,2,3', '98,108,111,98'], 4001, 'you said so', true, 3],
      ]),
    );
  });

  it('hears server-sent events and comes back with the last id', async () => {
    await frame.open(
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
    expect(await frame.heard(2)).toEqual([
      0,
      [
        ['first\nline', '7', 'https://app.owndir.invalid'],
        ['named', 'n'],
        ['again', '7', 'https://app.owndir.invalid'],
      ],
    ]);
  });

  it('has its cookies, and those that the server sets', async () => {
    await frame.open(
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
    expect(await frame.heard(4)).toEqual([
      'server=a',
      'server=a; own=1',
      'server=a; own=1; later=c',
      'server=a; secret=b; own=1; later=c',
    ]);
  });

  it('has shared workers, one for all of its documents, which end with the last of them', async () => {
    await frame.open(
      {
        '/': html(`<iframe src="/inner"></iframe><script>
        const worker = new SharedWorker('shared.js', 'name'); worker.port.onmessage = ({ data }) => say(data); worker.port.postMessage('outer');
        const own = new SharedWorker(URL.createObjectURL(new Blob(['onconnect = ({ ports: [port] }) => port.postMessage("own " + location.pathname)']))); own.port.onmessage = ({ data }) => say(data);
      </script>`),
        '/inner': html(
          `<script>const worker = new SharedWorker('/shared.js', { name: 'name' }); worker.port.onmessage = ({ data }) => say(data); worker.port.postMessage('inner')</script>`,
        ),
        '/shared.js': `let count = 0; onconnect = ({ ports: [port] }) => { count += 1; port.onmessage = async ({ data }) => { await fetch('/data.txt'); port.postMessage([data, name, typeof postMessage]); if (count === 2) { count = 3; port.postMessage('both') } } }`,
        '/data.txt': 'data',
      },
      '/',
    );
    const all = await frame.heard(4);
    expect(all).toEqual(
      expect.arrayContaining([['outer', 'name', 'undefined'], ['inner', 'name', 'undefined'], 'both', 'own /']),
    );
    const count = (of: string) => frame.page.evaluate(what => bench.asked.filter(one => one === what).length, of);
    expect(await count('GET /shared.js')).toBe(1);
    expect(frame.page.workers().filter(worker => worker.url().startsWith('blob:')).length).toBeGreaterThan(0);
    await frame.page.evaluate(() => bench.frame?.navigate('/data.txt'));
    await expect.poll(() => frame.page.workers().length, { timeout: 5_000 }).toBe(0);
  });

  it('has workers that ask by themselves', async () => {
    await frame.open({
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
    const all = await frame.heard(3);
    expect(all).toHaveLength(3);
    expect(all).toEqual(
      expect.arrayContaining([['early', 'more', 'https://app.owndir.invalid/jobs/classic.js', 'data'], 'x', 'missing']),
    );
  });
});
