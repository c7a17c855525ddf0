import type { Timers } from '../base/time.ts';
import type { Bytes } from '../base/bytes.ts';
import type { MessageChannel } from './channel.ts';
import type { TunnelError } from './error.ts';

export interface TunnelRequest {
  method: string;
  /** Origin-form, percent-encoded: `/path?query`, or `*`. */
  target: string;
  /** Names and values, one character a byte (latin1), in order, duplicates kept. */
  fields?: [name: string, value: string][];
  body?: ReadableStream<Uint8Array> | Uint8Array | string;
}

export interface TunnelResponse {
  readonly status: number;
  readonly reason: string;
  readonly fields: [name: string, value: string][];
  /** The values of all fields of this name (any case), joined by ", "; null when there is none. */
  header(name: string): string | null;
  /** Null when the response has none. The other end may send only as much as is read; cancel it when it is not wanted. */
  readonly body: ReadableStream<Bytes> | null;
  /** Reads the whole body; rejects with `too_large` and cancels beyond `limit` bytes (64 MiB by default). */
  bytes(limit?: number): Promise<Bytes>;
  text(limit?: number): Promise<string>;
  json(limit?: number): Promise<unknown>;
}

export interface FetchOptions {
  signal?: AbortSignal;
  /** Called as body bytes arrive; `total` is the content-length, or null. */
  onProgress?: (received: number, total: number | null) => void;
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

/** The client's end of the tunnel (docs/protocol.md, section 2). Owns its channels from construction on. */
export declare class TunnelClient {
  constructor(channels: MessageChannel[], options?: TunnelClientOptions);
  /** Resolves with the other end's hello; rejects with a TunnelError when the connection ends before. */
  readonly ready: Promise<void>;
  /** Resolves, with why, when the connection is over. Never rejects. */
  readonly closed: Promise<TunnelError>;
  /**
   * Resolves when the final response head is there; its body streams after that. Waits while the other end's limit of open
   * exchanges is reached. Rejects with a TunnelError; `cancelled` (cause: the signal's reason) after an abort.
   */
  fetch(request: TunnelRequest, options?: FetchOptions): Promise<TunnelResponse>;
  /** Takes no new exchanges, lets the open ones finish, then closes. */
  shutDown(): Promise<void>;
  /** At once; open exchanges fail with `closed`. */
  close(): void;
  readonly stats: TunnelStats;
}
