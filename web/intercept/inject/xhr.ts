// XMLHttpRequest as the browser has it, with what is lost where a service worker answers: a cancel before the answer, the progress of
// an upload, an answer that breaks off as an error, fields beyond ASCII (asking.ts). In place: the class stays the browser's.

import { loginOf, type Login } from '../port.ts';
import { kAskField, kTextField } from '../worker/ask.ts';
import { lengthOf, ungarbled, type Asking, type Uploaded } from './asking.ts';

interface State {
  readonly request: XMLHttpRequest;
  readonly mayHaveBody: boolean;
  /** Set by the app, by their names in lower case. */
  readonly fields: Map<string, string>;
  readonly login: Login | null;
  id: string | null;
  /** The app itself ends it. */
  stopping: boolean;
  /** What of an upload remains to be told. */
  upload: { total: number } | null;
}

export interface XhrHome {
  readonly asking: Asking;
  readonly base: () => string;
  /** Whether a synchronous request comes to the service worker: in workers only. */
  readonly mayWait: boolean;
}

const states = new WeakMap<XMLHttpRequest, State>();
const watched = new WeakSet<XMLHttpRequest>();

export function patchXhr({ prototype }: typeof XMLHttpRequest, home: XhrHome): void {
  const native = {
    open: prototype.open as (...parameters: unknown[]) => void,
    ...{ send: prototype.send, abort: prototype.abort, setRequestHeader: prototype.setRequestHeader },
    ...{ getResponseHeader: prototype.getResponseHeader, getAllResponseHeaders: prototype.getAllResponseHeaders },
  };
  const end = (state: State | undefined) => {
    if (!state?.id) return;
    // One that has loaded is only forgotten.
    if (state.request.status === 0) home.asking.cancel(state.id);
    else home.asking.forget(state.id);
    state.id = null;
  };

  const patched = {
    open(this: XMLHttpRequest, ...parameters: unknown[]): void {
      const isOwn = home.asking.isOwn(String(parameters[1]), home.base());
      if (isOwn && parameters.length > 2 && !parameters[2] && !home.mayWait)
        throw new DOMException(
          'Synchronous requests cannot be made by an app in this page. Use "owndir connect" for it.',
          'InvalidAccessError',
        );
      const [, address, , name, password] = parameters as [string, string | URL, boolean?, string?, string?];
      const login = isOwn ? loginOf(new URL(address, home.base()), name, password) : null;
      native.open.apply(this, parameters);
      end(states.get(this));
      states.delete(this);
      if (!isOwn) return;
      const mayHaveBody = !/^(?:get|head)$/i.test(String(parameters[0]));
      const fields = new Map<string, string>();
      states.set(this, { request: this, mayHaveBody, fields, login, id: null, stopping: false, upload: null });
      if (!watched.has(this)) watch(this, end);
      watched.add(this);
    },
    setRequestHeader(this: XMLHttpRequest, name: string, value: string): void {
      native.setRequestHeader.call(this, name, value);
      const fields = states.get(this)?.fields;
      const key = String(name).toLowerCase();
      const text = String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
      const old = fields?.get(key);
      fields?.set(key, old === undefined ? text : `${old}, ${text}`);
    },
    send(this: XMLHttpRequest, body?: Document | XMLHttpRequestBodyInit | null): void {
      const state = states.get(this);
      if (state && this.readyState === 1 && state.id === null) {
        const hasBody = body !== undefined && body !== null && state.mayHaveBody;
        const { id, value } = home.asking.mark(state.fields, lengthOf(body), hasBody, state.login);
        // Throws where the request is under way already, as `send` would.
        native.setRequestHeader.call(this, kAskField, value);
        state.id = id;
        state.upload = hasBody ? { total: 0 } : null;
        if (hasBody) home.asking.watch(id, uploaded => onUploaded(state, uploaded));
      }
      native.send.call(this, body);
    },
    abort(this: XMLHttpRequest): void {
      const state = states.get(this);
      if (state) state.stopping = true;
      try {
        native.abort.call(this);
      } finally {
        end(state);
        if (state) state.stopping = false;
      }
    },
    getResponseHeader(this: XMLHttpRequest, name: string): string | null {
      const value = native.getResponseHeader.call(this, name);
      if (value === null || !states.has(this)) return value;
      const key = String(name).toLowerCase();
      if (key === kTextField) return null;
      return ungarbled(native.getResponseHeader.call(this, kTextField)).get(key) ?? value;
    },
    getAllResponseHeaders(this: XMLHttpRequest): string {
      const all = native.getAllResponseHeaders.call(this);
      if (!all.includes(kTextField)) return all;
      const known = ungarbled(native.getResponseHeader.call(this, kTextField));
      const lines = all.split('\r\n').filter(line => line !== '' && !line.startsWith(`${kTextField}:`));
      const shown = lines.map(line => {
        const [name = ''] = line.split(':', 1);
        const value = known.get(name);
        return value === undefined ? line : `${name}: ${value}`;
      });
      return shown.map(line => `${line}\r\n`).join('');
    },
  };
  for (const [name, value] of Object.entries(patched))
    Object.defineProperty(prototype, name, { value, configurable: true, writable: true, enumerable: true });
}

/** Before any listener of the app: those that capture come first. */
function watch(request: XMLHttpRequest, end: (state: State | undefined) => void): void {
  const first = { capture: true };
  request.addEventListener(
    'readystatechange',
    () => {
      const state = states.get(request);
      if (request.readyState === 2 && state?.upload) finishUpload(state, state.upload.total);
    },
    first,
  );
  request.upload.addEventListener(
    'loadstart',
    ({ total }) => {
      const state = states.get(request);
      if (state?.upload) state.upload.total = total;
    },
    first,
  );
  // The browser takes an answer that breaks off for one that the app has cancelled.
  for (const target of [request, request.upload])
    target.addEventListener(
      'abort',
      event => {
        const state = states.get(request);
        if (!event.isTrusted || !state || state.stopping) return;
        event.stopImmediatePropagation();
        target.dispatchEvent(new ProgressEvent('error'));
      },
      first,
    );
  // Another request may have been opened meanwhile.
  request.addEventListener('loadend', () => request.readyState === 4 && end(states.get(request)), first);
}

function tell({ request }: State, type: string, loaded: number, total: number): void {
  request.upload.dispatchEvent(new ProgressEvent(type, { lengthComputable: total > 0, loaded, total }));
}

function onUploaded(state: State, { bytes, total }: Uploaded): void {
  if (!state.upload || state.id === null) return;
  if (bytes < total) tell(state, 'progress', bytes, total);
  else finishUpload(state, total);
}

function finishUpload(state: State, total: number): void {
  state.upload = null;
  for (const type of ['progress', 'load', 'loadend']) tell(state, type, total, total);
}
