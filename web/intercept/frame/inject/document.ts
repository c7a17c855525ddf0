// Writes a document of the app into this frame. Its markup goes to the browser's parser in order; at each script that the parser
// has to wait for, the writing waits too, so that order, document.write and readyState are the browser's own. What it needs is
// asked for at once, all together, before the first piece is written.

import { fragmentText, classicText } from './script_text.ts';
import {
  attribute,
  encodeAttribute,
  hidden,
  isLocal,
  rewriteAttributes,
  tokens,
  writeTag,
  type Attribute,
  type Token,
} from './html.ts';
import { scriptKind, styleBlob, type Elements } from './elements.ts';
import type { Modules } from './modules.ts';
import { brokenUrl, trusted } from './natives.ts';
import { scriptBlob } from './modules.ts';
import type { Sheet, Styles } from './styles.ts';

/** How long the first showing of a sheet waits for what it refers to. */
const sheetPatienceMs = 700;
/** How long the parser waits for one script. */
const scriptPatienceMs = 60_000;
const rewriting = { script: fragmentText };

export interface WriterParts {
  readonly elements: Elements;
  readonly modules: Modules;
  readonly styles: Styles;
  /** After document.open, before any script. */
  prepare(base: string, isOwn: boolean): void;
  refresh(url: string, seconds: number): void;
  /** By a policy in the markup. */
  restrict(policy: string): void;
}

export class DocumentWriter {
  readonly #parts: WriterParts;
  readonly #url: string;
  readonly #ready = new Map<Token, Promise<string>>();
  #base: string;
  #out = '';

  constructor(parts: WriterParts, url: string) {
    this.#parts = parts;
    this.#url = url;
    this.#base = url;
  }

  async write(html: string): Promise<void> {
    const all = [...tokens(html)];
    const base = all.find(
      one => one.kind === 'tag' && one.name === 'base' && attribute(one.attributes, 'href') !== null,
    );
    if (base?.kind === 'tag') this.#base = this.#resolve(attribute(base.attributes, 'href') ?? '') ?? this.#url;
    for (const token of all) if (token.kind === 'tag' && token.name === 'meta') this.#policy(token.attributes);
    for (const token of all) this.#prepare(token);
    document.open();
    this.#parts.prepare(this.#base, base !== undefined);
    let begun = false;
    for (const token of all) {
      if (!begun && token.kind !== 'doctype' && !(token.kind === 'text' && /^\s*$/.test(token.text))) {
        begun = true;
        this.#out += `<base href="${encodeAttribute(this.#base)}">`;
      }
      await this.#token(token);
    }
    this.#flush();
    document.close();
  }

  #resolve(href: string): string | null {
    try {
      return new URL(href.trim(), this.#base).href;
    } catch {
      return null;
    }
  }

  #flush(): void {
    if (this.#out === '') return;
    const text = this.#out;
    this.#out = '';
    document.write(trusted.createHTML(text));
  }

