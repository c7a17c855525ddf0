// The small part of wptserve that the test files in subset/ need: files, `.any.html` pages made of `.any.js`, values put into
// `.sub.js`, some of the handlers, and a WebSocket echo. One port for everything; listens on loopback.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join, normalize } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { require, root } from '../support/paths.mjs';

const place = join(root, 'tests/wpt/subset');
const types = { js: 'text/javascript; charset=utf-8', html: 'text/html; charset=utf-8', txt: 'text/plain' };

/** Parameters as the bytes that they are, a character for each. */
function parametersOf(url) {
  const bytes = (text) => unescape(text.replaceAll('+', ' '));
  return new Map((url.split('?')[1] ?? '').split('&').filter(Boolean).map((part) => [bytes(part.split('=')[0]), bytes(part.split('=').slice(1).join('='))]).reverse());
}

async function bodyOf(req) {
  const parts = [];
  for await (const part of req) parts.push(part);
  return Buffer.concat(parts);
}

function answer(res, status, fields, body = '') {
  res.writeHead(status, fields);
  res.end(typeof body === 'string' ? Buffer.from(body, 'latin1') : body);
}

async function trickle(_req, res, ask) {
  res.writeHead(200, ask.has('notype') ? {} : { 'Content-Type': 'text/plain' });
  for (let i = 0; i < Number(ask.get('count') ?? 50) && !res.destroyed; i += 1) {
    await sleep(Math.min(Number(ask.get('ms') ?? 500), 50));
    res.write('TEST_TRICKLE\n');
  }
  res.end();
}

function handlers(stash) {
  const xRequest = (req, body) => ({ 'X-Request-Method': req.method, 'X-Request-Query': req.url.split('?')[1] || 'NO', 'X-Request-Content-Length': req.headers['content-length'] ?? 'NO',
    'X-Request-Content-Type': req.headers['content-type'] ?? 'NO', ...body });
  return {
    '/fetch/api/resources/inspect-headers.py': (req, res, ask) => {
      const seen = (ask.get('headers') ?? '').split('|').filter((name) => req.headers[name.toLowerCase()] !== undefined).map((name) => [`x-request-${name}`, req.headers[name.toLowerCase()]]);
      answer(res, 200, { ...Object.fromEntries(seen), 'content-type': 'text/plain' });
    },
    '/fetch/api/resources/method.py': async (req, res) =>
      answer(res, 200, xRequest(req, Object.fromEntries(['Encoding', 'Language', 'Location'].map((name) => [`X-Request-Content-${name}`, req.headers[`content-${name.toLowerCase()}`] ?? 'NO']))), await bodyOf(req)),
    '/fetch/api/resources/redirect.py': async (req, res, ask) => {
      await bodyOf(req);
      const [token, most] = [ask.get('token'), Number(ask.get('max_count') ?? Infinity)];
      const count = (stash.get(token) ?? 0) + 1;
      if (token) stash.set(token, count);
      if (count > most) return answer(res, 200, { 'Content-Type': 'text/plain' }, String(count - 1));
      const rest = new URLSearchParams([...ask]);
      const to = ask.get('location');
      const location = ask.has('simple') || /^(?!https?:)[a-z]+:/.test(to) ? to : `${to}${to.includes('?') ? '&' : '?'}${rest}&count=${count}`;
      return answer(res, Number(ask.get('redirect_status') ?? 302), { 'Content-Type': 'text/plain', 'Cache-Control': 'no-cache', Location: location });
    },
    '/fetch/api/resources/clean-stash.py': (_req, res, ask) => answer(res, 200, {}, stash.delete(ask.get('token')) ? '1' : '0'),
    '/fetch/api/resources/status.py': (_req, res, ask) => {
      res.writeHead(Number(ask.get('code') ?? 200), ask.get('text') ?? 'OMG', { 'Content-Type': ask.get('type') ?? '' });
      res.end(Buffer.from(ask.get('content') ?? '', 'latin1'));
    },
    '/fetch/api/resources/bad-chunk-encoding.py': async (_req, res, ask) => {
      res.writeHead(200);
      res.write('TEST_CHUNK');
      await sleep(Math.min(Number(ask.get('ms') ?? 1000), 100));
      res.socket.end('garbage');
    },
    '/fetch/api/resources/trickle.py': trickle,
    '/xhr/resources/trickle.py': trickle,
    '/xhr/resources/content.py': async (req, res, ask) => {
      const body = await bodyOf(req);
      answer(res, 200, xRequest(req, { 'Content-Type': `text/plain${ask.has('response_charset_label') ? `;charset=${ask.get('response_charset_label')}` : ''}` }), ask.get('content') ?? body);
    },
    '/eventsource/resources/message.py': async (_req, res, ask) => {
      await sleep(Math.min(Number(ask.get('sleep') ?? 0), 2000));
      answer(res, 200, { 'Content-Type': ask.get('mime') ?? 'text/event-stream' }, `${ask.get('message') ?? 'data: data'}${ask.get('newline') === 'none' ? '' : '\n\n'}\n`);
    },
    '/eventsource/resources/message2.py': (_req, res) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
      res.write('data:msg\ndata: msg\n\n:\nfalsefield:msg\n\nfalsefield:msg\nData:data\n\ndata\n\ndata:end\n\n'); // stays open
    },
    '/eventsource/resources/last-event-id.py': (req, res, ask) => {
      const last = req.headers['last-event-id'];
      answer(res, 200, { 'Content-Type': 'text/event-stream' }, last ? `data: ${last}\n\n` : `id: ${ask.get('idvalue') ?? '\xe2\x80\xa6'}\nretry: 200\ndata: hello\n\n`);
    },
  };
}

