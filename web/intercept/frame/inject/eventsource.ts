// EventSource over the broker: reconnects by itself with Last-Event-ID, as the standard says.

import { ask, essence, fieldOf, type Context } from './context.ts';
import { EventStreamParser } from './event_stream.ts';
import { defineConstants, defineHandlers, replaceGlobal } from './events.ts';

const states = { CONNECTING: 0, OPEN: 1, CLOSED: 2 } as const;
const firstRetryMs = 3000;

export function installEventSource(context: Context): void {
  class EventSourceShim extends EventTarget {
    readonly url: string;
    readonly withCredentials: boolean;
    #state: number = states.CONNECTING;
    #stop = new AbortController();
    #lastId = '';
    #retryMs = firstRetryMs;
    #timer: ReturnType<typeof setTimeout> | undefined;

    constructor(url: string | URL, { withCredentials = false }: EventSourceInit = {}) {
      super();
      try {
        this.url = new URL(String(url), context.base()).href;
      } catch {
        throw new DOMException(`"${String(url)}" is no address.`, 'SyntaxError');
      }
      this.withCredentials = withCredentials;
      void this.#connect();
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
        const { head, body } = await ask(context, { url: new URL(this.url), fields, cache: 'no-store', signal });
        const type = essence(fieldOf(head.fields, 'content-type'));
        if (head.status !== 200 || type !== 'text/event-stream') {
          await body?.cancel().catch(() => undefined);
          return this.#fail();
        }
        if (this.#state === states.CLOSED) return;
        this.#state = states.OPEN;
        this.dispatchEvent(new Event('open'));
        if (body) await this.#read(body);
      } catch (error) {
        if (this.#state === states.CLOSED) return;
        if (error instanceof RangeError || (error as Error).message.includes('not part of this app'))
          return this.#fail();
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
  replaceGlobal('EventSource', EventSourceShim);
}

function utf8Bytes(text: string): string {
  return Array.from(new TextEncoder().encode(text), byte => String.fromCharCode(byte)).join('');
}