  /** Asks for what the token stands for. */
  #prepare(token: Token): void {
    const work = this.#workOf(token);
    if (!work) return;
    work.catch(() => undefined);
    this.#ready.set(token, work);
  }

  #workOf(token: Token): Promise<string> | null {
    if (token.kind === 'tag' && token.name === 'link') return this.#sheetOf(token.attributes);
    if (token.kind !== 'raw' || token.name !== 'script') return null;
    const { attributes, content } = token;
    const kind = scriptKind(attribute(attributes, 'type'));
    const src = attribute(attributes, 'src');
    if (kind === 'importmap') this.#parts.modules.addImportMap(content, this.#base);
    if (kind === 'classic' && attribute(attributes, 'nomodule') !== null) return null;
    if (src === null) return kind === 'module' ? this.#parts.modules.prepareInline(content, this.#base) : null;
    const url = this.#resolve(src);
    if (url === null || isLocal(src)) return null;
    if (kind === 'module') return this.#parts.modules.prepare(url);
    // An async one is loaded as one that a script has made.
    return kind === 'classic' && attribute(attributes, 'async') === null
      ? this.#parts.elements.classic(url, attribute(attributes, 'integrity'))
      : null;
  }

  #sheetOf(attributes: readonly Attribute[]): Promise<string> | null {
    const href = attribute(attributes, 'href');
    const rel = attribute(attributes, 'rel') ?? '';
    if (href === null || isLocal(href) || !/(?:^|\s)stylesheet(?:\s|$)/i.test(rel)) return null;
    if (/(?:^|\s)alternate(?:\s|$)/i.test(rel) || attribute(attributes, 'disabled') !== null) return null;
    const url = this.#resolve(href);
    return url === null ? null : this.#sheet(url);
  }

  async #sheet(url: string): Promise<string> {
    const { styles } = this.#parts;
    const sheet = await styles.load(url);
    if (styles.isWhole(sheet)) return styleBlob(styles.bare(sheet));
    const whole = styles.whole(sheet);
    const late = new Promise<null>(resolve => setTimeout(() => resolve(null), sheetPatienceMs));
    const first = await Promise.race([whole, late]);
    const blob = styleBlob(first ?? styles.bare(sheet));
    if (first === null) void this.#completeLater(blob, sheet, whole);
    return blob;
  }

  async #completeLater(blob: string, _sheet: Sheet, whole: Promise<string>): Promise<void> {
    const text = await whole;
    for (const link of document.querySelectorAll('link'))
      if (link.attributes.getNamedItem('href')?.value === blob)
        link.attributes.getNamedItem('href')!.value = styleBlob(text);
  }

  async #token(token: Token): Promise<void> {
    if (token.kind === 'text' || token.kind === 'doctype') {
      this.#out += token.text;
      return;
    }
    if (token.kind === 'raw' && token.name === 'script') return this.#script(token);
    const changed = rewriteAttributes(token.name, token.attributes, rewriting);
    const ready = this.#ready.get(token);
    if (ready) {
      const blob = await ready.catch(() => brokenUrl);
      this.#out += writeTag(token.name, [...(changed ?? token.attributes), { name: 'href', value: blob }]);
      return;
    }
    if (token.name === 'meta') this.#meta(token.attributes);
    this.#out += changed ? writeTag(token.name, changed) : token.text;
    if (token.kind === 'raw') this.#out += token.content + token.end;
  }

  async #script(token: Extract<Token, { kind: 'raw' }>): Promise<void> {
    const { attributes, content, end } = token;
    const kind = scriptKind(attribute(attributes, 'type'));
    const changed = rewriteAttributes('script', attributes, rewriting) ?? attributes;
    const without = changed.filter(({ name }) => name !== 'integrity' && name !== 'crossorigin' && name !== 'nonce');
    const ready = this.#ready.get(token);
    if (ready) {
      // What stands before it is shown meanwhile.
      this.#flush();
      const late = new Promise<string>(resolve => setTimeout(() => resolve(brokenUrl), scriptPatienceMs));
      const blob = await Promise.race([ready, late]).catch(() => brokenUrl);
      this.#out += writeTag('script', [...without, { name: 'src', value: blob }]) + end;
    } else if (kind === 'importmap') {
      this.#out +=
        writeTag(
          'script',
          without.map(one => (one.name === 'type' ? { ...one, value: 'owndir-importmap' } : one)),
        ) +
        content +
        end;
    } else if (kind === 'classic' && attribute(attributes, 'src') === null) this.#inline(without, content, end);
    else this.#out += writeTag('script', without) + content + end;
  }

  #inline(attributes: readonly Attribute[], content: string, end: string): void {
    const text = classicText(content, this.#base);
    // Text that was changed could end its element: then it comes as a file.
    if (text !== content && /<\/script/i.test(text))
      this.#out += writeTag('script', [...attributes, { name: 'src', value: scriptBlob(text) }]) + end;
    else this.#out += writeTag('script', attributes) + text + end;
  }

  #policy(attributes: readonly Attribute[]): void {
    if (/^\s*content-security-policy\s*$/i.test(attribute(attributes, 'http-equiv') ?? ''))
      this.#parts.restrict(attribute(attributes, 'content') ?? '');
  }

  #meta(attributes: readonly Attribute[]): void {
    if (!/^refresh$/i.test(attribute(attributes, 'http-equiv')?.trim() ?? '')) return;
    const [, seconds = '', address = ''] =
      /^\s*([\d.]+)\s*(?:[;,]\s*(?:url\s*=\s*)?(.*))?$/is.exec(attribute(attributes, 'content') ?? '') ?? [];
    const url = address === '' ? this.#url : this.#resolve(address.replace(/^["']|["']\s*$/g, ''));
    if (seconds !== '' && url !== null) this.#parts.refresh(url, Number(seconds));
  }
}

export { hidden };
