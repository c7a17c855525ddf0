// The walls around an app in the frame, in real Chromium on a real file:// page: what the app may do to itself, what it cannot
// reach, and what the page itself forbids.
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chromiumIsMissing } from '../../testing/browser.ts';
import type { FrameBench } from './testing/frame_page.ts';
import { html, useFrame } from './testing/open_frame.ts';

declare const bench: FrameBench;

describe.skipIf(chromiumIsMissing)('the walls around an app in the frame', { timeout: 60_000 }, () => {
  const frame = useFrame();

  it('let the app run inline scripts, handlers, eval and blobs, and forbid all of it to the page', async () => {
    await frame.open({
      '/': html(`<i id=i onclick="say('handler')"></i><script>
        say('inline'); document.getElementById('i').click(); say(eval('"ev" + "al"')); say(new Function('return "function"')());
        const script = document.createElement('script'); script.src = URL.createObjectURL(new Blob(['say("blob")'])); document.head.append(script);
      </script>`),
    });
    expect(await frame.heard(5)).toEqual(['inline', 'handler', 'eval', 'function', 'blob']);
    const ran = await frame.page.evaluate(async url => {
      const done: string[] = [];
      Object.assign(window, { done: (what: string) => done.push(what) });
      const script = (set: (one: HTMLScriptElement) => void) => {
        const one = document.createElement('script');
        set(one);
        document.head.append(one);
      };
      const blobOf = (text: string) => URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
      script(one => (one.textContent = 'done("inline")'));
      script(one => (one.src = blobOf('done("blob")')));
      script(one => Object.assign(one, { type: 'module', src: blobOf('done("module")') }));
      script(one => (one.src = 'data:text/javascript,done("data")'));
      script(one => (one.src = `${url}/script`));
      document.body.insertAdjacentHTML('beforeend', '<i id="own" onclick="done(`handler`)"></i>');
      document.getElementById('own')?.click();
      // From a timer: what automation itself runs is not subject to the policy.
      setTimeout(() => void (0, eval)('done("eval")'));
      await new Promise(resolve => setTimeout(resolve, 300));
      return done;
    }, frame.outsideUrl);
    expect(ran).toEqual([]);
    const asked = await frame.page.evaluate(
      url =>
        Promise.all([fetch(url), fetch(URL.createObjectURL(new Blob(['x'])))].map(one => one.then(String, String))),
      frame.outsideUrl,
    );
    expect(asked).toEqual(['TypeError: Failed to fetch', 'TypeError: Failed to fetch']);
    expect(frame.reached).toEqual([]);
  });

  it('keep the app’s own policy for what it asks for', async () => {
    await frame.open({}, '/', () => {
      const body =
        '<!doctype html><meta http-equiv="Content-Security-Policy" content="img-src \'none\'"><script>const say = said => top.postMessage({ said }, "*");' +
        'addEventListener("securitypolicyviolation", event => say(event.effectiveDirective));' +
        'fetch("/forbidden").catch(error => say(error.name)); new WebSocket("/forbidden").onclose = ({ code }) => say(code); new Image().src = "/forbidden";' +
        'new Worker(URL.createObjectURL(new Blob([`fetch("/forbidden").catch(error => postMessage("worker " + error.name))`]))).onmessage = ({ data }) => say(data);' +
        'const frame = document.createElement("iframe"); frame.srcdoc = `<script>fetch("/forbidden").catch(error => top.postMessage({ said: "frame " + error.name }, "*"))</` + "script>"; document.documentElement.append(frame);' +
        '</script><script src="/allowed.js"></script>';
      const policy: [string, string] = [
        'content-security-policy',
        "default-src 'self' 'unsafe-inline'; connect-src 'none'",
      ];
      bench.pages.set('/', { fields: [['content-type', 'text/html'], policy], body });
      bench.pages.set('/allowed.js', 'say("allowed")');
    });
    const said = await frame.heard(8);
    expect(said.map(String).sort()).toEqual(
      [
        'TypeError',
        '1006',
        'worker TypeError',
        'frame TypeError',
        'allowed',
        'connect-src',
        'connect-src',
        'img-src',
      ].sort(),
    );
    expect(await frame.page.evaluate(() => bench.asked)).not.toContain('GET /forbidden');
  });

  it('say what to do when the frame’s file was not copied with the page', async () => {
    const file = join(frame.directory, 'owndir-frame.html');
    await rename(file, `${file}.away`);
    try {
      await frame.open({ '/': html('<script>say("here")</script>') });
      await expect.poll(() => frame.page.evaluate(() => bench.failed), { timeout: 15_000 }).toHaveLength(1);
      expect(await frame.page.evaluate(() => bench.failed[0])).toMatch(
        /owndir-frame\.html.*is not beside this page.*copy/,
      );
    } finally {
      await rename(`${file}.away`, file);
    }
    await frame.open({ '/': html('<script>say("here")</script>') });
    expect(await frame.heard()).toEqual(['here']);
    expect(await frame.page.evaluate(() => bench.failed)).toEqual([]);
  });

  it('cannot reach the page, and nothing goes past the channel', async () => {
    // What automation does counts as a person's click; here nobody clicks.
    await frame.page.evaluate(() =>
      Object.defineProperty(navigator, 'userActivation', { value: null, configurable: true }),
    );
    await frame.open({
      '/': html(`<div id=d></div><script>(async () => {
        const attempt = async (name, action) => { try { const value = await action(); return name + ': ' + value } catch (error) { return name + ': ' + error.name } };
        const realParent = Object.getOwnPropertyDescriptor(window, 'top').get.call(window);
        const url = '${frame.outsideUrl}';
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
    const [attempts] = await frame.heard(1);
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
    expect(await frame.heard(2)).toHaveLength(2);
    expect(frame.reached).toEqual([]);
    expect(await frame.page.evaluate(() => document.title)).toBe('test');
    await frame.page.evaluate(() => Reflect.deleteProperty(navigator, 'userActivation'));
  });

  it('comes back when its frame is led away by force', async () => {
    await frame.open({ '/': html(`<script>say('here')</script>`) });
    await frame.heard(1);
    await (
      await frame.app()
    ).evaluate(url => void eval(`window["loc" + "ation"].href = ${JSON.stringify(url)}`), `${frame.outsideUrl}/led`);
    expect(await frame.heard(2)).toEqual(['here', 'here']);
    expect(frame.reached).toEqual([]);
  });
});
