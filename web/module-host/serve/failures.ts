// What becomes of a handler that fails: its request is answered, the server is told which module it was, all else goes on.
import { STATUS_CODES } from 'node:http';
import type { Response } from 'express';
import type { OwnDir } from '../../module-tree/index.ts';
import { logText, type Parent } from './parent.ts';
import { currentVisit, shortPath, type Visit } from './visit.ts';

/** 4xx and 5xx that an error brings along (http-errors, the folder API's); 500 for all others. */
export function statusOf(error: unknown): number {
  const { status, statusCode } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  for (const code of [status, statusCode])
    if (typeof code === 'number' && Number.isInteger(code) && code >= 400 && code < 600) return code;
  return 500;
}

function textOf(error: unknown): string {
  if (error instanceof Error) return error.message === '' ? error.name : error.message;
  if (typeof error !== 'object' || error === null) return String(error);
  const { message, error: sentence } = error as Record<string, unknown>;
  for (const text of [message, sentence]) if (typeof text === 'string') return text;
  try {
    return JSON.stringify(error);
  } catch {
    return 'an error that is no Error';
  }
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function html(text: string): string {
  return text.replace(/[&<>"]/g, character => escapes[character] ?? '');
}

function page(title: string, text: string, module: string | null): string {
  const name = module === '' ? 'the root module' : `the module <code>${html(module ?? '')}</code>`;
  const where = module === null ? '' : `<p>It comes from ${name}. The log of <code>owndir serve</code> says more.</p>`;
  return `<!doctype html><meta charset="utf-8"><title>${html(title)}</title>
<meta name="viewport" content="width=device-width"><h1>${html(title)}</h1>
<p>${html(text)}</p>${where}
`;
}

/** Answers in place of a module; drops the connection when an answer has begun already, so that nobody takes it for whole. */
export function answerFailure(response: Response, error: unknown, module: string | null): void {
  if (response.writableEnded) return;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const status = statusOf(error);
  const title = `${status} ${STATUS_CODES[status] ?? 'Error'}`;
  const text = logText(textOf(error));
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  response.status(status);
  response.set({ 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store' });
  response.set('Content-Security-Policy', "default-src 'none'");
  response.format({
    html: () => response.send(page(title, text, module)),
    json: () => response.json({ success: false, status, error: text, ...(module === null ? {} : { module }) }),
    text: () => response.send(`${title}\n${text}\n`),
    default: () => response.type('text').send(`${title}\n${text}\n`),
  });
}

/** Tells the server of failures and keeps the process alive through those that nobody caught. */
export class Failures {
  readonly #parent: Parent;
  /** Directories that paths in stacks may begin with: the folder, and the bundle's, to which source maps relate. */
  readonly #bases: readonly string[];
  /** To look modules up by their files; null until the bundle has been loaded. */
  tree: OwnDir | null = null;

  constructor(parent: Parent, bases: readonly string[]) {
    this.#parent = parent;
    this.#bases = bases;
  }

  /** A handler threw, rejected or passed an error on. Clients' mistakes (4xx) are no failures of the module. */
  fail(visit: Visit, error: unknown): void {
    if (statusOf(error) >= 500) this.tell(error, visit.module, visit.request);
    answerFailure(visit.response, error, visit.module);
  }

  tell(error: unknown, module: string, request = 0): void {
    const stack = error instanceof Error ? (error.stack ?? '') : '';
    const failed = { module: logText(module), text: logText(textOf(error)), stack: logText(stack) };
    this.#parent.tell({ failed: { ...failed, ...(request ? { request } : {}) } });
  }

  /** From now on an exception that nobody catches costs the request it came from and nothing else. */
  catchStrays(): void {
    const stray = (error: unknown) => {
      const visit = currentVisit();
      if (visit) this.fail(visit, statusOf(error) >= 500 ? error : new Error(textOf(error), { cause: error }));
      else this.tell(error, this.moduleOfStack(error));
    };
    process.on('uncaughtException', stray);
    process.on('unhandledRejection', stray);
  }

  /** By the first file of a module in the stack; "" when there is none. */
  moduleOfStack(error: unknown): string {
    const stack = error instanceof Error ? (error.stack ?? '') : '';
    const paths = (this.tree?.modules ?? []).map(module => shortPath(module.O.path)).filter(path => path !== '');
    for (const [, found = ''] of stack.matchAll(/(\/[^\n]*?)\/\.owndir(?:\/|\.jsx?\b)/g)) {
      const directory = found.replace(/^\/+/, '/');
      if (this.#bases.includes(directory)) return '';
      const base = this.#bases.find(each => directory.startsWith(`${each}/`));
      if (base !== undefined) return directory.slice(base.length + 1);
      const module = paths.filter(path => directory.endsWith(`/${path}`)).sort((a, b) => b.length - a.length)[0];
      if (module !== undefined) return module;
    }
    return '';
  }
}

/** What `process.exit` of a module is turned into: the process serves others too. */
export class ExitRefused extends Error {
  override readonly name = 'ExitRefused';

  constructor(call: string) {
    super(`A module called ${call}. The module host does not end for that; throw an error instead.`);
  }
}

/** Returns the real exit. */
export function refuseExit(): (code: number) => never {
  const exit = process.exit.bind(process);
  process.exit = (code?: unknown): never => {
    throw new ExitRefused(`process.exit(${typeof code === 'number' ? code : ''})`);
  };
  process.abort = (): never => {
    throw new ExitRefused('process.abort()');
  };
  return exit;
}
