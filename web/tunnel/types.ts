import { tunnelLimits } from '../generated/protocol.ts';
import type { Timers } from '../base/time.ts';
import type { Settings } from './frames.ts';

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

export interface TunnelClientOptions {
  /** Body bytes that we prefer to receive in one frame; 16 KiB by default, which suits Chromium best. */
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
