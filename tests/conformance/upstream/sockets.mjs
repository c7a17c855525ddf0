// WebSocket endpoints, /ws/…; each connection with ?id=… is recorded.
import { require } from '../../support/paths.mjs';
import { Fnv, pattern } from '../pattern.mjs';

const { WebSocketServer } = require('ws');

const echo = (socket) => socket.on('message', (data, binary) => socket.send(data, { binary }));

const endpoints = {
  '/ws/echo': echo,
  '/ws/deflate': echo,
  '/ws/protocol': (socket) => socket.send(socket.protocol),
  /** Tells what the handshake was. */
  '/ws/handshake': (socket, { req }) => {
    const { cookie = '', origin = '', host = '', 'user-agent': agent = '' } = req.headers;
    socket.send(JSON.stringify({ target: req.url, cookie, origin, host, agent: agent !== '', protocol: req.headers['sec-websocket-protocol'] ?? '' }));
  },
  '/ws/close': (socket, { query }) => {
    const code = Number(query.get('code') ?? 1000);
    if (query.has('after')) for (let i = 0; i < Number(query.get('after')); i++) socket.send(`message ${i}`);
    if (query.has('none')) socket.close();
    else socket.close(code, query.get('reason') ?? '');
  },
  /** The connection breaks without a close frame. */
  '/ws/abort': (socket) => socket.send('before the break', () => socket.terminate()),
  '/ws/reset': (socket) => socket.send('before the break', () => socket._socket.resetAndDestroy?.() ?? socket._socket.destroy()),
  /** Bytes that are no text, called text. */
  '/ws/bad-text': (socket) => socket._socket.write(Buffer.from([0x81, 2, 0xc3, 0x28])),
  '/ws/bad-frame': (socket) => socket._socket.write(Buffer.alloc(32, 0xff)),
  '/ws/fragments': (socket) => {
    const text = ['Grü', 'ße, ', '世', '', '界'];
    text.forEach((part, i) => socket.send(part, { fin: i === text.length - 1, binary: false }));
    const bytes = pattern(100_000);
    for (let at = 0; at < bytes.length; at += 10_000) socket.send(bytes.subarray(at, at + 10_000), { fin: at + 10_000 >= bytes.length, binary: true });
    // a character cut in two by the fragments
    const face = Buffer.from('🌍');
    socket._socket.write(Buffer.concat([Buffer.from([0x01, 2]), face.subarray(0, 2), Buffer.from([0x80, 2]), face.subarray(2)]));
  },
  /** Pings with its own bytes, among fragments too, and says when the pongs came. */
  '/ws/ping': (socket) => {
    const pongs = [];
    socket.on('pong', (data) => {
      pongs.push(data.toString());
      if (pongs.length === 3) socket.send(JSON.stringify(pongs));
    });
    socket.ping('one');
    socket.send('fragment ', { fin: false });
    socket.ping('two');
    socket.send('and rest', { fin: true });
    socket.ping('three');
    socket.pong('unasked');
  },
  /** count messages of size bytes, as fast as they go; then a last word. */
  '/ws/flood': (socket, { query, entry }) => {
    const count = Number(query.get('count'));
    const size = Number(query.get('size'));
    entry.sent = 0;
    const more = () => {
      while (entry.sent < count && socket.readyState === 1) {
        const bytes = pattern(size, entry.sent);
        entry.sent += 1;
        if (socket.bufferedAmount > 1_000_000) return void socket.send(bytes, more);
        socket.send(bytes);
      }
      if (socket.readyState === 1) socket.send('all sent');
    };
    more();
  },
  /** Takes everything and tells at the end what it was: text "sum" asks. paused: reads nothing before the gate "read". */
  '/ws/sink': (socket, { query, id, up }) => {
    const hash = new Fnv();
    let messages = 0;
    socket.on('message', (data, binary) => {
      if (!binary && data.toString() === 'sum') return socket.send(JSON.stringify({ messages, length: hash.length, digest: hash.digest }));
      messages += 1;
      hash.update(data);
    });
    if (!query.has('paused')) return;
    socket.pause();
    void up.gate(id, 'read').opened.then(() => socket.resume());
  },
  '/ws/count': (socket, { query }) => {
    for (let i = 0; i < Number(query.get('n')); i++) socket.send(String(i));
  },
  /** Says nothing; the record tells how it ended. */
  '/ws/silent': () => {},
};

/** No handshake: an ordinary answer. */
function refuse(socket, status, more = '') {
  socket.end(`HTTP/1.1 ${status} No\r\nContent-Type: text/plain\r\nContent-Length: 7\r\n${more}Connection: close\r\n\r\nrefused`);
}

export function sockets(up) {
  const options = { noServer: true, maxPayload: 64 * 1024 * 1024, handleProtocols: (offered) => [...offered].find((name) => name.startsWith('good')) ?? false };
  const plain = new WebSocketServer({ ...options, perMessageDeflate: false });
  const deflate = new WebSocketServer({ ...options, perMessageDeflate: { threshold: 0 } });
  up.server.on('upgrade', (req, socket, head) => {
    const url = new URL(req.url, 'http://upstream.invalid');
    const query = url.searchParams;
    const id = query.get('id') ?? '';
    const entry = id ? up.note(id, { method: 'WEBSOCKET', path: url.pathname, opened: false, code: 0, reason: '' }) : {};
    socket.on('error', () => {});
    if (url.pathname === '/ws/refuse') return refuse(socket, Number(query.get('status') ?? 403));
    if (url.pathname === '/ws/redirect') return refuse(socket, 302, 'Location: /ws/echo\r\n');
    if (url.pathname === '/ws/never') return undefined; // no answer at all
    const endpoint = endpoints[url.pathname];
    if (!endpoint) return refuse(socket, 404);
    const server = url.pathname === '/ws/deflate' ? deflate : plain;
    const cookies = query.getAll('c');
    if (cookies.length > 0) server.once('headers', (fields) => cookies.forEach((cookie) => fields.push(`Set-Cookie: ${cookie}`)));
    server.handleUpgrade(req, socket, head, (ws) => {
      entry.opened = true;
      ws.on('error', () => {});
      ws.on('close', (code, reason) => Object.assign(entry, { code, reason: reason.toString() }));
      ws.on('message', () => (entry.messages = (entry.messages ?? 0) + 1));
      endpoint(ws, { req, query, id, up, entry });
    });
    return undefined;
  });
}
