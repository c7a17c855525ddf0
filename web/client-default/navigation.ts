// React Router over the runtime's address, so that Link, useLocation and useNavigate work on a server and on file:// alike.
import type { Navigator, To, Location } from 'react-router-dom';
import type { Address, Runtime } from './runtime.ts';

/** As in a URL; a byte that is no UTF-8 is U+DC80…U+DCFF in a path and %XX here. */
export function encodePath(path: string): string {
  return [...path]
    .map(char => {
      const code = char.codePointAt(0) ?? 0;
      if (code >= 0xdc80 && code <= 0xdcff) return `%${(code - 0xdc00).toString(16).toUpperCase()}`;
      if (code >= 0xd800 && code <= 0xdfff) return '%EF%BF%BD';
      return char === '/' ? char : encodeURIComponent(char);
    })
    .join('');
}

export function decodePath(path: string): string {
  return path.replace(/(?:%[0-9a-f]{2})+/gi, run => {
    try {
      return decodeURIComponent(run);
    } catch {
      // Byte by byte: what is valid stays text, the rest is escaped.
      return run.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => {
        const byte = parseInt(hex, 16);
        return String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte);
      });
    }
  });
}

interface Target {
  path: string;
  query: string;
  hash: string;
}

/** A router's target: its pathname is encoded, "?" and "#" have their meaning. */
export function targetOf(to: To): Target {
  if (typeof to !== 'string')
    return { path: decodePath(to.pathname ?? '/'), query: to.search ?? '', hash: to.hash ?? '' };
  const [, path = '', query = '', hash = ''] = /^([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(to) ?? [];
  return { path: decodePath(path || '/'), query, hash };
}

let count = 0;

export function locationOf({ path, query, hash }: Address, state: unknown): Location {
  return { pathname: encodePath(path), search: query, hash, state, key: `owndir-${++count}` };
}

/** The state that was given with a navigation, for the address that comes of it. */
export class Navigation implements Navigator {
  readonly #runtime: Runtime;
  #state: unknown = null;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  takeState(): unknown {
    const state = this.#state;
    this.#state = null;
    return state;
  }

  createHref(to: To): string {
    const { path, query, hash } = targetOf(to);
    return this.#runtime.href(path, { query, hash });
  }

  encodeLocation(to: To): { pathname: string; search: string; hash: string } {
    const { path, query, hash } = targetOf(to);
    return { pathname: encodePath(path), search: query, hash };
  }

  push(to: To, state?: unknown): void {
    this.#go(to, state, false);
  }

  replace(to: To, state?: unknown): void {
    this.#go(to, state, true);
  }

  go(delta: number): void {
    history.go(delta);
  }

  #go(to: To, state: unknown, replace: boolean): void {
    const { path, query, hash } = targetOf(to);
    this.#state = state ?? null;
    this.#runtime.navigate(path, { query, hash, replace });
  }
}
