// WebSocket for documents and workers of an app, by every way: to its own host over the broker. Events, states, errors and
// bufferedAmount as the WebSockets standard (websockets.spec.whatwg.org) has them.

import { defineConstants, defineHandlers } from '../frame/inject/events.ts';
import { portLimits } from '../port.ts';
import type { BrokerPort, PortSocket } from '../client.ts';

export interface SocketHome {
  /** Of the document or worker, for relative URLs. */
  readonly base: () => string;
  /** The path and query at the app; null when the URL leads elsewhere. */
  readonly target: (url: URL) => string | null;
  readonly port: () => BrokerPort;
  /** The browser's own for what leads elsewhere; null where there is no way there. */
  readonly elsewhere: (url: URL, protocols: string[]) => WebSocket | null;
  /** Sockets end with it. */
  readonly life?: AbortSignal;
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const encoder = new TextEncoder();

type Data = string | ArrayBufferLike | Blob | ArrayBufferView;

export function makeWebSocket(Native: typeof WebSocket, home: SocketHome): typeof WebSocket {
  class TunnelledSocket extends EventTarget {
    readonly url: string = '';
    readonly extensions = '';
    #protocol = '';
    #state = 0;
    #binaryType: BinaryType = 'blob';
    #socket: PortSocket | null = null;
    /** Bytes that `send` was given and that have not left. */
    #buffered = 0;
    /** Of messages at the broker. */
    #outstanding = 0;
    #queue: (string | Uint8Array | Promise<Uint8Array>)[] = [];
    #pumping = false;
    #close: { code: number | null; reason: string } | null = null;

    constructor(address: string | URL, protocols: string | string[] = []) {
      super();
      const url = parseUrl(address, home.base());
      const names = typeof protocols === 'string' ? [protocols] : Array.from(protocols, String);
      const bad = names.find((name, at) => !token.test(name) || names.indexOf(name) !== at);
      if (bad !== undefined) throw new DOMException(`The subprotocol '${bad}' is invalid.`, 'SyntaxError');
      const target = home.target(url);
      const own = target === null ? home.elsewhere(url, names) : null;
      if (own) return own as unknown as TunnelledSocket;
      Object.defineProperty(this, 'url', { value: url.href });
      if (target === null) {
        setTimeout(() => this.#onClosed(1006, '', false));
        return;
      }
      this.#socket = home.port().openSocket(
        target,
        { protocols: names },
        {
          opened: protocol => this.#onOpened(protocol),
          message: data => this.#onMessage(data),
          sent: bytes => this.#onSent(bytes),
          closed: (code, reason, clean) => this.#onClosed(code, reason, clean),
        },
      );
      home.life?.addEventListener('abort', () => this.#socket?.cancel(), { once: true });
    }

    get readyState(): number {
      return this.#state;
    }
    get protocol(): string {
      return this.#protocol;
    }
    get bufferedAmount(): number {
      return this.#buffered;
    }
    get binaryType(): BinaryType {
      return this.#binaryType;
    }
    set binaryType(type: BinaryType) {
      if (type === 'blob' || type === 'arraybuffer') this.#binaryType = type;
    }

    send(data: Data): void {
      if (this.#state === 0) throw new DOMException('Still in CONNECTING state.', 'InvalidStateError');
      const message = copyOf(data);
      const size =
        typeof message === 'string'
          ? encoder.encode(message).length
          : message instanceof Promise
            ? (data as Blob).size
            : message.length;
      this.#buffered += size;
      if (this.#state !== 1) return;
      this.#queue.push(message);
      void this.#pump();
    }

    close(code?: number, reason = ''): void {
      if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999))
        throw new DOMException(`The close code must be 1000 or 3000 to 4999, not ${code}.`, 'InvalidAccessError');
      if (encoder.encode(reason).length > 123) throw new DOMException('The reason is too long.', 'SyntaxError');
      if (this.#state >= 2) return;
      const early = this.#state === 0;
      this.#state = 2;
      if (early) {
        this.#socket?.cancel();
        return;
      }
      this.#close = { code: code ?? null, reason };
      void this.#pump();
    }

    async #pump(): Promise<void> {
      if (this.#pumping) return;
      this.#pumping = true;
      while (this.#queue.length > 0 && this.#outstanding < portLimits.socketOutgoing) {
        const next = await this.#queue.shift();
        if (next === undefined || this.#state === 3) continue;
        this.#outstanding +=
          (typeof next === 'string' ? encoder.encode(next).length : next.length) + portLimits.messageCost;
        this.#socket?.send(next);
      }
      this.#pumping = false;
      if (this.#queue.length > 0 || !this.#close) return;
      this.#socket?.close(this.#close.code, this.#close.reason);
      this.#close = null;
    }

    #onOpened(protocol: string): void {
      if (this.#state !== 0) return;
      this.#state = 1;
      this.#protocol = protocol;
      this.dispatchEvent(new Event('open'));
    }

    #onMessage(data: string | Uint8Array): void {
      if (this.#state !== 1) return;
      const content =
        typeof data === 'string'
          ? data
          : this.#binaryType === 'blob'
            ? new Blob([data as Uint8Array<ArrayBuffer>])
            : whole(data);
      const { origin } = new URL(this.url);
      this.dispatchEvent(new MessageEvent('message', { data: content, origin }));
    }

    #onSent(bytes: number): void {
      this.#buffered -= bytes;
      this.#outstanding -= bytes + portLimits.messageCost;
      void this.#pump();
    }

    #onClosed(code: number, reason: string, wasClean: boolean): void {
      if (this.#state === 3) return;
      this.#state = 3;
      this.#queue = [];
      if (!wasClean) this.dispatchEvent(new Event('error'));
      this.dispatchEvent(new CloseEvent('close', { code, reason, wasClean }));
    }
  }
  const { prototype } = TunnelledSocket;
  defineHandlers(prototype, ['open', 'message', 'error', 'close']);
  defineConstants(TunnelledSocket, { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 });
  Object.defineProperty(prototype, Symbol.toStringTag, { value: 'WebSocket', configurable: true });
  Object.defineProperty(TunnelledSocket, 'name', { value: 'WebSocket' });
  // A socket of the browser's own, to another host, is an instance too.
  Object.defineProperty(TunnelledSocket, Symbol.hasInstance, {
    value: (object: unknown) => object instanceof Native || prototype.isPrototypeOf(object as object),
  });
  return TunnelledSocket as unknown as typeof WebSocket;
}

function parseUrl(address: string | URL, base: string): URL {
  let url: URL;
  try {
    url = new URL(address, base);
  } catch {
    throw new DOMException(`The URL '${String(address)}' is invalid.`, 'SyntaxError');
  }
  if (url.protocol === 'http:') url.protocol = 'ws:';
  if (url.protocol === 'https:') url.protocol = 'wss:';
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:')
    throw new DOMException(`The URL's scheme must be 'ws' or 'wss'. '${url.protocol}' is not allowed.`, 'SyntaxError');
  if (url.href.includes('#'))
    throw new DOMException('The URL contains a fragment, which a WebSocket has none of.', 'SyntaxError');
  return url;
}

/** What is sent is what it was at the time of the call. */
function copyOf(data: unknown): string | Uint8Array | Promise<Uint8Array> {
  if (data instanceof Blob) return data.arrayBuffer().then(buffer => new Uint8Array(buffer));
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  if (data instanceof ArrayBuffer || Object.prototype.toString.call(data) === '[object ArrayBuffer]')
    return new Uint8Array(data as ArrayBuffer).slice();
  // Whatever else an application passes is text, as the browser's own takes it.
  return String(data);
}

function whole(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes;
  if (byteOffset === 0 && buffer.byteLength === byteLength) return buffer as ArrayBuffer;
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}
