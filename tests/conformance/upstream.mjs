// The upstream of the conformance suite: one real HTTP/1.1 and WebSocket server that behaves in every way, well and
// badly, that a case asks for, and remembers what reached it. Listens on loopback.
//
//   const upstream = await startUpstream();   upstream.origin, upstream.seen(id), await upstream.close()
//
// Every request with ?id=… is recorded under that id; GET /seen?id=… gives the record to the page.
import { createServer } from 'node:http';
import { basic } from './upstream/basic.mjs';
import { bodies } from './upstream/bodies.mjs';
import { send } from './upstream/common.mjs';
import { faults } from './upstream/faults.mjs';
import { live } from './upstream/live.mjs';
import { signIn } from './upstream/sign_in.mjs';
import { site } from './upstream/site.mjs';
import { sockets } from './upstream/sockets.mjs';
import { state } from './upstream/state.mjs';

const recordLimit = 1000; // entries under one id

export class Upstream {
  #records = new Map();
  #gates = new Map();
  #routes = new Map();
  #sockets = new Set();
  counters = new Map();

  constructor() {
    for (const part of [basic, bodies, state, faults, live, signIn, site]) {
      for (const [path, handler] of Object.entries(part)) this.#routes.set(path, handler);
    }
    this.server = createServer({ maxHeaderSize: 128 * 1024, keepAliveTimeout: 60_000, noDelay: true }, (req, res) => this.#answer(req, res));
    this.server.on('checkContinue', (req, res) => {
      res.writeContinue();
      this.#answer(req, res);
    });
    this.server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {}); // cases break connections on purpose
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.server.on('clientError', (error, socket) => socket.destroy());
    sockets(this);
  }

  async listen() {
    await new Promise((resolve, reject) => this.server.once('error', reject).listen(0, '127.0.0.1', resolve));
    this.port = this.server.address().port;
    this.origin = `http://127.0.0.1:${this.port}`;
    return this;
  }

  async close() {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** What came under that id, oldest first. */
  seen(id) {
    return this.#records.get(id) ?? [];
  }

  note(id, entry) {
    const list = this.#records.get(id) ?? [];
    this.#records.set(id, list);
    if (list.length < recordLimit) list.push(entry);
    return entry;
  }

  /** Resolves when that gate is open; gates are opened by the page (GET /gate/open?id=…&step=…), once and for all. */
  gate(id, step) {
    const name = `${id} ${step}`;
    if (!this.#gates.has(name)) {
      let open;
      const opened = new Promise((resolve) => (open = resolve));
      this.#gates.set(name, { opened, open });
    }
    return this.#gates.get(name);
  }

  /** 1, 2, 3 … for each name. */
  count(name) {
    this.counters.set(name, (this.counters.get(name) ?? 0) + 1);
    return this.counters.get(name);
  }

  #route(pathname) {
    if (this.#routes.has(pathname)) return this.#routes.get(pathname);
    for (let at = pathname.lastIndexOf('/'); at >= 0; at = at === 0 ? -1 : pathname.lastIndexOf('/', at - 1)) {
      const handler = this.#routes.get(`${pathname.slice(0, at)}/*`);
      if (handler) return handler;
    }
    return undefined;
  }

  #answer(req, res) {
    const url = new URL(req.url, 'http://upstream.invalid');
    const id = url.searchParams.get('id') ?? '';
    res.on('error', () => {});
    req.on('error', () => {});
    if (id !== '' && url.pathname !== '/seen') {
      const entry = this.note(id, { method: req.method, path: url.pathname, bytes: 0, whole: false, ended: 'open' });
      req.on('end', () => (entry.whole = true));
      res.on('close', () => (entry.ended = res.writableFinished ? 'answered' : 'aborted'));
      req.entry = entry;
    }
    const handler = this.#route(url.pathname);
    const exchange = { req, res, url, query: url.searchParams, id, up: this, entry: req.entry ?? { bytes: 0 } };
    Promise.resolve()
      .then(() => (handler ? handler(exchange) : send(res, 404, 'text/plain', `nothing is at ${url.pathname}\n`)))
      .catch((error) => {
        if (!res.headersSent) send(res, 500, 'text/plain', `${error.stack}\n`);
        else res.destroy();
      });
  }
}

export const startUpstream = () => new Upstream().listen();
