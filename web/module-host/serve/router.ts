// Express routers of the modules' `O.middleware` and `O.routes`.
import { METHODS } from 'node:http';
import { join } from 'node:path';
import express, { type NextFunction, type Request, type Response, type Router } from 'express';
import type { OwnDirModule } from '../../module-tree/index.ts';
import type { Failures } from './failures.ts';
import { logText, type Parent } from './parent.ts';
import { duringVisit, shortPath, type Visit } from './visit.ts';

type Handler = (this: OwnDirModule, ...given: unknown[]) => unknown;

const methods = new Set([...METHODS.map(method => method.toLowerCase()), 'all', 'use', 'param']);

/** What is known of a request while it passes the modules. */
export interface Passage {
  readonly request: number;
  /** An error on its way to the next error handler. */
  error: unknown;
  /** The module that the error came from. */
  culprit: string;
  /** Named to the server as busy last. */
  busy: string | null;
}

export interface ModuleRouters {
  middleware: Router | null;
  routes: Router | null;
}

function isSkip(error: unknown): boolean {
  return error === undefined || error === null || error === 'route' || error === 'router';
}

/** Makes them once for each module, at its first request. */
export class Routers {
  readonly #made = new WeakMap<OwnDirModule, ModuleRouters>();
  readonly #passages = new WeakMap<Request, Passage>();
  readonly #parent: Parent;
  readonly #failures: Failures;
  readonly #folder: string;

  constructor(parent: Parent, failures: Failures, folder: string) {
    this.#parent = parent;
    this.#failures = failures;
    this.#folder = folder;
  }

  begin(request: Request, passage: Passage): void {
    this.#passages.set(request, passage);
  }

  of(module: OwnDirModule): ModuleRouters {
    const known = this.#made.get(module);
    if (known) return known;
    const made = { middleware: this.#make(module, 'middleware'), routes: this.#make(module, 'routes') };
    this.#made.set(module, made);
    return made;
  }

  #make(module: OwnDirModule, list: 'middleware' | 'routes'): Router | null {
    const specs: unknown = module.O[list];
    if (!Array.isArray(specs) || specs.length === 0) return null;
    const router = express.Router();
    // An error from below goes on to this module's error handlers.
    router.use((request, _response, next) => next(this.#passages.get(request)?.error));
    specs.forEach((spec: unknown, index) => {
      try {
        this.#add(router, module, spec);
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        this.#parent.log('error', `O.${list}[${index}] is left out: ${text}`, shortPath(module.O.path));
      }
    });
    return router;
  }

  #add(router: Router, module: OwnDirModule, spec: unknown): void {
    if (!Array.isArray(spec)) throw new TypeError('it is no list of method, path and handlers');
    const [first, second, ...rest] = spec as unknown[];
    const method = typeof first === 'string' ? first.toLowerCase() : '';
    if (!methods.has(method)) throw new TypeError(`there is no method ${JSON.stringify(first)}`);
    const pathless = typeof second === 'function';
    const handlers = (pathless ? [second, ...rest] : rest).flat(Infinity);
    if (handlers.length === 0) throw new TypeError('it has no handler');
    for (const handler of handlers)
      if (typeof handler !== 'function') throw new TypeError(`a handler is no function but ${typeof handler}`);
    const wrapped = (handlers as Handler[]).map(handler =>
      method === 'param' ? this.#wrapParam(module, handler) : this.#wrap(module, handler),
    );
    const add = router[method as 'use'] as (...given: unknown[]) => unknown;
    if (method === 'param') for (const handler of wrapped) add.call(router, second, handler);
    else add.call(router, ...(pathless ? [] : [second]), ...wrapped);
  }

  /** Express tells error handlers by their four parameters. */
  #wrap(module: OwnDirModule, handler: Handler): (...given: never[]) => void {
    if (handler.length === 4)
      return (error: unknown, request: Request, response: Response, next: NextFunction) =>
        this.#run(module, request, response, next, passed => handler.call(module, error, request, response, passed));
    return (request: Request, response: Response, next: NextFunction) =>
      this.#run(module, request, response, next, passed => handler.call(module, request, response, passed));
  }

  #wrapParam(module: OwnDirModule, handler: Handler): (...given: never[]) => void {
    return (request: Request, response: Response, next: NextFunction, value: unknown, name: unknown) =>
      this.#run(module, request, response, next, passed =>
        handler.call(module, request, response, passed, value, name),
      );
  }

  #run(
    module: OwnDirModule,
    request: Request,
    response: Response,
    next: NextFunction,
    call: (next: NextFunction) => unknown,
  ): void {
    const passage = this.#passages.get(request);
    const visit: Visit = { module: shortPath(module.O.path), request: passage?.request ?? 0, response };
    let passed = false;
    const pass = (error?: unknown) => {
      passed = true;
      if (passage && !isSkip(error) && passage.error !== error) {
        passage.error = error;
        passage.culprit = visit.module;
      }
      if (passage && error === undefined) passage.error = undefined;
      next(error);
    };
    this.#enter(visit, passage);
    // Whatever fails later, in a timer or a promise, is answered and told of here and not by Express.
    const failed = (error: unknown) => {
      const known = error ?? new Error('a handler failed without saying why');
      if (passed || response.headersSent) this.#failures.fail(visit, known);
      else pass(known);
    };
    duringVisit(visit, () => {
      try {
        const result = call(pass as NextFunction) as PromiseLike<unknown> | undefined;
        if (typeof result?.then === 'function') result.then(undefined, failed);
      } catch (error) {
        failed(error);
      }
    });
  }

  #enter(visit: Visit, passage: Passage | undefined): void {
    if (passage && passage.busy !== visit.module) {
      passage.busy = visit.module;
      if (visit.request) this.#parent.tell({ busy: { request: visit.request, module: logText(visit.module) } });
    }
    try {
      // Until its first await a handler finds itself in its directory; see docs/modules.md for what this is worth.
      process.chdir(join(this.#folder, visit.module));
    } catch {
      // The directory went away: the path of the folder still says what is there.
    }
  }
}
