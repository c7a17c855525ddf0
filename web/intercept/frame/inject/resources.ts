// Images, fonts and other whole files of the document as blob addresses. One that may be kept is loaded once in a document's life.

import { ask, fieldOf, limits, readAll, withoutFragment, type Context } from './context.ts';
import { nativeURL } from './natives.ts';

/** Bytes of what is kept; beyond it everything is loaded anew. */
const keptBytes = 256 * 1024 * 1024;

export class Resources {
  readonly #context: Context;
  readonly #known = new Map<string, Promise<string>>();
  readonly #addresses = new Map<string, string>();
  #kept = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  /** `url`: absolute; its fragment comes along. Rejects for what is missing. */
  async blobUrl(url: string, dest: string, accept = '*/*'): Promise<string> {
    const hash = url.slice(withoutFragment(url).length);
    const key = withoutFragment(url);
    let known = this.#known.get(key);
    if (!known) {
      known = this.#load(key, dest, accept);
      this.#known.set(key, known);
      known.catch(() => this.#known.delete(key));
    }
    return (await known) + hash;
  }

  /** The text with the addresses that its blobs came from. */
  shown(text: string): string {
    return text.replace(/blob:[\w./:-]+/g, blob => this.#addresses.get(blob) ?? blob);
  }

  async #load(url: string, dest: string, accept: string): Promise<string> {
    const answer = await ask(this.#context, { url: new URL(url), dest, fields: [['accept', accept]] });
    const { status, fields } = answer.head;
    if (status < 200 || status > 299) {
      await answer.body?.cancel().catch(() => undefined);
      throw new TypeError(`${url} answered ${status}.`);
    }
    const blob = await readAll(answer, limits.resource);
    const control = fieldOf(fields, 'cache-control') ?? '';
    this.#kept += blob.size;
    if (/no-store|no-cache|max-age=0/i.test(control) || this.#kept > keptBytes) {
      this.#kept -= blob.size;
      queueMicrotask(() => this.#known.delete(url));
    }
    const made = nativeURL.create(blob);
    this.#addresses.set(made, url);
    return made;
  }
}
