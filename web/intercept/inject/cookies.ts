// document.cookie over a mirror of the broker's jar: what this document sets is seen at once, what comes from answers when the
// broker tells it.

import type { BrokerPort } from '../client.ts';
import { Jar } from '../jar.ts';
import type { ScriptCookie } from '../port.ts';

const kLongest = 8192;

export class CookieMirror {
  readonly #jar: Jar;
  readonly #port: () => BrokerPort;
  readonly #path: () => string;
  /** Set here and not yet told back by the broker, with the turn of each. */
  #own: { turn: number; text: string; path: string }[] = [];
  #turn = 0;

  constructor(host: string, initial: readonly ScriptCookie[], port: () => BrokerPort, path: () => string) {
    this.#jar = new Jar(host);
    this.#jar.mirror(initial);
    this.#port = port;
    this.#path = path;
  }

  get text(): string {
    return this.#jar.scriptText(this.#path());
  }

  set(text: string): void {
    if (text.length > kLongest) return;
    const path = this.#path();
    this.#turn += 1;
    this.#own.push({ turn: this.#turn, text, path });
    this.#jar.setFromScript(text, path);
    this.#port().setCookie(text, path);
  }

  told(cookies: readonly ScriptCookie[], turn: number): void {
    this.#jar.mirror(cookies);
    this.#own = this.#own.filter(set => set.turn > turn);
    for (const { text, path } of this.#own) this.#jar.setFromScript(text, path);
  }
}
