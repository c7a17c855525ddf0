// EventSource over whatever asks: reconnects by itself with Last-Event-ID, as the standard says.

import { appTarget, ask, essence, fieldOf, type Context } from './context.ts';
import { EventStreamParser } from './event_stream.ts';
import { defineConstants, defineHandlers, replaceGlobal } from './events.ts';

const states = { CONNECTING: 0, OPEN: 1, CLOSED: 2 } as const;
const firstRetryMs = 3000;

export interface EventStreams {
  /** What relative addresses are relative to. */
  base(): string;
  /** Whether it is the app's; what is not fails at once, or is the browser's own. */
  isOwn(url: URL): boolean;
  open(
    url: URL,
    fields: [string, string][],
    signal: AbortSignal,
  ): Promise<{ status: number; type: string | null; body: ReadableStream<Uint8Array> | null }>;
}

export function installEventSource(context: Context): void {
  const open: EventStreams['open'] = async (url, fields, signal) => {
    const { head, body } = await ask(context, { url, fields, cache: 'no-store', signal });
    return { status: head.status, type: fieldOf(head.fields, 'content-type'), body };
  };
  const isOwn = (url: URL) => appTarget(url, context.origin) !== null;
  replaceGlobal('EventSource', makeEventSource({ base: () => context.base(), isOwn, open }, null));
}

/** `Native`: for addresses that are not the app's. */
export function makeEventSource(streams: EventStreams, Native: typeof EventSource | null): typeof EventSource {
  class EventSourceShim extends EventTarget {
    readonly url: string = '';
    readonly withCredentials: boolean = false;
    #state: number = states.CONNECTING;
    #stop = new AbortController();
    #lastId = '';
    #retryMs = firstRetryMs;
    #timer: ReturnType<typeof setTimeout> | undefined;

    constructor(url: string | URL, { withCredentials = false }: EventSourceInit = {}) {
      super();
      let parsed: URL;
      try {
        parsed = new URL(String(url), streams.base());
      } catch {
        throw new DOMException(`"${String(url)}" is no address.`, 'SyntaxError');
      }
      const isOwn = streams.isOwn(parsed);
      if (!isOwn && Native) return new Native(url, { withCredentials }) as unknown as EventSourceShim;
      this.url = parsed.href;
      this.withCredentials = Boolean(withCredentials);
      if (isOwn) void this.#connect();
      else queueMicrotask(() => this.#fail());
    }

    get readyState(): number {
      return this.#state;
    }

    close(): void {
      this.#state = states.CLOSED;
      clearTimeout(this.#timer);
      this.#stop.abort();
    }

    async #connect(): Promise<void> {
      this.#stop = new AbortController();
      const { signal } = this.#stop;
      try {
        const fields: [string, string][] = [['accept', 'text/event-stream']];
        if (this.#lastId !== '') fields.push(['last-event-id', utf8Bytes(this.#lastId)]);
        const { status, type, body } = await streams.open(new URL(this.url), fields, signal);
        if (status !== 200 || essence(type) !== 'text/event-stream') {
          await body?.cancel().catch(() => undefined);
          return this.#fail();
        }
        if (this.#state === states.CLOSED) return;
        this.#state = states.OPEN;
        this.dispatchEvent(new Event('open'));
        if (body) await this.#read(body);
      } catch (error) {
        if (this.#state === states.CLOSED) return;
        if (error instanceof RangeError) return this.#fail();
      }
      this.#reconnect();
    }

    async #read(body: ReadableStream<Uint8Array>): Promise<void> {
      const parser = new EventStreamParser(this.#lastId);
      const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
      const reader = body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done || this.#state === states.CLOSED) return void reader.cancel().catch(() => undefined);
        const { origin } = new URL(this.url);
        for (const { type, data, lastEventId } of parser.push(decoder.decode(value, { stream: true }))) {
          if (this.#state !== states.OPEN) return;
          this.dispatchEvent(new MessageEvent(type, { data, lastEventId, origin }));
        }
        this.#lastId = parser.lastEventId;
        this.#retryMs = parser.retry ?? this.#retryMs;
      }
    }

    #reconnect(): void {
      if (this.#state === states.CLOSED) return;
      this.#state = states.CONNECTING;
      this.dispatchEvent(new Event('error'));
      if (this.#state === states.CLOSED) return;
      this.#timer = setTimeout(() => void this.#connect(), this.#retryMs);
    }

    #fail(): void {
      if (this.#state === states.CLOSED) return;
      this.#state = states.CLOSED;
      this.dispatchEvent(new Event('error'));
    }
  }

  defineHandlers(EventSourceShim.prototype, ['open', 'message', 'error']);
  defineConstants(EventSourceShim, states);
  return EventSourceShim as unknown as typeof EventSource;
}

function utf8Bytes(text: string): string {
  return Array.from(new TextEncoder().encode(text), byte => String.fromCharCode(byte)).join('');
}
