// The two ways to a socket of the server: the origin that the page came from, or the tunnel of the page's way home.

import { asError } from '../base/time.ts';
import { fromBrowserWebSocket, fromTunnelSocket, type Transport, type WebSocketLike } from '../fsnode/index.ts';
import { serverOf } from '../shell/http_source.ts';
import type { Tunnel } from '../tunnel/index.ts';

export interface Link {
  /** `path` below the site's root, such as "@/fs". Rejects when there is no such socket now. */
  open(path: string, protocols: readonly string[], signal: AbortSignal): Promise<Transport>;
}

const kOpenMs = 15_000;
const kInfoBytes = 64 * 1024;

export class HostedLink implements Link {
  readonly #root: string;
  /** The other computer whose folder this is, where `owndir connect` answers; null on the server's own computer. */
  server: string | null = null;

  constructor(root: string) {
    this.#root = root;
  }

  open(path: string, protocols: readonly string[], signal: AbortSignal): Promise<Transport> {
    const url = new URL(path, this.#root);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const socket = new WebSocket(url, [...protocols]);
      const end = () => {
        clearTimeout(late);
        signal.removeEventListener('abort', abort);
      };
      const fail = (error: Error) => {
        end();
        socket.close();
        reject(error);
      };
      const abort = () => fail(asError(signal.reason));
      const late = setTimeout(() => fail(new Error('the server does not answer')), kOpenMs);
      signal.addEventListener('abort', abort, { once: true });
      socket.addEventListener('close', () => fail(new Error('the server refused the connection or is away')));
      socket.addEventListener('open', () => {
        end();
        resolve(transport);
      });
      // Made before the first message can come.
      const transport = fromBrowserWebSocket(socket as WebSocketLike);
    });
  }

  /** What answers at this origin: the owndir server, something else, or nothing. */
  async probe(signal: AbortSignal): Promise<'owndir' | 'other' | 'away'> {
    const stop = AbortSignal.timeout(kOpenMs);
    const abort = new AbortController();
    const end = () => abort.abort();
    signal.addEventListener('abort', end, { once: true });
    stop.addEventListener('abort', end, { once: true });
    try {
      const response = await fetch(new URL('@/info', this.#root), { cache: 'no-store', signal: abort.signal });
      // What stands before the server says so while there is no way to it.
      if (response.status >= 500) return 'away';
      if (!response.ok || !(response.headers.get('content-type') ?? '').includes('json')) return 'other';
      const text = await response.text();
      if (text.length > kInfoBytes) return 'other';
      const info: unknown = JSON.parse(text);
      const isOurs = typeof info === 'object' && info !== null && typeof (info as { name?: unknown }).name === 'string';
      if (!isOurs) return 'other';
      this.server = serverOf(response);
      return 'owndir';
    } catch (error) {
      return error instanceof SyntaxError ? 'other' : 'away';
    } finally {
      signal.removeEventListener('abort', end);
    }
  }
}

export class TunnelLink implements Link {
  readonly #connected: (signal: AbortSignal) => Promise<Tunnel>;

  /** `connected` resolves with the tunnel of the moment, or the next one. */
  constructor(connected: (signal: AbortSignal) => Promise<Tunnel>) {
    this.#connected = connected;
  }

  async open(path: string, protocols: readonly string[], signal: AbortSignal): Promise<Transport> {
    const tunnel = await this.#connected(signal);
    return fromTunnelSocket(await tunnel.openSocket(`/${path}`, { protocols, signal }));
  }
}
