// What pages are made of: pictures, styles, fonts, scripts, modules, workers, sound and film.
const image = async (h, properties) => {
  const element = h.element('img');
  const ended = new Promise((resolve, reject) => {
    element.addEventListener('load', resolve);
    element.addEventListener('error', () => reject(new Error('the picture failed')));
  });
  for (const [name, value] of Object.entries(properties)) element.setAttribute(name, value);
  await h.within(ended, 'the picture');
  return [element.naturalWidth, element.naturalHeight];
};
const asked = async (h, path) => (await h.seen(path)).length;
const fromWorker = (h, worker, message) => {
  h.defer(() => (worker.terminate ? worker.terminate() : worker.port.close()));
  const port = worker.port ?? worker;
  return h.within(new Promise((resolve, reject) => {
    port.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => reject(new Error(`the worker failed: ${event.message}`));
    if (message !== undefined) port.postMessage(message);
  }), 'the worker to tell');
};

export const resources = {
  'a picture': async (h) => h.equal(await image(h, { src: h.url('/picture') }), [40, 30]),
  'a picture by a relative address': async (h) => h.equal(await image(h, { src: `site/pixel.png?id=${h.id}` }), [2, 2]),
  'srcset chooses': async (h) => {
    await image(h, { srcset: `/picture?id=${h.id}-s 1x, /picture?id=${h.id}-l 4x`, src: '/nothing.png' });
    return h.equal([(await h.seen('/picture', `${h.id}-s`)).length, (await h.seen('/picture', `${h.id}-l`)).length], [1, 0]);
  },
  'picture and source': async (h) => {
    const picture = h.element('picture');
    h.element('source', { srcset: h.url('/picture'), type: 'image/svg+xml' }, picture);
    const element = h.element('img', { src: '/nothing.png' }, picture);
    await h.until(() => element.complete && element.naturalWidth === 40, 'the picture of the source');
    return asked(h, '/picture');
  },
  'a lazy picture in view': async (h) => h.equal(await image(h, { loading: 'lazy', src: h.url('/picture') }), [40, 30]),
  'a picture drawn on a canvas can be read': async (h) => {
    const element = h.element('img', { src: h.url('/picture') });
    await h.event(element, 'load');
    const canvas = document.createElement('canvas');
    const context = canvas.getContext('2d');
    context.drawImage(element, 0, 0);
    return h.equal([...context.getImageData(5, 5, 1, 1).data], [0x22, 0x88, 0x44, 255]);
  },
  'a style sheet, what it imports, and their pictures': async (h) => {
    const link = h.element('link', { rel: 'stylesheet', href: `/site/look/main.css?id=${h.id}` });
    await h.event(link, 'load');
    const box = h.element('div', { className: 'conformance-box' });
    await h.until(() => getComputedStyle(box).width === '123px' && getComputedStyle(box).height === '45px', 'both sheets apply');
    await h.until(async () => (await h.seen('/picture', 'conformance-look')).length > 0, 'the picture of the style');
    return [getComputedStyle(box).color, getComputedStyle(box).backgroundImage.replace(/^.*?(\/picture.*)"\)$/, '$1')];
  },
  'a style element with an address in it': async (h) => {
    h.element('style', { textContent: `.own-${h.id} { width: 9px; background: url("/picture?id=${h.id}"); }` });
    h.element('div', { className: `own-${h.id}`, textContent: 'x' });
    await h.untilSeen('/picture', (list) => list.length === 1);
    return 'asked';
  },
  'a style sheet that is not there': async (h) => {
    const link = h.element('link', { rel: 'stylesheet', href: '/site/none.css' });
    return h.equal(await h.within(new Promise((resolve) => ['load', 'error'].forEach((name) => link.addEventListener(name, () => resolve(name)))), 'load or error'), 'error');
  },
  'a font': async (h) => {
    const font = new FontFace('Conformance', `url(/site/font.ttf?id=${h.id})`);
    await h.within(font.load(), 'the font');
    return h.equal(font.status, 'loaded');
  },
  'scripts run in the order of their insertion': async (h) => {
    globalThis.conformanceOrder = [];
    const loads = ['a', 'b', 'c'].map((name) => {
      const script = document.createElement('script');
      script.async = false;
      script.src = `/site/order.js?${name}`;
      document.head.append(script);
      h.defer(() => script.remove());
      return h.event(script, 'load');
    });
    await Promise.all(loads);
    return h.equal(globalThis.conformanceOrder, ['?a', '?b', '?c']);
  },
  'a script with the right integrity, and one with a wrong one': async (h) => {
    const ends = async (integrity) => {
      const script = h.element('script', { integrity, crossOrigin: 'anonymous' });
      const ended = new Promise((resolve) => ['load', 'error'].forEach((name) => script.addEventListener(name, () => resolve(name))));
      script.src = '/site/sets-a-value.js';
      return h.within(ended, 'load or error');
    };
    const bytes = await (await fetch('/site/sets-a-value.js')).arrayBuffer();
    const sum = btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))));
    return h.equal([await ends(`sha256-${sum}`), await ends(`sha256-${btoa('x'.repeat(32))}`)], ['load', 'error']);
  },
  'a module and what it imports': async (h) => {
    globalThis.conformanceModule = undefined;
    const script = h.element('script', { type: 'module', src: `/site/modules/main.js?id=${h.id}` });
    await h.event(script, 'load');
    return h.equal(globalThis.conformanceModule, { a: 'a and shared 1', b: 'b and shared 2', same: true });
  },
  'an inline module': async (h) => {
    globalThis.conformanceInline = undefined;
    h.element('script', { type: 'module', textContent: "import { a } from '/site/modules/a.js'; import { deep } from './site/modules/deep/er.js'; globalThis.conformanceInline = [typeof a, deep];" });
    return h.equal(await h.until(() => globalThis.conformanceInline, 'the module to run'), ['function', 'deeper']);
  },
  'import() by the page': async (h) => {
    const module = await h.within(import(`${'/site'}/modules/deep/er.js`), 'the module');
    return h.equal([module.deep, module.default()], ['deeper', 'default of deeper']);
  },
  'import() within a module, relative to it': async (h) => {
    const { later } = await h.within(import(`${'/site'}/modules/lazy.js`), 'the module');
    return h.equal(await h.within(later(), 'the later one'), 'deeper');
  },
  'import.meta.url': async (h) => {
    const { where, beside } = await import(`${'/site'}/modules/where.js`);
    return h.equal([new URL(where).pathname, new URL(beside).pathname, new URL(where).origin === location.origin], ['/site/modules/where.js', '/site/modules/a.js', true]);
  },
  'a module that asks a file beside it': async (h) => {
    const { readBeside } = await import(`${'/site'}/modules/where.js`);
    return h.equal(await readBeside(), { kept: 'in a file' });
  },
  'modules in a circle': async (h) => h.equal((await import(`${'/site'}/modules/circle-one.js`)).both(), 'one two'),
  'a module that waits at its top': async (h) => h.equal((await import(`${'/site'}/modules/waits.js`)).waited, 'read: in a file'),
  'a module that is not there': async (h) => h.equal(await h.rejects(import(`${'/site'}/modules/none.js`)), 'TypeError'),
  'a module that throws': async (h) => h.equal(await h.rejects(import(`${'/site'}/modules/throws.js`)), 'RangeError'),
  'a module of the wrong type': async (h) => h.equal(await h.rejects(import(`${'/respond?type=text/plain&body=export'}`)), 'TypeError'),
  'JSON as a module': async (h) => {
    globalThis.conformanceJson = undefined;
    h.element('script', { type: 'module', textContent: "import data from '/site/data.json' with { type: 'json' }; globalThis.conformanceJson = data;" });
    return h.equal(await h.until(() => globalThis.conformanceJson, 'the module to run'), { kept: 'in a file' });
  },
  'an import map in a framed page': async (h) => {
    const more = '<script type="importmap">{"imports":{"bare":"/site/modules/deep/er.js","dir/":"/site/modules/"}}</script><script type="module">import { deep } from "bare"; import { a } from "dir/a.js"; parent.postMessage({ told: [deep, typeof a] }, "*");</script>';
    const frame = h.element('iframe');
    const got = [];
    addEventListener('message', ({ source, data }) => source === frame.contentWindow && got.push(data.told));
    frame.src = h.url('/nav/page', { more });
    await h.until(() => got.some(Array.isArray), 'the module to tell');
    return h.equal(got.find(Array.isArray), ['deeper', 'function']);
  },
  'WebAssembly while it streams': async (h) => {
    const { instance } = await WebAssembly.instantiateStreaming(fetch('/site/add.wasm'));
    return h.equal(instance.exports.add(40, 2), 42);
  },
  'a worker that asks': async (h) => h.equal(await fromWorker(h, new Worker('/site/worker.js?name=one'), { ask: '/respond?body=for+a+worker' }), { text: 'for a worker', search: '?name=one', imported: 'by importScripts' }),
  'a worker of modules': async (h) => h.equal(await fromWorker(h, new Worker('/site/worker-module.js', { type: 'module' })), 'deeper'),
  'a worker with a WebSocket': async (h) => h.equal(await fromWorker(h, new Worker('/site/worker-socket.js'), h.url('/ws/echo')), 'from the worker'),
  'a worker from a blob': async (h) => {
    const source = `fetch('${location.origin}/respond?body=for+a+blob').then((r) => r.text()).then(postMessage, (e) => postMessage(String(e)));`;
    const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
    return h.equal(await fromWorker(h, new Worker(url)), 'for a blob');
  },
  'a worker with XMLHttpRequest, synchronous too': async (h) => h.equal(await fromWorker(h, new Worker('/site/worker-xhr.js'), '/respond?body=at+once'), 'at once'),
  'a shared worker': async (h) => h.equal(await fromWorker(h, new SharedWorker('/site/worker-shared.js'), 'hello'), 'shared: hello, deeper'),
  'a worker that is not there': async (h) => {
    const worker = new Worker('/site/no-worker.js');
    return h.equal(await h.within(new Promise((resolve) => (worker.onerror = (event) => resolve(event.type))), 'the error'), 'error');
  },
  'sound: its length is known early': async (h) => {
    const audio = h.element('audio', { preload: 'metadata', src: h.url('/media/sound.wav') });
    await h.event(audio, 'loadedmetadata');
    return h.equal(audio.duration, 120);
  },
  'sound: a seek asks for the right part': async (h) => {
    const audio = h.element('audio', { preload: 'metadata', src: h.url('/media/sound.wav') });
    await h.event(audio, 'loadedmetadata');
    audio.currentTime = 100;
    await h.event(audio, 'seeked');
    const ranges = (await h.seen('/media/sound.wav')).map(({ range }) => Number(/bytes=(\d+)/.exec(range)?.[1] ?? 0));
    h.ok(ranges.some((from) => from > 5_000_000 && from < 8_820_044), `a range near the hundredth second (${ranges})`);
    return [audio.currentTime, audio.seekable.length];
  },
  'film: size and length': async (h) => {
    const video = h.element('video', { preload: 'auto', muted: true, src: h.url('/media/film.webm') });
    await h.event(video, 'loadeddata');
    return [video.videoWidth, video.videoHeight, Math.round(video.duration * 10)];
  },
  'film: it plays, seeks and ends': async (h) => {
    const video = h.element('video', { preload: 'auto', muted: true, src: h.url('/media/film.webm') });
    await h.event(video, 'loadeddata');
    const seeked = h.event(video, 'seeked');
    video.currentTime = video.duration - 0.3;
    await seeked;
    const ended = h.event(video, 'ended');
    await video.play();
    await ended;
    return h.equal([video.ended, video.error], [true, null]);
  },
  'film: one that is not there': async (h) => {
    const video = h.element('video', { src: '/media/none.webm' });
    await h.within(new Promise((resolve) => video.addEventListener('error', resolve)), 'the error');
    return h.equal(video.error.code, 4);
  },
  'a download has its name': async (h) => {
    const response = await h.fetch('/download', { disposition: "attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe.txt" });
    return h.equal([response.headers.get('content-disposition'), await response.text()], ["attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe.txt", 'downloaded\n']);
  },
  'a preload is asked for once': async (h) => {
    const link = h.element('link', { rel: 'preload', as: 'fetch', crossOrigin: 'anonymous', href: h.url('/counted', { h: ['Cache-Control: max-age=600'] }) });
    await h.event(link, 'load');
    h.equal(await (await fetch(link.href)).text(), 'reading 1');
    return h.equal(await asked(h, '/counted'), 1);
  },
};
