// Style sheets: .scss and .sass are compiled, and what a module imports applies to its part of the tree only: its
// selectors get the class that the page has on <html> there. The root's apply everywhere, and so do those of packages
// that packages import.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Location, OnLoadResult, PartialMessage, Plugin } from 'esbuild';
import { ownerOf, packageName, type Resolver } from './resolve.ts';
import { loadPostcss, loadPrefixer, loadSass } from './tools.ts';

/** The class of a directory's part of the tree; null for the root, whose styles apply everywhere. */
export function scopeClass(path: string): string | null {
  if (path === '') return null;
  return `o${createHash('sha1').update(`/${path}`).digest('hex').slice(0, 7)}`;
}

export const sassFiles = /\.(?:scss|sass)$/;
const styleFiles = /\.(?:css|scss|sass)$/;

export interface StylesContext {
  source: string;
  /** Compiled style sheets are kept here. */
  cache: string;
  resolver: Resolver;
  modules: ReadonlySet<string>;
}

interface Compiled {
  css: string;
  /** Absolute paths and digests of all that went into it. */
  inputs: [string, string][];
}

const digestOf = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

function compile(path: string, context: StylesContext): Compiled {
  const sass = loadSass();
  const { resolver } = context;
  const result = sass.compile(path, {
    quietDeps: true,
    logger: sass.Logger.silent,
    importers: [
      {
        findFileUrl(url, { containingUrl }) {
          const from = containingUrl ? fileURLToPath(containingUrl) : path;
          const bare = url.replace(/^(?:pkg:|~)/, '');
          if (/^(?:[a-z]+:|\.)/.test(bare)) return null;
          const base = resolver.baseFor(from, packageName(bare));
          return base === null ? null : pathToFileURL(join(base, 'node_modules', bare));
        },
      },
    ],
  });
  const files = result.loadedUrls.map(url => fileURLToPath(url)).sort();
  return { css: result.css, inputs: files.map(file => [file, digestOf(file)]) };
}

/** From the cache when nothing that went into it has changed: loading the compiler alone takes a while. */
function compileCached(path: string, context: StylesContext): Compiled {
  const key = createHash('sha256').update(path).update(readFileSync(path)).digest('hex').slice(0, 32);
  const kept = join(context.cache, 'styles', `${key}.json`);
  if (existsSync(kept)) {
    try {
      const compiled = JSON.parse(readFileSync(kept, 'utf8')) as Compiled;
      if (compiled.inputs.every(([file, digest]) => existsSync(file) && digestOf(file) === digest)) return compiled;
    } catch {
      // half-written by a build that was ended; made anew
    }
  }
  const compiled = compile(path, context);
  mkdirSync(dirname(kept), { recursive: true });
  writeFileSync(kept, JSON.stringify(compiled));
  return compiled;
}

export function scopeSelector(selector: string, scope: string): string {
  const whole = /^(:root|html)(?![\w-])/i.exec(selector);
  return whole ? `${whole[0]}.${scope}${selector.slice(whole[0].length)}` : `.${scope} ${selector}`;
}

export async function confine(css: string, scope: string | null, path: string): Promise<string> {
  if (scope === null) return css;
  const transform = (_prefix: string, selector: string) => scopeSelector(selector, scope);
  const plugin = loadPrefixer()({ prefix: `.${scope}`, transform });
  return (await loadPostcss()([plugin]).process(css, { from: path, map: false })).css;
}

function located(error: unknown, source: string): PartialMessage {
  const fault = error as {
    sassMessage?: string;
    reason?: string;
    message?: string;
    line?: number;
    column?: number;
    file?: string;
    span?: { url?: URL; start: { line: number; column: number }; context?: string; text?: string };
  };
  const text = fault.sassMessage ?? fault.reason ?? fault.message ?? String(error);
  const location: Partial<Location> = {};
  if (fault.span) {
    if (fault.span.url) location.file = relative(source, fileURLToPath(fault.span.url));
    location.line = fault.span.start.line + 1;
    location.column = fault.span.start.column;
    location.lineText = (fault.span.context ?? fault.span.text ?? '').split('\n')[0] ?? '';
  } else if (fault.line !== undefined && fault.file !== undefined) {
    location.file = relative(source, fault.file);
    location.line = fault.line;
    location.column = (fault.column ?? 1) - 1;
    location.lineText = readFileSync(fault.file, 'utf8').split('\n')[fault.line - 1] ?? '';
  }
  return { text, ...(location.file === undefined ? {} : { location }) };
}

/** The class that an importer's style sheets are confined to; null when they apply everywhere. */
export function scopeFor(importer: string, { source, modules }: StylesContext): string | null {
  const file = relative(source, importer);
  if (file.startsWith('..') || isAbsolute(file)) return null;
  const owner = ownerOf(file);
  return modules.has(owner) ? scopeClass(owner) : null;
}

/** The text, compiled. */
export function loadStyle(path: string, context: StylesContext): string {
  return path.endsWith('.css') ? readFileSync(path, 'utf8') : compileCached(path, context).css;
}

/** Of Sass, PostCSS or esbuild. */
export function styleErrors(error: unknown, { source }: StylesContext): PartialMessage[] {
  const { errors } = error as { errors?: PartialMessage[] };
  return Array.isArray(errors) ? errors : [located(error, source)];
}

interface StyleData {
  scope?: string | null;
  resolved?: boolean;
}

export function stylesPlugin(context: StylesContext): Plugin {
  return {
    name: 'owndir-styles',
    setup: build => {
      build.onResolve({ filter: styleFiles }, async args => {
        const data = args.pluginData as StyleData | undefined;
        if (data?.resolved || args.kind === 'entry-point') return undefined;
        const scope = data?.scope === undefined ? scopeFor(args.importer, context) : data.scope;
        if (scope === null) return undefined;
        const bare = !/^[./]/.test(args.path);
        const base = bare ? context.resolver.baseFor(args.importer, packageName(args.path)) : args.resolveDir;
        if (base === null) return undefined; // the resolver of packages tells what is missing
        const { kind, importer, path } = args;
        const found = await build.resolve(path, { kind, importer, resolveDir: base, pluginData: { resolved: true } });
        if (found.errors.length > 0) return { errors: found.errors };
        return { path: found.path, suffix: `?${scope}`, pluginData: { scope } };
      });
      build.onLoad({ filter: styleFiles }, async (args): Promise<OnLoadResult | undefined> => {
        const scope = (args.pluginData as StyleData | undefined)?.scope ?? null;
        if (args.path.endsWith('.css') && scope === null) return undefined;
        try {
          const contents = await confine(loadStyle(args.path, context), scope, args.path);
          const loader = /\.module\.\w+$/.test(args.path) ? 'local-css' : 'css';
          return { contents, loader, resolveDir: dirname(args.path), pluginData: { scope } };
        } catch (error) {
          return { errors: styleErrors(error, context) };
        }
      });
    },
  };
}
