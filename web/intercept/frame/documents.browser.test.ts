// Apps in the frame, in real Chromium on a real file:// page; the site behind them is played by the page (testing/frame_page.ts):
// documents, and what is in them.
import { describe, expect, it } from 'vitest';
import { chromiumIsMissing } from '../../testing/browser.ts';
import type { FrameBench } from './testing/frame_page.ts';
import { html, useFrame } from './testing/open_frame.ts';

declare const bench: FrameBench;

describe.skipIf(chromiumIsMissing)('documents of an app in the frame', { timeout: 60_000 }, () => {
  const frame = useFrame();

  it('believes to be at its own address', async () => {
    await frame.open(
      {
        '/dir/page?a=1': html(`<a id=a href="other">x</a><script>
        say([location.href, location.origin, location.host, location.protocol, location.pathname, location.search, location.hash,
          String(location), document.URL, document.baseURI, document.getElementById('a').href, window.origin, document.domain,
          document.referrer, new URL('x', location).href, document.location === window.location, 'x' + location])</script>`),
      },
      '/dir/page?a=1#frag',
    );
    const url = 'https://app.owndir.invalid/dir/page?a=1';
    expect((await frame.heard())[0]).toEqual([
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
    await frame.open({
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
    expect((await frame.heard())[0]).toEqual([
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
    await frame.open({
      '/': html(
        `<p id=p class=x>text</p><script>addEventListener('load', () => { const s = getComputedStyle(document.getElementById('p'));
          say([s.color, s.fontWeight, s.backgroundImage, s.getPropertyValue('background-image') === s.backgroundImage, s instanceof CSSStyleDeclaration, document.styleSheets.length, document.querySelector('link').href, document.querySelector('link').getAttribute('href')]) })</script>`,
        `<link rel="stylesheet" href="css/main.css">`,
      ),
      '/css/main.css': `@import "more.css" screen; .x { background: url(../pic.svg) }`,
      '/css/more.css': `.x { color: rgb(1, 2, 3); font-weight: 900 }`,
      '/pic.svg': '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>',
    });
    expect((await frame.heard())[0]).toEqual([
      'rgb(1, 2, 3)',
      '900',
      'url("https://app.owndir.invalid/pic.svg")',
      true,
      true,
      1,
      'https://app.owndir.invalid/css/main.css',
      'css/main.css',
    ]);
  });

  it('loads images, of any kind of making', async () => {
    await frame.open({
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
            say(getComputedStyle(document.getElementById('p')).backgroundImage) })</script>`,
      ),
      '/pic.svg': '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>',
    });
    expect(await frame.heard(3)).toEqual([
      [
        ['a', 10, '/pic.svg'],
        ['b', 10, '/no.svg'],
        ['c', 10, '/pic.svg?inner'],
        ['', 10, '/pic.svg?set'],
        ['', 10, '/pic.svg?new'],
      ],
      'pic.svg?svg',
      'url("https://app.owndir.invalid/pic.svg?style")',
    ]);
    expect(await frame.page.evaluate(() => bench.asked)).not.toContain('GET /none.svg');
  });

  it('runs modules that import each other, by address, import map and import()', async () => {
    await frame.open({
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
    expect(await frame.heard(3)).toEqual(
      expect.arrayContaining(['late', ['aba', 'bare', 1, 'https://app.owndir.invalid/js/main.js'], 'a']),
    );
  });

  it('has frames of the app within it, which links and forms can lead', async () => {
    await frame.open({
      '/': html(
        `<iframe name=inner src="/inner?1" onload="say('load')"></iframe><a id=a target=inner href="/inner?2">x</a><iframe srcdoc="<script>top.postMessage({said: ['srcdoc', document.baseURI]}, '*')</script>"></iframe>`,
      ),
      '/inner': html(
        `<script>say([location.href, parent === window]); fetch('/data.txt').then(r => r.text()).then(say)</script>`,
      ),
      '/data.txt': 'data',
    });
    const first = await frame.heard(4);
    expect(first).toHaveLength(4);
    expect(first).toEqual(
      expect.arrayContaining([
        ['https://app.owndir.invalid/inner?1', false],
        'data',
        'load',
        ['srcdoc', 'https://app.owndir.invalid/'],
      ]),
    );
    await (await frame.app()).click('#a');
    expect((await frame.heard(7)).slice(4)).toContainEqual(['https://app.owndir.invalid/inner?2', false]);
  });

  it('shows what to do where a document cannot be loaded', async () => {
    await frame.open({}, '/', () => {
      bench.pages.set('/', () => Promise.reject(new Error('The wire was cut.')));
    });
    await expect
      .poll(
        async () =>
          (await frame.app())
            .locator('body')
            .innerText()
            .catch(() => ''),
        { timeout: 10_000 },
      )
      .toContain('owndir connect');
  });
});
