// A document's or worker's side of `worker/ask.ts`: marks its requests, cancels them, and hears of their uploads.

import type { Field, Login } from '../port.ts';
import {
  beyondAscii,
  kChannel,
  kTextField,
  readFields,
  readNote,
  written,
  type Ask,
  type AskNote,
} from '../worker/ask.ts';

export interface Uploaded {
  readonly bytes: number;
  readonly total: number;
}

export class Asking {
  readonly #isOwn: (url: URL) => boolean;
  readonly #channel = new BroadcastChannel(kChannel);
  readonly #watchers = new Map<string, (uploaded: Uploaded) => void>();

  /** `isOwn`: whether requests for it go to the service worker's app. */
  constructor(isOwn: (url: URL) => boolean) {
    this.#isOwn = isOwn;
    this.#channel.onmessage = (event: MessageEvent<unknown>) => {
      const note = readNote(event.data);
      if (note?.type === 'sent') this.#watchers.get(note.id)?.(note);
    };
  }

  /** False for what leads elsewhere, and for what is no address. */
  isOwn(address: string, base: string): boolean {
    try {
      return this.#isOwn(new URL(address, base));
    } catch {
      return false;
    }
  }

  /** A new name for a request, and the value of the field that says it. */
  mark(
    fields: Iterable<Field>,
    length: Ask['length'],
    watched: boolean,
    login: Login | null = null,
  ): { id: string; value: string } {
    const id = crypto.randomUUID();
    const ask: Ask = { id, length, watched, fields: [...fields].filter(([, value]) => beyondAscii(value)), login };
    return { id, value: written(ask) };
  }

  watch(id: string, watcher: (uploaded: Uploaded) => void): void {
    this.#watchers.set(id, watcher);
  }

  forget(id: string): void {
    this.#watchers.delete(id);
  }

  cancel(id: string): void {
    this.forget(id);
    this.#channel.postMessage({ type: 'cancel', id } satisfies AskNote);
  }
}

/** The length of a body, as far as that is known without reading it. */
export function lengthOf(body: unknown): Ask['length'] {
  if (body instanceof Blob) return body.size;
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return body.byteLength;
  return body instanceof ReadableStream ? 'stream' : null;
}

/** The values of an answer's fields that the browser has garbled, by their names in lower case. */
export function ungarbled(value: string | null): Map<string, string> {
  const fields = readFields(value).map(([name, text]): [string, string] => [name.toLowerCase(), text]);
  fields.push([kTextField, '']);
  return new Map(fields);
}
