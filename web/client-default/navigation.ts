// React Router over the runtime's address, so that Link, useLocation and useNavigate work on a server and on file:// alike.
import type { Navigator, To, Location } from 'react-router-dom';
import { decodePath, encodePath } from './paths.ts';
import type { Address, Runtime } from './runtime.ts';

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

export interface Navigation extends Navigator {
  /** The state that was given with a navigation, for the address that comes of it. */
  takeState(): unknown;
}

/** Functions without `this`: the router calls them detached. */
export function navigationOver(runtime: Runtime): Navigation {
  let kept: unknown = null;
  const go = (to: To, state: unknown, replace: boolean) => {
    const { path, query, hash } = targetOf(to);
    kept = state ?? null;
    runtime.navigate(path, { query, hash, replace });
  };
  return {
    takeState: () => {
      const state = kept;
      kept = null;
      return state;
    },
    createHref: to => {
      const { path, query, hash } = targetOf(to);
      return runtime.href(path, { query, hash });
    },
    encodeLocation: to => {
      const { path, query, hash } = targetOf(to);
      return { pathname: encodePath(path), search: query, hash };
    },
    push: (to, state) => go(to, state, false),
    replace: (to, state) => go(to, state, true),
    go: delta => history.go(delta),
  };
}
