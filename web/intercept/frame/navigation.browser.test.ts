// Apps in the frame, in real Chromium on a real file:// page; the site behind them is played by the page (testing/frame_page.ts):
// links, forms, history and what outlives a document.
import { describe, expect, it } from 'vitest';
import { chromiumIsMissing } from '../../testing/browser.ts';
import type { FrameBench } from './testing/frame_page.ts';
import { html, useFrame } from './testing/open_frame.ts';

declare const bench: FrameBench;

describe.skipIf(chromiumIsMissing)('navigation of an app in the frame', { timeout: 60_000 }, () => {
  const frame = useFrame();

  it('goes where links lead, and back', async () => {
    await frame.open({
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
    await frame.heard(1);
    await frame.click('#next');
    await frame.heard(2);
    await frame.click('#stop');
    await frame.heard(3);
    await frame.click('#no');
    await frame.heard(4);
    await frame.page.evaluate(() => history.back());
    expect(await frame.heard(5)).toEqual([
      ['first', 'https://app.owndir.invalid/', 1],
      ['second', 'https://app.owndir.invalid/second.html?x', 'https://app.owndir.invalid/', 2],
      'third',
      'prevented',
      ['second', 'https://app.owndir.invalid/second.html?x', '', 3],
    ]);
    expect(await frame.page.evaluate(() => bench.frame?.path)).toBe('/second.html?x');
  });

  it('leads the frame where an app leads a tab that it opened', async () => {
    await frame.open({
      '/': html(
        `<button onclick="const tab = window.open(undefined, '_blank'); setTimeout(() => { tab.location = 'second.html' })">new</button><script>say('first')</script>`,
      ),
      '/second.html': html(
        `<button onclick="const tab = window.open('#', '_blank'); say([tab.closed, window.open('', '', 'noopener')]); setTimeout(() => tab.location.replace('/third.html'))">new</button><script>say('second')</script>`,
      ),
      '/third.html': html(`<script>say('third')</script>`),
    });
    await frame.heard(1);
    await frame.click('button');
    await frame.heard(2);
    await frame.click('button');
    expect(await frame.heard(4)).toEqual(['first', 'second', [false, null], 'third']);
  });

  it('answers synchronous requests by loading the document again', async () => {
    await frame.open({
      '/': html(`<script>
        const ask = (url, token) => { const x = new XMLHttpRequest(); x.open('GET', url, false); if (token) x.setRequestHeader('x-token', token); x.send(); return x.responseText };
        const first = ask('/one.txt'); const second = ask('/two.txt', first);
        say([first, second, sessionStorage.length]);
        addEventListener('load', () => setTimeout(() => { try { ask('/three.txt') } catch (error) { say(error.name) } }, 50));
      </script>`),
      '/one.txt': 'one',
      '/two.txt': 'two',
    });
    expect(await frame.heard(2)).toEqual([['one', 'two', 0], 'InvalidAccessError']);
  });

  it('sends forms as browsers do', async () => {
    await frame.open(
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
    await frame.click('button');
    expect((await frame.heard(1))[0]).toEqual(['GET', '/echo?a=1+2&b=3', '', null]);
    await frame.page.evaluate(() => bench.frame?.navigate('/plain'));
    expect((await frame.heard(2))[1]).toEqual(['POST', '/echo', 'application/x-www-form-urlencoded', 'a=%C3%A4%26b']);
    await frame.page.evaluate(() => bench.frame?.navigate('/post'));
    await frame.click('form[enctype] button');
    const last = (await frame.heard(3))[2] as string[];
    expect(last.slice(0, 3)).toEqual(['POST', '/echo', 'multipart/form-data; ']);
    expect(last[3]).toContain('name="a"\r\n\r\nä');
  });

  it('has history entries of its own making, with state, and the browser’s back', async () => {
    await frame.open({
      '/': html(`<script>
        addEventListener('popstate', event => say(['pop', event.state, location.href]));
        addEventListener('hashchange', event => say(['hash', event.oldURL, event.newURL]));
        history.replaceState({ n: 0 }, ''); history.pushState({ n: 1 }, '', '/deep/er?x'); say([location.pathname, history.state, history.length, new URL('y', document.baseURI).pathname]);
        try { history.pushState(null, '', 'https://elsewhere.example/') } catch (error) { say(error.name) }
        setTimeout(() => history.back());
      </script>`),
    });
    expect(await frame.heard(3)).toEqual([
      ['/deep/er', { n: 1 }, 2, '/deep/y'],
      'SecurityError',
      ['pop', { n: 0 }, 'https://app.owndir.invalid/'],
    ]);
    await (await frame.app()).evaluate(() => void (document.body.innerHTML = '<a href="#there">go</a>'));
    await frame.click('a');
    expect((await frame.heard(5))[4]).toEqual([
      'hash',
      'https://app.owndir.invalid/',
      'https://app.owndir.invalid/#there',
    ]);
    await frame.page.evaluate(() => history.back());
    expect((await frame.heard(7))[5]).toEqual(['pop', { n: 0 }, 'https://app.owndir.invalid/']);
  });

  it('keeps localStorage beyond its documents, within bounds', async () => {
    await frame.open({
      '/': html(`<script>say([localStorage.getItem('a'), localStorage.length]); localStorage.a = 'kept'; localStorage.setItem('b', 1); delete localStorage.b; sessionStorage.s = 1;
        say([Object.keys(localStorage), 'a' in localStorage, localStorage.missing === undefined]);
        try { localStorage.big = 'x'.repeat(6e6) } catch (error) { say(error.name) }</script>`),
      '/next': html(`<script>say([localStorage.a, sessionStorage.s])</script>`),
    });
    expect(await frame.heard(3)).toEqual([[null, 0], [['a'], true, true], 'QuotaExceededError']);
    await frame.page.evaluate(() => bench.frame?.navigate('/next'));
    expect((await frame.heard(4))[3]).toEqual(['kept', '1']);
    await frame.page.waitForFunction(() => bench.saved.length > 0);
    await frame.page.evaluate(() => bench.open('/next'));
    expect((await frame.heard(1))[0]).toEqual(['kept', undefined]);
  });
});