/** The page of a `.any.js`, with the scripts that it names. */
function pageOf(path, source) {
  const scripts = [...source.matchAll(/^\/\/ META: script=(.+)$/gm)].map(([, script]) => script.trim());
  return `<!doctype html><meta charset=utf-8>${/^\/\/ META: timeout=long$/m.test(source) ? '<meta name=timeout content=long>' : ''}
<script>self.GLOBAL = { isWindow: () => true, isWorker: () => false, isShadowRealm: () => false };</script>
<script src="/resources/testharness.js"></script><script src="/resources/testharnessreport.js"></script>
${scripts.map((script) => `<script src="${script}"></script>`).join('')}<div id=log></div><script src="${path}"></script>`;
}

function file(req, res) {
  const path = normalize(req.url.split('?')[0]);
  const from = path === '/resources/testharnessreport.js' ? join(root, 'tests/wpt/report.js') : join(place, path.replace(/\.any\.html$/, '.any.js'));
  if (!existsSync(from) || path.endsWith('/')) return answer(res, 404, { 'Content-Type': 'text/plain' }, 'not here');
  let text = readFileSync(from, 'utf8');
  if (path.endsWith('.any.html')) text = pageOf(path.replace(/html$/, 'js'), text);
  const host = new URL(`http://${req.headers.host}`);
  if (path.endsWith('.sub.js')) text = text.replaceAll('{{host}}', host.hostname).replaceAll('{{ports[ws][0]}}', host.port).replace(/\{\{.*?\}\}/g, 'none');
  return answer(res, 200, { 'Content-Type': types[path.split('.').at(-1)] ?? 'text/plain' }, Buffer.from(text));
}

function echo() {
  const { WebSocketServer } = require('ws');
  const handleProtocols = (offered) => (offered.has('echo') ? 'echo' : false);
  return new WebSocketServer({ noServer: true, perMessageDeflate: false, handleProtocols }).on('connection', (socket) => {
    socket.on('error', () => {});
    socket.on('message', (data, binary) => {
      socket.send(data, { binary });
      if (!binary && String(data) === 'Goodbye') socket.close();
    });
  });
}

/** A WebSocket whose close is answered a second late, which no library does. */
function delayedPassiveClose(req, socket) {
  const accept = createHash('sha1').update(`${req.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  socket.on('error', () => {});
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  socket.once('data', (frame) => {
    const mask = frame.subarray(2, 6);
    const payload = frame.subarray(6).map((byte, i) => byte ^ mask[i % 4]);
    setTimeout(() => socket.end(Buffer.concat([Buffer.from([frame[0], payload.length]), payload])), 1000);
  });
}

function webSockets(server) {
  const echoing = echo();
  server.on('upgrade', (req, socket, head) => {
    const path = req.url.split('?')[0];
    if (path === '/delayed-passive-close') return delayedPassiveClose(req, socket);
    if (path !== '/echo') return socket.destroy();
    return echoing.handleUpgrade(req, socket, head, (opened) => echoing.emit('connection', opened));
  });
}

/** Until `t` ends; gives its port. */
export async function startSubset(t) {
  const made = handlers(new Map());
  const server = createServer((req, res) => {
    const handler = made[req.url.split('?')[0]];
    if (handler === undefined) return file(req, res);
    return void Promise.resolve(handler(req, res, parametersOf(req.url))).catch(() => res.destroy());
  });
  webSockets(server);
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  t.defer(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return server.address().port;
}

/** The test files there are: [{ path, seconds }]. */
export function subsetTests() {
  const files = readdirSync(place, { recursive: true }).map(String).filter((name) => name.endsWith('.any.js')).sort();
  return files.map((name) => ({ path: `/${name.replace(/js$/, 'html')}`, seconds: readFileSync(join(place, name), 'utf8').includes('META: timeout=long') ? 60 : 10 }));
}
