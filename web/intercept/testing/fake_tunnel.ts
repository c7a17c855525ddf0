// A tunnel whose other end is a function, for tests of the broker.

import type { Bytes } from '../../base/bytes.ts';
import {
  TunnelError,
  type FetchOptions,
  type SocketOptions,
  type TunnelRequest,
  type TunnelResponse,
  type TunnelSocket,
} from '../../tunnel/index.ts';
import { StreamedResponse } from '../../tunnel/response.ts';
import type { Asking } from '../broker.ts';
import type { Field } from '../port.ts';

export interface Reply {
  status?: number;
  fields?: Field[];
  body?: string | Uint8Array | ReadableStream<Bytes> | null;
}

export interface Asked {
  method: string;
  target: string;
  fields: Record<string, string>;
  body: string | null;
  signal: AbortSignal | undefined;
}

export type Handler = (asked: Asked) => Reply | Promise<Reply>;

export class FakeTunnel implements Asking {
  readonly asked: Asked[] = [];
  readonly sockets: { target: string; protocols: readonly string[]; fields: Field[]; socket: FakeSocket }[] = [];
  readonly closed = new Promise<TunnelError>(() => undefined);
  handler: Handler;
  /** What openSocket does before it gives a socket. */
  onSocket: () => void = () => undefined;
  /** Of the acceptance of sockets. */
  socketFields: TunnelSocket['fields'] = [];

  constructor(handler: Handler) {
    this.handler = handler;
  }

  async fetch(request: TunnelRequest, options: FetchOptions = {}): Promise<TunnelResponse> {
    const fields = Object.fromEntries((request.fields ?? []).map(([name, value]) => [name.toLowerCase(), value]));
    const body = request.body === undefined ? null : await new Response(request.body as BodyInit).text();
    const asked = { method: request.method, target: request.target, fields, body, signal: options.signal };
    this.asked.push(asked);
    const aborted = new Promise<never>((_, reject) => {
      const fail = () => reject(new TunnelError('cancelled', 'cancelled', { cause: options.signal?.reason }));
      options.signal?.addEventListener('abort', fail, { once: true });
    });
    aborted.catch(() => undefined);
    const {
      status = 200,
      fields: answered = [],
      body: content = null,
    } = await Promise.race([this.handler(asked), aborted]);
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    const stream = bytes instanceof Uint8Array ? (new Response(bytes as Bytes).body as ReadableStream<Bytes>) : bytes;
    return new StreamedResponse({ status, reason: '', fields: answered }, stream);
  }

  async openSocket(
    target: string,
    { protocols = [], headers = [], signal }: SocketOptions = {},
  ): Promise<TunnelSocket> {
    this.onSocket();
    const socket = new FakeSocket(protocols[0] ?? '');
    socket.fields = this.socketFields;
    signal?.addEventListener('abort', () => socket.onclose?.(1006, 'aborted'), { once: true });
    this.sockets.push({ target, protocols, fields: headers.map(([name, value]) => [name, value]), socket });
    return socket;
  }
}

export class FakeSocket implements TunnelSocket {
  readonly protocol: string;
  fields: TunnelSocket['fields'] = [];
  readonly sent: (string | Uint8Array)[] = [];
  closedWith: [number | undefined, string | undefined] | null = null;
  onmessage: TunnelSocket['onmessage'] = null;
  onclose: TunnelSocket['onclose'] = null;
  /** Resolves the sends that wait. */
  hold: Promise<void> | null = null;

  constructor(protocol: string) {
    this.protocol = protocol;
  }
  async send(data: string | Uint8Array): Promise<void> {
    this.sent.push(data);
    await this.hold;
  }
  close(code?: number, reason?: string): void {
    this.closedWith = [code, reason];
    this.onclose?.(code ?? 1005, reason ?? '');
  }
}
