// The page of the worker's browser test: a broker whose server is a function here, and an app in a frame.

import type { Bytes } from '../../base/bytes.ts';
import { Broker } from '../broker.ts';
import { openWorkerApp } from '../worker/index.ts';
import { FakeTunnel, type Asked, type Reply } from './fake_tunnel.ts';

const html = (body: string, head = ''): Reply => ({
  fields: [
    ['content-type', 'text/html'],
    ['x-frame-options', 'DENY'],
    [
      'content-security-policy',
      "default-src 'self'; script-src 'self' 'nonce-own'; worker-src 'self' blob:; frame-ancestors 'none'",
    ],
    ['set-cookie', 'seen=1'],
    ['set-cookie', 'secret=2; HttpOnly'],
  ],
  body: `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Äpp</title>${head}</head><body>${body}</body></html>`,
});
const text = (body: string, type = 'text/plain', more: [string, string][] = []): Reply => ({
  fields: [['content-type', type], ...more],
  body,
});

let streams = 0;
function endless(signal: AbortSignal | undefined): ReadableStream<Bytes> {
  streams += 1;
  let at = 0;
  return new ReadableStream<Bytes>({
    pull: async controller => {
      await new Promise(resolve => setTimeout(resolve, 20));
      if (!signal?.aborted) controller.enqueue(new TextEncoder().encode(`data: ${(at += 1)}\n\n`));
    },
    cancel: () => void (streams -= 1),
  });
}

let stalls = 0;
/** How much has been asked for of all the zeros. */
let poured = 0;
function zeros(size: number): ReadableStream<Bytes> {
  let left = size;
  return new ReadableStream<Bytes>(
    {
      pull: controller => {
        const piece = new Uint8Array(Math.min(64 * 1024, left));
        left -= piece.length;
        poured += piece.length;
        controller.enqueue(piece);
        if (left === 0) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

const media = new Uint8Array(100_000).map((_, at) => at % 251);

function answer(asked: Asked): Reply | Promise<Reply> {
  const { method, target, fields, body } = asked;
  const [path = ''] = target.split('?');
  switch (path) {
    case '/':
      return html(
        '<h1>start</h1><a id="next" href="/deep/page?x=1">next</a><a id="away" href="https://example.invalid/">away</a>' +
          '<form id="form" method="post" action="/form"><input name="field" value="vä lue"></form>' +
          '<img id="picture" src="/picture.svg"><script nonce="own">window.inline = document.cookie;</script>',
        '<link rel="stylesheet" href="style.css"><script type="module" src="/js/main.mjs"></script>',
      );
    case '/deep/page':
      return html(`<h1>deep</h1><p id="target">${target}</p><script src="../js/classic.js"></script>`);
    case '/form':
      return html(`<h1>form</h1><p id="got">${method} ${body ?? ''}</p>`);
    case '/js/main.mjs':
      return text("import { name } from './part.mjs'; window.module = name;", 'text/javascript');
    case '/js/part.mjs':
      return text("export const name = 'from part';", 'text/javascript');
    case '/js/classic.js':
      return text("window.classic = 'ran';", 'text/javascript');
    case '/style.css':
      return text('h1 { color: rgb(1, 2, 3) }', 'text/css');
    case '/picture.svg':
      return text('<svg xmlns="http://www.w3.org/2000/svg" width="7" height="5"/>', 'image/svg+xml');
    case '/redirect':
      return { status: 302, fields: [['location', '/echo?redirected']] };
    case '/without-policy':
      return text('<h1>plain</h1>', 'text/html');
    case '/redirect-away':
      return { status: 302, fields: [['location', `http://127.0.0.1:${location.port}/owndir-app.html`]] };
    case '/to-page':
      return { status: 303, fields: [['location', '/deep/page?moved']] };
    case '/events':
      return { fields: [['content-type', 'text/event-stream']], body: endless(asked.signal) };
    case '/stall':
      stalls += 1;
      return new Promise((_, reject) => {
        asked.signal?.addEventListener('abort', () => {
          stalls -= 1;
          reject(new Error('aborted'));
        });
      });
    case '/large':
      return { body: zeros(Number(target.split('?')[1]) * 1024 * 1024) };
    case '/broken':
      return {
        body: new ReadableStream<Bytes>({
          start: controller => controller.enqueue(new Uint8Array(1000)),
          pull: controller => controller.error(new Error('broke off')),
        }),
      };
    case '/media': {
      const range = /bytes=(\d+)-(\d*)/.exec(fields.range ?? '');
      const from = Number(range?.[1] ?? 0);
      const to = range?.[2] ? Number(range[2]) : media.length - 1;
      const part = media.slice(from, to + 1);
      return { status: 206, fields: [['content-range', `bytes ${from}-${to}/${media.length}`]], body: part };
    }
    case '/worker.js':
      return text(
        "const s = new WebSocket('/ws'); s.binaryType = 'arraybuffer';" +
          "s.onmessage = e => postMessage(e.data); s.onopen = () => s.send('from worker');" +
          "onmessage = e => fetch('/echo?' + e.data).then(r => r.json()).then(j => postMessage(j.target));",
        'text/javascript',
      );
    case '/gone':
      return { status: 404, fields: [['content-type', 'text/plain']], body: 'no' };
    default:
      return text(JSON.stringify({ method, target, fields, body }), 'application/json');
  }
}

const tunnel = new FakeTunnel(answer);
const open = tunnel.openSocket.bind(tunnel);
tunnel.openSocket = async (target, options) => {
  const socket = await open(target, options);
  const { send } = socket;
  socket.send = async data => {
    await send.call(socket, data);
    // Says back what it hears, and closes when told.
    queueMicrotask(() => {
      if (data === 'close me') socket.onclose?.(4001, 'as told');
      else void socket.onmessage?.(typeof data === 'string' ? data : data.slice());
    });
  };
  return socket;
};

const log: unknown[] = [];
const bench = {
  log,
  tunnel,
  streams: () => streams,
  stalls: () => stalls,
  poured: () => poured,
  frame: null as ReturnType<typeof openWorkerApp> | null,
  broker: null as Broker | null,
  open(name: string, start = '/'): void {
    const app = { name, title: name, kind: 'http', transparent: false } as const;
    const makeBroker = (origin: string) =>
      (bench.broker = new Broker({ app: name, origin, connected: () => Promise.resolve(tunnel) }));
    bench.frame = openWorkerApp(
      document.body,
      app,
      makeBroker,
      {
        started: shares => log.push(['started', shares]),
        at: (title, target) => log.push(['at', title, target]),
        open: target => log.push(['open', target]),
        failed: message => log.push(['failed', message]),
      },
      start,
    );
  },
};
Object.assign(globalThis, { bench });
