// HTTP Basic sign-in (RFC 7617) for one app, as a browser does it: what a person has given goes with every request at or below the
// directories where it was asked for, and the person is asked once for a realm, again when it is refused. Lives in its broker;
// what it keeps is gone with it.

import { fromLatin1, fromUtf8, latin1, utf8 } from '../base/bytes.ts';
import type { Field, Login } from './port.ts';

export interface Challenge {
  /** In the app's words: a stranger's text. */
  readonly realm: string;
  /** What was sent was not taken. */
  readonly refused: boolean;
}

/** Resolves with null when the person declines, and soon after an abort; never rejects. */
export type AskLogin = (challenge: Challenge, signal: AbortSignal) => Promise<Login | null>;

/** A request that was answered with 401. */
export interface Refusal {
  readonly realm: string;
  readonly target: string;
  /** The Authorization that it had. */
  readonly sent: string | null;
  /** The app's own, which is tried before anybody is asked. */
  readonly login: Login | null;
  readonly navigation: boolean;
}

interface Space {
  authorization: string;
  /** Directories, each with its last slash; the newest last. */
  paths: string[];
}

interface Question {
  readonly answer: Promise<string | null>;
  readonly stop: AbortController;
  waiting: number;
}

const maxSpaces = 20;
const maxPaths = 10;
const maxRealm = 1024;
const maxDeclined = 3;
/** Below what a browser gives a service worker for one request. */
const patienceMs = 240_000;

export class SignIns {
  readonly #ask: AskLogin;
  readonly #spaces = new Map<string, Space>();
  readonly #questions = new Map<string, Question>();
  /** For which the person has declined since the last navigation: they are not asked for again, nor others after some. */
  readonly #declined = new Set<string>();

  constructor(ask: AskLogin) {
    this.#ask = ask;
  }

  /** The Authorization for that target; null where none is known (RFC 7617, 2.2). */
  known(target: string): string | null {
    const path = pathOf(target);
    let best = '';
    let found: string | null = null;
    for (const { authorization, paths } of this.#spaces.values())
      for (const directory of paths)
        if (path.startsWith(directory) && directory.length > best.length) {
          best = directory;
          found = authorization;
        }
    return found;
  }

  /** The only one there is: for who is not told of realms. */
  get only(): string | null {
    const [first, second] = this.#spaces.values();
    return first && !second ? first.authorization : null;
  }

  /** The Authorization to ask again with; null: the answer stands. Rejects with the signal's reason. */
  async next(refusal: Refusal, signal: AbortSignal): Promise<string | null> {
    const { realm, target, sent, login } = refusal;
    if (login) {
      const own = authorizationOf(login);
      if (own === sent) this.#spaces.delete(realm);
      else this.#keep(realm, target, own);
      return own === sent ? null : own;
    }
    const kept = this.#spaces.get(realm);
    if (kept && kept.authorization !== sent) {
      this.#keep(realm, target, kept.authorization);
      return kept.authorization;
    }
    this.#spaces.delete(realm);
    if (refusal.navigation) this.#declined.clear();
    if (this.#declined.has(realm) || this.#declined.size >= maxDeclined) return null;
    const given = await this.#answered(realm, sent !== null, signal);
    if (given !== null) this.#keep(realm, target, given);
    return given;
  }

  /** All who ask for a realm at once wait for the same answer; when nobody does any more, nobody is asked. */
  async #answered(realm: string, refused: boolean, signal: AbortSignal): Promise<string | null> {
    let question = this.#questions.get(realm);
    if (!question) {
      if (this.#questions.size >= maxSpaces) return null;
      const stop = new AbortController();
      question = { answer: this.#question({ realm, refused }, stop), stop, waiting: 0 };
      this.#questions.set(realm, question);
    }
    const { answer, stop } = question;
    question.waiting += 1;
    try {
      return await new Promise((resolve, reject) => {
        const abort = () => reject(signal.reason as Error);
        if (signal.aborted) return abort();
        signal.addEventListener('abort', abort, { once: true });
        void answer.then(given => {
          signal.removeEventListener('abort', abort);
          resolve(given);
        });
      });
    } finally {
      question.waiting -= 1;
      if (question.waiting === 0) stop.abort();
      if (this.#questions.get(realm) === question) this.#questions.delete(realm);
    }
  }

  async #question(challenge: Challenge, stop: AbortController): Promise<string | null> {
    const late = setTimeout(() => stop.abort(), patienceMs);
    try {
      const login = await this.#ask(challenge, stop.signal);
      if (!login && !stop.signal.aborted) this.#declined.add(challenge.realm);
      return login ? authorizationOf(login) : null;
    } finally {
      clearTimeout(late);
    }
  }

  #keep(realm: string, target: string, authorization: string): void {
    const space = this.#spaces.get(realm) ?? { authorization, paths: [] };
    space.authorization = authorization;
    const path = pathOf(target);
    const directory = path.slice(0, path.lastIndexOf('/') + 1);
    if (!space.paths.some(known => directory.startsWith(known)))
      space.paths = [...space.paths.filter(known => !known.startsWith(directory)), directory].slice(-maxPaths);
    this.#spaces.delete(realm);
    this.#spaces.set(realm, space);
    for (const oldest of this.#spaces.keys()) if (this.#spaces.size > maxSpaces) this.#spaces.delete(oldest);
  }
}

const pathOf = (target: string): string => target.split('?', 1)[0] ?? '/';

function authorizationOf({ name, password }: Login): string {
  return `Basic ${btoa(fromLatin1(utf8(`${name}:${password}`)))}`;
}

const separators = /[\s,]*/y;
const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const parameter = new RegExp(`(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))`, 'y');
const scheme = new RegExp(`(${token})(?: +[A-Za-z0-9\\-._~+/]+=*(?=\\s*(?:,|$)))?`, 'y');

/** The realm of the first Basic challenge (RFC 9110, 11.6.1), "" where it names none; null when there is no such challenge. */
export function basicRealm(fields: readonly Field[]): string | null {
  for (const [name, value] of fields) {
    const realm = name.toLowerCase() === 'www-authenticate' ? realmIn(value) : null;
    if (realm !== null) return realm;
  }
  return null;
}

function realmIn(text: string): string | null {
  let isBasic = false;
  const match = (pattern: RegExp, from: number) => {
    pattern.lastIndex = from;
    return pattern.exec(text);
  };
  for (let at = 0; ;) {
    at += match(separators, at)?.[0].length ?? 0;
    const found = match(parameter, at);
    if (found) {
      at += found[0].length;
      const [, name = '', quoted, plain = ''] = found;
      if (isBasic && name.toLowerCase() === 'realm') return readable(quoted?.replace(/\\(.)/g, '$1') ?? plain);
      continue;
    }
    const begun = match(scheme, at);
    if (isBasic) return '';
    if (!begun) return null;
    at += begun[0].length;
    isBasic = begun[1]?.toLowerCase() === 'basic';
  }
}

/** Bytes, one character each, which mostly are UTF-8. */
function readable(bytes: string): string {
  const short = bytes.slice(0, maxRealm);
  return fromUtf8(latin1(short) ?? new Uint8Array()) ?? short;
}
