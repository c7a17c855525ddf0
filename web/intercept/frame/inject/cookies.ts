// document.cookie: a mirror of the broker's jar, ahead of it by what the document itself has just set.

import { Jar } from '../../jar.ts';
import type { ScriptCookie } from '../../port.ts';
import type { Context } from './context.ts';

export class CookieMirror {
  readonly #context: Context;
  readonly #jar: Jar;
  #set = 0;

  constructor(context: Context) {
    this.#context = context;
    this.#jar = new Jar(new URL(context.origin).hostname);
    context.broker.oncookies = (cookies, turn) => {
      if (turn === this.#set) this.mirror(cookies);
    };
    context.broker.watchCookies();
  }

  /** Asks for them again: cookies come to their end by themselves. */
  refresh(): void {
    if (this.#jar.size > 0) this.#context.broker.watchCookies();
  }

  mirror(cookies: readonly ScriptCookie[]): void {
    this.#jar.mirror(cookies);
  }

  install(document: Document): void {
    const path = () => new URL(this.#context.url).pathname;
    Object.defineProperty(Object.getPrototypeOf(document) as object, 'cookie', {
      configurable: true,
      enumerable: true,
      get: () => this.#jar.scriptText(path()),
      set: (value: unknown) => {
        const text = String(value);
        this.#set += 1;
        this.#jar.setFromScript(text, path());
        this.#context.broker.setCookie(text, path());
      },
    });
  }
}
