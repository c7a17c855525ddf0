import { tunnelLimits } from '../generated/protocol.ts';
import type { Timers } from '../base/time.ts';
import type { TunnelError } from './error.ts';
import type { Settings } from './frames.ts';
import type { TunnelResponse } from './response.ts';
import type { TunnelSocket } from './socket.ts';

export interface TunnelRequest {
  method: string;
  /** Origin-form, percent-encoded: `/path?query`, or `*`. */
  target: string;
  /** Names and values, one character a byte (latin1), in order, duplicates kept. */
  fields?: [name: string, value: string][];
  /** A string is sent as UTF-8. The content-length of bytes and strings is added where it is missing. */
  body?: ReadableStream<Uint8Array> | Uint8Array | string;
}

export interface FetchOptions {
  signal?: AbortSignal;
  /** Called as body bytes arrive; `total` is the content-length, or null. */
  onProgress?: (received: number, total: number | null) => void;
}

export interface SocketOptions {
  /** In the order of preference. */
  protocols?: readonly string[];
  headers?: readonly [name: string, value: string][];
  /** An abort ends the socket, open or not. */
  signal?: AbortSignal;
}

/** A tunnel as those above it use it, whichever thread it runs on. */
export interface Tunnel {
  /** Resolves with the other end's hello; rejects with a TunnelError when the connection ends before. */
  readonly ready: Promise<void>;
  /** Resolves, with why, when the connection is over. Never rejects. */
  readonly closed: Promise<TunnelError>;
  /** Resolves with the final response's head. Rejects with a TunnelError; `cancelled` after an abort. */
  fetch(request: TunnelRequest, options?: { signal?: AbortSignal }): Promise<TunnelResponse>;
  /** Resolves when the WebSocket is open. Rejects with a TunnelError: `refused`, with the `status`, for a response. */
  openSocket(target: string, options?: SocketOptions): Promise<TunnelSocket>;
  /** At once; what is open fails with `closed`. */
  close(): void;
}

export interface TunnelClientOptions {
  /** Body bytes that we prefer to receive in one frame; 64 KiB by default: smaller ones cost Chromium more, larger ones no less. */
  dataPiece?: number;
  initialCredit?: number;
  timers?: Timers;
}

export interface TunnelStats {
  exchangesOpened: number;
  exchangesActive: number;
  bodyBytesSent: number;
  bodyBytesReceived: number;
  /** Milliseconds of the last ping's round trip, null before the first. */
  roundTripMs: number | null;
}

/** What the other end's hello says, with the protocol's defaults for what it leaves out. */
export interface Remote {
  dataPiece: number;
  maxFrame: number;
  maxHead: number;
  initialCredit: number;
  maxExchanges: number;
}

export function remoteOf(hello: Settings): Remote {
  return {
    dataPiece: tunnelLimits.maxFrame,
    maxFrame: tunnelLimits.maxFrame,
    maxHead: tunnelLimits.maxHead,
    initialCredit: tunnelLimits.initialCredit,
    maxExchanges: tunnelLimits.maxExchanges,
    ...hello,
  };
}
