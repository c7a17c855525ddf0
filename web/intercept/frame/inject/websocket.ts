// WebSocket (websockets.spec.whatwg.org) over the broker.

import type { PortSocket } from '../../client.ts';
import { appTarget, isForbidden, type Context } from './context.ts';
import { defineConstants, defineHandlers, replaceGlobal } from './events.ts';

const states = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 } as const;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** The broker takes this much beyond what has left; more waits here. */
const inFlight = 768 * 1024;

export function installWebSocket(context: Context): void {
  class WebSocketShim extends EventTarget {
    readonly url: string;
    #state: number = states.CONNECTING;
    #protocol = '';
    #binary: BinaryType = 'blob';
    #socket: PortSocket | null = null;
    #buffered = 0;
    #flying = 0;
    #waiting: (string | Uint8Array)[] = [];
    #closing: { code: number | null; reason: string } | null = null;
    /** Blobs are read before what follows them is sent. */
    #order: Promise<void> | null = null;

    constructor(url: string | URL, protocols: string | string[] = []) {
      super();
      let parsed: URL;
      try {
        parsed = new URL(String(url), context.base());
      } catch {
        throw new DOMException(`The URL '${String(url)}' is invalid.`, 'SyntaxError');
      }
      if (parsed.protocol === 'http:') parsed.protocol = 'ws:';
      if (parsed.protocol === 'https:') parsed.protocol = 'wss:';
      if (!/^wss?:$/.test(parsed.protocol))
        throw new DOMException(`The URL's scheme must be "ws" or "wss", not "${parsed.protocol}".`, 'SyntaxError');
      if (parsed.hash !== '' || parsed.href.endsWith('#'))
        throw new DOMException('The URL contains a fragment.', 'SyntaxError');
      const names = (Array.isArray(protocols) ? protocols : [protocols]).map(String);
      if (new Set(names).size !== names.length || !names.every(name => token.test(name)))
        throw new DOMException('The subprotocols are invalid.', 'SyntaxError');
      this.url = parsed.href;
      const target = appTarget(parsed, context.origin);
      if (target === null || isForbidden(context, parsed)) {
        if (target === null)
          console.warn(
            `WebSocket: ${parsed.origin} is not part of this app and cannot be reached from a page on disk.`,
          );
        setTimeout(() => this.#closed(1006, '', false));
        return;
      }
      this.#socket = context.broker.openSocket(
        target,
        { protocols: names },
        {
          opened: protocol => this.#opened(protocol),
          message: data => this.#message(data),
          sent: bytes => this.#left(bytes),
          closed: (code, reason, clean) => this.#closed(code, reason, clean),
        },
      );
      context.life.addEventListener('abort', () => this.#socket?.cancel(), { once: true });
    }

    get readyState(): number {
      return this.#state;
    }
    get protocol(): string {
      return this.#protocol;
    }
    get extensions(): string {
      return '';
    }
    get bufferedAmount(): number {
      return this.#buffered;
    }
    get binaryType(): BinaryType {
      return this.#binary;
    }
    set binaryType(value: BinaryType) {
      if (value === 'blob' || value === 'arraybuffer') this.#binary = value;
    }

    send(data: string | Blob | ArrayBufferLike | ArrayBufferView): void {
      if (this.#state === states.CONNECTING) throw new DOMException('Still in CONNECTING state.', 'InvalidStateError');
      const size = sizeOf(data);
      this.#buffered += size;
      if (this.#state !== states.OPEN) return;
      if (!(data instanceof Blob) && !this.#order) return this.#queue(own(data));
      const before = this.#order ?? Promise.resolve();
      const mine: Promise<void> = before
        .then(async () => this.#queue(data instanceof Blob ? new Uint8Array(await data.arrayBuffer()) : own(data)))
        .catch(() => undefined)
        .then(() => {
          if (this.#order !== mine) return;
          this.#order = null;
          this.#flush();
        });
      this.#order = mine;
    }

    close(code?: number, reason = ''): void {
      if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999))
        throw new DOMException(
          `The code must be 1000 or between 3000 and 4999; ${code} is neither.`,
          'InvalidAccessError',
        );
      if (new TextEncoder().encode(String(reason)).length > 123)
        throw new DOMException('The reason must not be longer than 123 bytes.', 'SyntaxError');
      if (this.#state >= states.CLOSING) return;
      const wasConnecting = this.#state === states.CONNECTING;
      this.#state = states.CLOSING;
      if (wasConnecting) {
        this.#socket?.cancel();
        setTimeout(() => this.#closed(1006, '', false));
        return;
      }
      this.#closing = { code: code ?? null, reason: String(reason) };
      this.#flush();
    }

    #queue(data: string | Uint8Array): void {
      this.#waiting.push(data);
      this.#flush();
    }

    #flush(): void {
      while (this.#flying < inFlight) {
        const data = this.#waiting.shift();
        if (data === undefined) break;
        this.#flying += sizeOf(data) + 64;
        this.#socket?.send(data);
      }
      if (!this.#closing || this.#waiting.length > 0 || this.#order) return;
      this.#socket?.close(this.#closing.code, this.#closing.reason);
      this.#closing = null;
    }

    #left(bytes: number): void {
      this.#flying = Math.max(0, this.#flying - bytes - 64);
      this.#buffered = Math.max(0, this.#buffered - bytes);
      this.#flush();
    }

    #opened(protocol: string): void {
      if (this.#state !== states.CONNECTING) return;
      this.#protocol = protocol;
      this.#state = states.OPEN;
      this.dispatchEvent(new Event('open'));
    }

    #message(data: string | Uint8Array): void {
      if (this.#state !== states.OPEN) return;
      const { origin } = new URL(this.url);
      const bytes = typeof data === 'string' ? data : (data as Uint8Array<ArrayBuffer>);
      const shown = typeof bytes === 'string' ? bytes : this.#binary === 'blob' ? new Blob([bytes]) : whole(bytes);
      this.dispatchEvent(new MessageEvent('message', { data: shown, origin }));
    }

    #closed(code: number, reason: string, clean: boolean): void {
      if (this.#state === states.CLOSED) return;
      this.#state = states.CLOSED;
      this.#waiting = [];
      if (!clean) this.dispatchEvent(new Event('error'));
      this.dispatchEvent(new CloseEvent('close', { code, reason, wasClean: clean }));
    }
  }

  defineHandlers(WebSocketShim.prototype, ['open', 'message', 'error', 'close']);
  defineConstants(WebSocketShim, states);
  replaceGlobal('WebSocket', WebSocketShim);
  Reflect.deleteProperty(globalThis, 'WebSocketStream');
}

function sizeOf(data: string | Blob | ArrayBufferLike | ArrayBufferView): number {
  if (typeof data === 'string') return new TextEncoder().encode(data).length;
  return data instanceof Blob ? data.size : data.byteLength;
}

/** A copy: the app may go on with its own. */
function own(data: string | ArrayBufferLike | ArrayBufferView): string | Uint8Array {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  return typeof data === 'string' ? data : data instanceof ArrayBuffer ? new Uint8Array(data).slice() : textOf(data);
}

const textOf = (value: unknown): string => String(value);

function whole(bytes: Uint8Array<ArrayBuffer>): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes;
  return byteOffset === 0 && byteLength === buffer.byteLength ? buffer : bytes.slice().buffer;
}
