// What a script's text becomes before it runs in the frame: `location` under its other name, `import()` and `import.meta` by
// functions of ours, and the specifiers of a module as absolute addresses, which an import map leads to blobs (modules.ts).

import { parse } from 'es-module-lexer/js';
import { locationEdits, plainLocationEdits, type Edit } from './location_names.ts';

export const kImport = 'owndir$import';
export const kMeta = 'owndir$meta';
export const kInline = 'owndir$inline';

export interface ModuleText {
  readonly text: string;
  /** Addresses of the modules that it imports statically. */
  readonly imports: readonly string[];
}

/** The absolute address for a specifier, or null where there is none. */
export type Resolve = (specifier: string) => string | null;

function apply(source: string, edits: Edit[]): string {
  if (edits.length === 0) return source;
  edits.sort((a, b) => a.start - b.start);
  let text = '';
  let at = 0;
  for (const edit of edits) {
    // Of two that overlap the first counts.
    if (edit.start < at) continue;
    text += source.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return text + source.slice(at);
}

function locationsOf(source: string): Edit[] {
  if (!source.includes('location')) return [];
  return locationEdits(source) ?? plainLocationEdits(source);
}

function importsOf(source: string): ReturnType<typeof parse>[0] {
  try {
    return parse(source)[0];
  } catch {
    // A syntax error, which the browser reports better.
    return [];
  }
}

function dynamicEdits(base: string, imports: ReturnType<typeof parse>[0]): Edit[] {
  const edits: Edit[] = [];
  for (const { ss, se, d } of imports) {
    if (d === -2) edits.push({ start: ss, end: se, text: `${kMeta}(${JSON.stringify(base)})` });
    else if (d >= 0) edits.push({ start: ss, end: d + 1, text: `${kImport}(${JSON.stringify(base)},` });
  }
  return edits;
}

/** A classic script. `base`: what its `import()` is relative to. */
export function classicText(source: string, base: string): string {
  const edits = locationsOf(source);
  if (/\bimport\s*\(/.test(source)) edits.push(...dynamicEdits(base, importsOf(source)));
  return apply(source, edits);
}

/** A module that imports others: its text cannot run as it is. */
export function importsStatically(source: string): boolean {
  return /\b(?:import|export)\b/.test(source) && importsOf(source).some(({ d }) => d === -1);
}

/** A handler's, eval's: `import()` in it is left alone. */
export function fragmentText(source: string): string {
  return apply(source, locationsOf(source));
}

export function moduleText(source: string, base: string, resolve: Resolve): ModuleText {
  const imports = importsOf(source);
  const edits = [...locationsOf(source), ...dynamicEdits(base, imports)];
  const found: string[] = [];
  for (const { n, s, e, d } of imports) {
    if (d !== -1 || n === undefined) continue;
    const url = resolve(n);
    if (url === null) continue;
    found.push(url);
    edits.push({ start: s, end: e, text: JSON.stringify(url).slice(1, -1) });
  }
  return { text: apply(source, edits), imports: [...new Set(found)] };
}
