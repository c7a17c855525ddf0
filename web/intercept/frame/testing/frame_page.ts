// What the browser test finds in its page on file://: a broker whose tunnel ends in a site that the page itself plays, and the
// frame with it.

import { Broker } from '../../broker.ts';
import { FakeTunnel, type Asked, type FakeSocket, type Reply } from '../../testing/fake_tunnel.ts';
import { openFrameApp, type AppFrame } from '../index.ts';
import type { Entries } from '../control.ts';

type Page = string | Reply | ((asked: Asked) => Reply | Promise<Reply>);

const types: Readonly<Record<string, string>> = {
  ...{ html: 'text/html; charset=utf-8', js: 'text/javascript', mjs: 'text/javascript', css: 'text/css' },
  ...{ svg: 'image/svg+xml', json: 'application/json', txt: 'text/plain', png: 'image/png' },
};

class FrameBench {
  readonly pages = new Map<string, Page>();
  readonly asked: string[] = [];
  readonly requests: Asked[] = [];
  readonly saved: Entries[] = [];
  readonly sockets: FakeSocket[] = [];
  readonly streams = new Map<string, ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>>();
  readonly tunnel = new FakeTunnel(asked => this.#answer(asked));
  /** Said by documents: `top.postMessage`. */
  readonly said: unknown[] = [];
  readonly failed: string[] = [];
  frame: AppFrame | null = null;
  broker: Broker | null = null;

  constructor() {
    addEventListener('message', ({ data }) => {
      if ((data as { said?: unknown } | null)?.said !== undefined) this.said.push((data as { said: unknown }).said);
    });
    this.tunnel.onSocket = () => queueMicrotask(() => this.#echo());
  }

  open(start = '/'): void {
    this.frame?.close();
    this.broker?.close();
    this.asked.length = 0;
    this.said.length = 0;
    this.failed.length = 0;
    this.requests.length = 0;
    const origin = 'https://app.owndir.invalid';
    this.broker = new Broker({ app: 'app', origin, connected: () => Promise.resolve(this.tunnel) });
    const container = document.getElementById('app') ?? document.createElement('div');
    container.id = 'app';
    container.style.cssText = 'position:absolute;inset:0';
    document.body.append(container);
    const keeper = {
      load: () => Promise.resolve(this.saved.at(-1) ?? []),
      save: (entries: Entries) => Promise.resolve(void this.saved.push(entries)),
    };
    const failed = (message: string) => void this.failed.push(message);
    this.frame = openFrameApp(container, { name: 'app', title: 'App' }, this.broker, { keeper, start, failed });
  }

  #echo(): void {
    const last = this.tunnel.sockets.at(-1);
    if (!last || this.sockets.includes(last.socket)) return;
    this.sockets.push(last.socket);
    const { socket } = last;
    const send = socket.send.bind(socket);
    socket.send = async data => {
      await send(data);
      if (data === 'bye') socket.onclose?.(4001, 'you said so');
      else await socket.onmessage?.(data as string);
    };
  }

  async #answer(asked: Asked): Promise<Reply> {
    this.asked.push(`${asked.method} ${asked.target}`);
    this.requests.push(asked);
    const path = asked.target.replace(/\?.*$/, '');
    const page = this.pages.get(asked.target) ?? this.pages.get(path);
    if (page === undefined) return { status: 404, fields: [['content-type', 'text/plain']], body: 'nothing here' };
    if (typeof page === 'function') return page(asked);
    if (typeof page !== 'string') return page;
    const type = types[/\.(\w+)$/.exec(path)?.[1] ?? 'html'] ?? 'application/octet-stream';
    return { fields: [['content-type', type]], body: page };
  }
}

export const bench = new FrameBench();
export type { FrameBench };

Object.assign(globalThis, { bench });
