// The arguments of `sub`, which are chokidar's.
import { FsError } from './error.ts';
import { subEvents, type Info, type SubEvent, type SubOptions } from './types.ts';
import type { Directory } from './directory.ts';

/** `detail`: the file's info with add, addDir and change; the Error with error. */
export type SubListener = (event: Exclude<SubEvent, 'all'>, node: Directory, detail?: Info | Error | null) => void;

type Matcher = string | RegExp | ((path: string) => boolean);

/** chokidar's options; those that are not here have no meaning for us and are ignored. */
export interface SubOpts {
  ignoreInitial?: boolean;
  depth?: number;
  /** Paths from the folder's root: a name with all beneath it, an expression or a function. */
  ignored?: Matcher | readonly Matcher[];
}

type OneOrMore = string | readonly string[] | null | undefined;

export type SubArguments =
  | [listener: SubListener, opts?: SubOpts | null]
  | [paths: OneOrMore, listener: SubListener, opts?: SubOpts | null]
  | [
      events: SubEvent | readonly SubEvent[] | null | undefined,
      paths: OneOrMore,
      listener: SubListener,
      opts?: SubOpts | null,
    ];

export interface PreparedSub extends SubOptions {
  listener: SubListener;
  accepts(event: string, path: string): boolean;
}

function list(value: unknown, fallback: string, what: string): string[] {
  const values: unknown[] = Array.isArray(value) ? value : [value ?? fallback];
  if (!values.every(item => typeof item === 'string')) throw new FsError(400, `sub: ${what} are text, or lists of it.`);
  return values;
}

function matches(matcher: Matcher, path: string): boolean {
  if (typeof matcher === 'function') return matcher(path);
  if (typeof matcher !== 'string') return matcher.test(path);
  return path === matcher || path.startsWith(`${matcher}/`);
}

export function prepareSub(given: readonly unknown[]): PreparedSub {
  const at = given.findIndex(argument => typeof argument === 'function');
  if (at < 0 || at > 2) throw new FsError(400, 'sub needs a listener: sub(events, paths, (event, node) => …, opts).');
  const listener = given[at] as SubListener;
  const names = list(at === 2 ? given[0] : null, 'all', 'events');
  const paths = list(at > 0 ? given[at - 1] : null, '.', 'paths');
  const { ignoreInitial, depth, ignored } = (given[at + 1] ?? {}) as SubOpts;
  const known = subEvents as readonly string[];
  const unknown = names.find(name => !known.includes(name));
  if (unknown !== undefined)
    throw new FsError(400, `sub: there is no event “${unknown}”. There are: ${known.join(', ')}.`);
  const wanted = new Set(names);
  if (wanted.has('all')) for (const name of ['add', 'addDir', 'change', 'unlink', 'unlinkDir']) wanted.add(name);
  const matchers = (Array.isArray(ignored) ? ignored : ignored === undefined ? [] : [ignored]) as Matcher[];
  return {
    listener,
    paths,
    events: names as SubEvent[],
    ignoreInitial: ignoreInitial === true,
    depth: Number.isSafeInteger(depth) ? depth : undefined,
    accepts: (event, path) => wanted.has(event) && !matchers.some(matcher => matches(matcher, path)),
  };
}
