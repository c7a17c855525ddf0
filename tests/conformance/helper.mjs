// What a case has in its hand, in the page under test. Addresses are relative to the origin; each case has its own id, under
// which the upstream records what reached it.
import { digest, Fnv, pattern, patternDigest } from './pattern.mjs';

const volatile = new Set(['date', 'connection', 'keep-alive', 'transfer-encoding', 'host']);

export class Helper {
  #undo = [];
  constructor(id) {
    this.id = id;
  }
  /** Undone when the case ends, whatever happened. */
  defer(undo) {
    this.#undo.push(undo);
  }
  end() {
    for (const undo of this.#undo.reverse()) {
      try {
        undo();
      } catch {
        // what is gone is gone
      }
    }
  }

  // ------------------------------------------------------------------------------------------- asking

  /** path?id=…&…; a list gives a parameter several times. `id` may be another one. */
  url(path, parameters = {}) {
    const query = new URLSearchParams({ id: parameters.id ?? this.id });
    for (const [name, value] of Object.entries(parameters)) {
      if (name === 'id' || value === undefined) continue;
      for (const each of Array.isArray(value) ? value : [value]) query.append(name, String(each));
    }
    return `${path}?${query}`;
  }
  wsUrl(path, parameters) {
    return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${this.url(path, parameters)}`;
  }
  fetch(path, parameters, init) {
    return fetch(this.url(path, parameters), init);
  }
  async text(path, parameters, init) {
    return (await this.fetch(path, parameters, init)).text();
  }
  async json(path, parameters, init) {
    return (await this.fetch(path, parameters, init)).json();
  }
  async bytes(path, parameters, init) {
    return new Uint8Array(await (await this.fetch(path, parameters, init)).arrayBuffer());
  }
  /** The upstream's echo of a request. */
  echo(init, path = '/echo', parameters = {}) {
    return this.json(path, parameters, { method: 'POST', ...init });
  }
  open(step, id = this.id) {
    return fetch(this.url('/gate/open', { step, id }), { method: 'POST' });
  }

  // ------------------------------------------------------------------------------------------- seeing

  /** What the upstream recorded; `path` picks. */
  async seen(path, id = this.id) {
    const all = await (await fetch(`/seen?id=${id}`, { cache: 'no-store' })).json();
    return all.filter((entry) => entry.path !== '/gate/open' && (path === undefined || entry.path === path));
  }
  /** Waits until the record satisfies. */
  async untilSeen(path, condition, what = 'the upstream saw it') {
    let last;
    await this.until(async () => condition((last = await this.seen(path))), () => `${what}; it saw ${JSON.stringify(last)}`);
    return last;
  }
  async until(condition, what = condition, seconds = 6) {
    for (const start = Date.now(); ; ) {
      const value = await condition();
      if (value) return value;
      if (Date.now() - start > seconds * 1000) throw new Error(`still not: ${typeof what === 'function' ? (what.length === 0 ? String(what()) : String(what)) : what}`);
      await this.pause(15);
    }
  }
  pause(milliseconds) {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
  }
  /** The promise's value, or an error that says what did not come in time. */
  async within(promise, what, seconds = 6) {
    let timer;
    const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`not within ${seconds} s: ${what}`)), seconds * 1000)));
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }
  event(target, name, what = `event ${name}`) {
    return this.within(new Promise((resolve, reject) => {
      target.addEventListener(name, resolve, { once: true });
      if (name !== 'error') target.addEventListener('error', () => reject(new Error(`error instead of ${what}`)), { once: true });
    }), what);
  }

  // ------------------------------------------------------------------------------------------- saying

  ok(value, what) {
    if (!value) throw new Error(`not so: ${what}`);
    return value;
  }
  equal(actual, expected, what = 'value') {
    const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
    if (a !== b) throw new Error(`${what}: ${a?.slice(0, 600)} instead of ${b?.slice(0, 600)}`);
    return actual;
  }
  /** The name of the error that the promise ends with. */
  async rejects(promise, what = 'the promise') {
    let value;
    try {
      value = await this.within(promise, `${what} to be rejected`);
    } catch (error) {
      if (/^not within/.test(error.message)) throw error;
      return error.name;
    }
    throw new Error(`${what} was not rejected but gave ${value instanceof Response ? `status ${value.status}` : JSON.stringify(value)}`);
  }
  /** An upstream that gives no answer: an error, or what a gateway must say (502, 504). Never a success. */
  async failsVisibly(promise) {
    try {
      const response = await this.within(promise, 'an end');
      if (response.status === 502 || response.status === 504) return 'visible';
      throw Object.assign(new Error(`answered ${response.status} although the upstream gave no answer`), { ours: true });
    } catch (error) {
      if (error.ours || /^not within/.test(error.message)) throw error;
      return 'visible';
    }
  }
  /** Response fields without those that are a matter of one connection, sorted. */
  fields(response) {
    return [...response.headers].filter(([name]) => !volatile.has(name)).sort(([a], [b]) => (a < b ? -1 : 1));
  }
  field(echo, name) {
    return echo.fields.filter(([each]) => each === name).map(([, value]) => value);
  }

  // ------------------------------------------------------------------------------------------- bodies

  pattern = pattern;
  digest = digest;
  patternDigest = patternDigest;
  /** Reads a body to its end: { length, digest } or { length, error }. */
  async drain(response) {
    const hash = new Fnv();
    const reader = response.body.getReader();
    try {
      for (;;) {
        const { done, value } = await this.within(reader.read(), 'a piece of the body', 10);
        if (done) return { length: hash.length, digest: hash.digest };
        hash.update(value);
      }
    } catch (error) {
      return { length: hash.length, error: error.name };
    }
  }
  /** A reader of text as it comes: next(n) gives at least n characters. */
  reader(response) {
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let held = '';
    this.defer(() => void reader.cancel().catch(() => {}));
    return {
      cancel: (reason) => reader.cancel(reason),
      next: async (length) => {
        while (held.length < length) {
          const { done, value } = await this.within(reader.read(), `${length} characters of the body (has "${held}")`);
          if (done) break;
          held += decoder.decode(value, { stream: true });
        }
        const text = held.slice(0, length);
        held = held.slice(length);
        return text;
      },
    };
  }

  // ------------------------------------------------------------------------------------------- elements

  /** An element on the stage, taken away when the case ends. */
  element(tag, properties = {}, parent = document.getElementById('stage')) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name in element && name !== 'list') element[name] = value;
      else element.setAttribute(name, value);
    }
    parent.append(element);
    this.defer(() => element.remove());
    return element;
  }
  /** What the next page in a frame tells (upstream/site.mjs, telling). */
  told(frame, what = 'the framed page to tell what it is') {
    return this.within(new Promise((resolve) => {
      const listen = (event) => {
        if (frame && event.source !== frame.contentWindow) return;
        if (event.data === null || typeof event.data !== 'object' || !('told' in event.data)) return;
        removeEventListener('message', listen);
        resolve(event.data);
      };
      addEventListener('message', listen);
      this.defer(() => removeEventListener('message', listen));
    }), what);
  }
  async frame(path, parameters, properties = {}) {
    const frame = this.element('iframe', { name: `frame-${this.id}`, ...properties });
    const told = this.told(frame);
    frame.src = this.url(path, parameters);
    return { frame, ...(await told) };
  }

  // ------------------------------------------------------------------------------------------- sockets and events

  /** A WebSocket with its messages in order: next() gives one, closed gives { code, reason, clean }. */
  socket(path, parameters, protocols) {
    const socket = protocols === undefined ? new WebSocket(this.wsUrl(path, parameters)) : new WebSocket(this.wsUrl(path, parameters), protocols);
    socket.binaryType = 'arraybuffer';
    this.defer(() => socket.close());
    const messages = [];
    let wake = () => {};
    socket.onmessage = ({ data }) => {
      messages.push(data);
      wake();
    };
    let failed = false;
    socket.addEventListener('error', () => (failed = true));
    const closed = new Promise((resolve) => {
      socket.addEventListener('close', ({ code, reason, wasClean }) => {
        resolve({ code, reason, clean: wasClean, failed });
        wake();
      });
    });
    const opened = new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('close', ({ code }) => reject(new Error(`closed with ${code} before it opened`)));
    });
    opened.catch(() => {});
    return {
      socket, messages,
      opened: () => this.within(opened, 'the socket to open'),
      closed: () => this.within(closed, 'the socket to close'),
      next: async (seconds = 8) => {
        const start = Date.now();
        while (messages.length === 0) {
          if (socket.readyState === WebSocket.CLOSED) throw new Error('the socket closed before that message');
          if (Date.now() - start > seconds * 1000) throw new Error(`no message within ${seconds} s`);
          await new Promise((resolve) => {
            wake = resolve;
            setTimeout(resolve, 100);
          });
        }
        return messages.shift();
      },
    };
  }
  /** An EventSource and its events as [type, data, lastEventId]. */
  events(path, parameters, { types = ['message'], init } = {}) {
    const source = new EventSource(this.url(path, parameters), init);
    this.defer(() => source.close());
    const got = [];
    for (const type of types) source.addEventListener(type, (event) => got.push([event.type, event.data, event.lastEventId]));
    return { source, got, atLeast: (count) => this.until(() => got.length >= count && got, () => `${count} events; there are ${JSON.stringify(got)}`) };
  }
  xhr(method, path, parameters, { body, type, fields = {}, prepare = () => {} } = {}) {
    const request = new XMLHttpRequest();
    const log = [];
    request.open(method, this.url(path, parameters));
    if (type) request.responseType = type;
    for (const [name, value] of Object.entries(fields)) request.setRequestHeader(name, value);
    this.defer(() => request.abort());
    const done = new Promise((resolve) => {
      for (const name of ['load', 'error', 'abort', 'timeout']) {
        request.addEventListener(name, () => {
          log.push(name);
          resolve(name);
        });
      }
    });
    prepare(request, log);
    request.send(body);
    return { request, log, done: this.within(done, 'the XMLHttpRequest to end', 12) };
  }
}
