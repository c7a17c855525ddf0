// A server of files in parts on loopback, which can be told to answer otherwise.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Served {
  bytes: Buffer<ArrayBuffer>;
  type?: string;
  etag?: string | null;
}

/** True: it has answered. */
export type Odd = (request: IncomingMessage, response: ServerResponse, start: number) => boolean;

export class MediaServer {
  readonly files = new Map<string, Served>();
  readonly ranges: string[] = [];
  odd: Odd | null = null;
  #server: Server | null = null;
  origin = '';

  async listen(): Promise<void> {
    const server = createServer((request, response) => this.#answer(request, response));
    this.#server = server;
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-allow-headers', '*');
    response.setHeader('access-control-expose-headers', '*');
    if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    const file = this.files.get(request.url ?? '');
    if (!file) return void response.writeHead(404).end();
    const { bytes, type = 'application/octet-stream', etag = '"one"' } = file;
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const start = Number(range?.[1] ?? 0);
    this.ranges.push(request.headers.range ?? '');
    response.setHeader('content-type', type);
    if (etag !== null) response.setHeader('etag', etag);
    if (this.odd?.(request, response, start)) return;
    const fresh = request.headers['if-range'] === undefined || request.headers['if-range'] === etag;
    if (!range || !fresh) return void response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    const end = Math.min(bytes.length, range[2] === '' ? Infinity : Number(range[2]) + 1);
    const part = bytes.subarray(start, end);
    response.writeHead(206, {
      ...{ 'content-range': `bytes ${start}-${end - 1}/${bytes.length}`, 'content-length': part.length },
    });
    response.end(part);
  }
}
