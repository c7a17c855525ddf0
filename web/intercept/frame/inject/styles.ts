// Style sheets with everything in them: imported sheets in the place of their rules, addresses as blobs. A sheet is first used
// as it is and once more when what it refers to is there.

import { ask, charsetOf, decoderFor, fieldOf, limits, readAll, type Context } from './context.ts';
import { needsRewriting, oneFontFormat, parseCss, wrapImport } from './css.ts';
import { isLocal } from './html.ts';
import type { Resources } from './resources.ts';

const maxDepth = 8;
const maxSheets = 200;
const maxReferences = 2000;
const placeholder = 'data:,';

/** Text with the addresses that it refers to at odd places. */
export type Sheet = readonly string[];

export class Styles {
  readonly #context: Context;
  readonly #resources: Resources;

  constructor(context: Context, resources: Resources) {
    this.#context = context;
    this.#resources = resources;
  }

  /** Rejects when the sheet itself is missing; an imported one that is missing is empty. */
  async load(url: string): Promise<Sheet> {
    return this.#load(url, { depth: 0, sheets: { left: maxSheets } });
  }

  /** Of a style element or attribute. */
  async parse(css: string, base: string): Promise<Sheet> {
    return this.#parse(css, base, { depth: 0, sheets: { left: maxSheets } });
  }

  /** Before its addresses are there. */
  bare(sheet: Sheet): string {
    return sheet.map((part, i) => (i % 2 === 0 ? part : `url("${placeholder}")`)).join('');
  }

  isWhole(sheet: Sheet): boolean {
    return sheet.length <= 1;
  }

  async whole(sheet: Sheet): Promise<string> {
    const parts = sheet.slice(0, maxReferences * 2 + 1).map(async (part, i) => {
      if (i % 2 === 0) return part;
      const blob = await this.#resources.blobUrl(part, 'image').catch(() => placeholder);
      return `url("${blob}")`;
    });
    return (await Promise.all(parts)).join('');
  }

  async #load(url: string, at: { depth: number; sheets: { left: number } }): Promise<Sheet> {
    const fields: [string, string][] = [['accept', 'text/css,*/*;q=0.1']];
    const answer = await ask(this.#context, { url: new URL(url), dest: 'style', fields });
    const { status } = answer.head;
    if (status < 200 || status > 299) {
      await answer.body?.cancel().catch(() => undefined);
      throw new TypeError(`${url} answered ${status}.`);
    }
    const blob = await readAll(answer, limits.text);
    const bytes = await blob.arrayBuffer();
    const declared = /^@charset "([^"]+)";/.exec(new TextDecoder('latin1').decode(bytes.slice(0, 64)))?.[1] ?? null;
    const charset = charsetOf(fieldOf(answer.head.fields, 'content-type')) ?? declared;
    const css = decoderFor(charset).decode(bytes);
    return this.#parse(css, this.#context.origin + answer.head.target, at);
  }

  async #parse(css: string, base: string, at: { depth: number; sheets: { left: number } }): Promise<Sheet> {
    if (!needsRewriting(css)) return [css];
    const text = css.includes('@font-face') ? oneFontFormat(css) : css;
    const parts = await Promise.all(
      parseCss(text).map(async (part): Promise<Sheet> => {
        if (part.kind === 'text') return [part.text];
        const url = resolve(part.url, base);
        if (part.kind === 'url') {
          if (url === null || isLocal(part.url)) return [`url("${part.url.replace(/["\\\n]/g, '\\$&')}")`];
          return ['', url, ''];
        }
        if (url === null || at.depth >= maxDepth || at.sheets.left <= 0) return [''];
        at.sheets.left -= 1;
        const inner = await this.#load(url, { depth: at.depth + 1, sheets: at.sheets }).catch((): Sheet => ['']);
        const [before = '', after = ''] = wrapImport(part, '\0').split('\0');
        return joined([[before], inner, [after]]);
      }),
    );
    return joined(parts);
  }
}

function joined(sheets: readonly Sheet[]): Sheet {
  const all: string[] = [''];
  for (const sheet of sheets) {
    all[all.length - 1] += sheet[0] ?? '';
    for (let i = 1; i < sheet.length; i++) all.push(sheet[i] ?? '');
  }
  return all;
}

function resolve(url: string, base: string): string | null {
  try {
    return new URL(url, base).href;
  } catch {
    return null;
  }
}
