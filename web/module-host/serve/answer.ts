// The way of a request through the modules: middleware from the root down, a file of the built site, routes back up to the
// root. What nobody answers goes back to the server, with the fields that middleware has set.
import type { NextFunction, Request, Response, Router } from 'express';
import type { OwnDir } from '../../module-tree/index.ts';
import type { Directory } from '../../fsnode/index.ts';
import { modulesOn, type Stop } from './chain.ts';
import { answerFailure, type Failures } from './failures.ts';
import type { Passage, Routers } from './router.ts';
import { parseTarget } from './target.ts';

export interface AnswerParts {
  OwnDir: OwnDir;
  root: Directory;
  routers: Routers;
  failures: Failures;
  /** Paths of the built site's files. */
  site: ReadonlySet<string>;
  /** A replaced server package's own way; the site and the folder follow it. */
  router: Router | null;
}

export function requestNumber(request: Request): number {
  const number = Number(request.headers['owndir-request']);
  return Number.isSafeInteger(number) && number > 0 ? number : 0;
}

/** The server answers instead: the site's file, or what else there is. */
function passOn(response: Response, kind: 'site' | 'files'): void {
  if (response.headersSent || response.writableEnded) return;
  for (const name of ['Content-Length', 'Transfer-Encoding', 'Trailer']) response.removeHeader(name);
  response.statusCode = 204;
  response.setHeader('owndir-pass', kind);
  response.end();
}

export class Answers {
  readonly #parts: AnswerParts;

  constructor(parts: AnswerParts) {
    this.#parts = parts;
  }

  answer(request: Request, response: Response): void {
    const { failures } = this.#parts;
    this.#answer(request, response).catch((error: unknown) => {
      failures.tell(error, '', requestNumber(request));
      answerFailure(response, error, null);
    });
  }

  async #answer(request: Request, response: Response): Promise<void> {
    const { OwnDir, root, site, router } = this.#parts;
    if (/\bwebsocket\b/i.test(request.headers.upgrade ?? ''))
      return answerFailure(response, { status: 501, message: 'Modules do not answer WebSockets.' }, null);
    const target = parseTarget(request.url);
    if (!target) return answerFailure(response, { status: 400, message: 'That address is not well formed.' }, null);
    const readsSite = ['GET', 'HEAD'].includes(request.method) && site.has(target.file);
    if (router) return router(request, response, this.#atEnd(request, response, readsSite));
    this.#climb(request, response, await modulesOn(OwnDir, root, target.steps), readsSite);
  }

  #atEnd(request: Request, response: Response, readsSite: boolean): NextFunction {
    const { failures } = this.#parts;
    return ((error: unknown) => {
      const visit = { module: '', request: requestNumber(request), response };
      if (error !== undefined && error !== null) failures.fail(visit, error);
      else passOn(response, readsSite ? 'site' : 'files');
    }) as NextFunction;
  }

  /** Down through the middleware, back up through the routes. */
  #climb(request: Request, response: Response, stops: readonly Stop[], readsSite: boolean): void {
    const { routers, failures } = this.#parts;
    const { url } = request;
    const passage: Passage = { request: requestNumber(request), error: undefined, culprit: '', busy: null };
    routers.begin(request, passage);
    const end = () => {
      if (passage.error === undefined) return passOn(response, readsSite ? 'site' : 'files');
      failures.fail({ module: passage.culprit, request: passage.request, response }, passage.error);
    };
    const enter = (stop: Stop, list: 'middleware' | 'routes', next: (error?: unknown) => void) => {
      const router = routers.of(stop.module)[list];
      if (!router || response.writableEnded) return next(passage.error);
      // As Express does for a mounted router.
      request.baseUrl = url.slice(0, stop.prefix);
      const rest = url.slice(stop.prefix);
      request.url = rest.startsWith('/') ? rest : `/${rest}`;
      router(request, response, (error: unknown) => {
        [request.url, request.baseUrl] = [url, ''];
        next(error);
      });
    };
    const note = (error: unknown) => {
      passage.error = error ?? undefined;
    };
    const up = (index: number): void => {
      const stop = stops[index];
      if (!stop) return end();
      enter(stop, 'routes', error => {
        note(error);
        up(index - 1);
      });
    };
    const down = (index: number): void => {
      const stop = stops[index];
      if (!stop) return readsSite ? end() : up(stops.length - 1);
      enter(stop, 'middleware', error => {
        note(error);
        if (passage.error === undefined) down(index + 1);
        else up(index);
      });
    };
    down(0);
  }
}
