// Which module's handler is running, for whom: carried along by AsyncLocalStorage, so that what a handler started and
// left behind (a timer, a promise) is still known as its doing.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Response } from 'express';

export interface Visit {
  /** Path of the module's directory; "" is the root's. */
  readonly module: string;
  /** The server's number of the request; 0 when it gave none. */
  readonly request: number;
  readonly response: Response;
}

const visits = new AsyncLocalStorage<Visit>();

export function currentVisit(): Visit | undefined {
  return visits.getStore();
}

export function duringVisit<Value>(visit: Visit, work: () => Value): Value {
  return visits.run(visit, work);
}

/** How messages name a module: "" the root's, "a/b". */
export function shortPath(path: string): string {
  return path.replace(/^\/+/, '');
}
