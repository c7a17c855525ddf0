// Markup as a linear sequence of tokens, enough of the HTML standard's tokenizer to find elements that load something and to
// give their attributes other names, so that the browser itself never asks for them. Text that is no such element stays
// as it was, byte for byte; a piece of a document (document.write) is as good as a whole one.

export interface Attribute {
  readonly name: string;
  /** With character references resolved; null: without a value. */
  readonly value: string | null;
}

export type Token =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'doctype'; readonly text: string }
  | { readonly kind: 'tag'; readonly name: string; readonly text: string; readonly attributes: readonly Attribute[] }
  /** An element whose content is no markup, with its end tag. */
  | {
      readonly kind: 'raw';
      readonly name: string;
      readonly text: string;
      readonly attributes: readonly Attribute[];
      readonly content: string;
      readonly end: string;
    };

const rawNames = new Set(['script', 'style', 'textarea', 'title', 'xmp', 'iframe', 'noembed', 'noframes', 'noscript']);
const space = /[\s/]*/y;
const attributePattern = /([^\s/>=][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"'][^\s>]*)))?/y;
const namePattern = /[a-zA-Z][^\s/>]*/y;
const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };

export function decodeText(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]{2,4}));/g, (whole, decimal, hex, name) => {
    if (name !== undefined) return named[name as string] ?? whole;
    const code = decimal === undefined ? parseInt(hex as string, 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

export const encodeAttribute = (value: string): string =>
  value.replace(/&/g, '&amp;').replace(/"/g, '&quot;').replace(/</g, '&lt;');

/** Where the start tag ends, and its attributes; null when it does not end. */
function startTag(html: string, from: number): { end: number; attributes: Attribute[] } | null {
  const attributes: Attribute[] = [];
  let at = from;
  for (;;) {
    space.lastIndex = at;
    space.test(html);
    at = space.lastIndex;
    if (at >= html.length) return null;
    if (html.charCodeAt(at) === 0x3e) return { end: at + 1, attributes };
    attributePattern.lastIndex = at;
    const match = attributePattern.exec(html);
    if (!match) {
      at += 1;
      continue;
    }
    at = attributePattern.lastIndex;
    const [, name = '', double, single, bare] = match;
    const value = double ?? single ?? bare;
    attributes.push({ name: name.toLowerCase(), value: value === undefined ? null : decodeText(value) });
  }
}

/** `name` in lower case; the text from `from` on. */
function endOfRaw(html: string, from: number, name: string): { content: number; end: number } | null {
  const pattern = new RegExp(`</${name}(?=[\\s/>])[^>]*>`, 'gi');
  pattern.lastIndex = from;
  const match = pattern.exec(html);
  return match ? { content: match.index, end: pattern.lastIndex } : null;
}

export function* tokens(html: string): Generator<Token, void> {
  let plain = 0;
  let at = 0;
  /** Raw elements that are known not to end. */
  const endless = new Set<string>();
  for (;;) {
    at = html.indexOf('<', at);
    if (at < 0) break;
    const next = html.charCodeAt(at + 1);
    if (next === 0x21 && html.startsWith('<!--', at)) {
      const end = html.indexOf('-->', at + 4);
      at = end < 0 ? html.length : end + 3;
      continue;
    }
    if (next === 0x21 || next === 0x2f || next === 0x3f) {
      const end = html.indexOf('>', at);
      const stop = end < 0 ? html.length : end + 1;
      if (next === 0x21 && /^<!doctype/i.test(html.slice(at, at + 9))) {
        if (at > plain) yield { kind: 'text', text: html.slice(plain, at) };
        yield { kind: 'doctype', text: html.slice(at, stop) };
        plain = stop;
      }
      at = stop;
      continue;
    }
    namePattern.lastIndex = at + 1;
    const name = namePattern.exec(html)?.[0].toLowerCase();
    if (name === undefined) {
      at += 1;
      continue;
    }
    const tag = startTag(html, namePattern.lastIndex);
    if (!tag) break;
    const text = html.slice(at, tag.end);
    const raw = rawNames.has(name) && !endless.has(name) ? endOfRaw(html, tag.end, name) : null;
    if (rawNames.has(name) && !raw) endless.add(name);
    if (at > plain) yield { kind: 'text', text: html.slice(plain, at) };
    const { attributes } = tag;
    if (raw) {
      const content = html.slice(tag.end, raw.content);
      yield { kind: 'raw', name, text, attributes, content, end: html.slice(raw.content, raw.end) };
    } else yield { kind: 'tag', name, text, attributes };
    at = plain = raw ? raw.end : tag.end;
  }
  if (plain < html.length) yield { kind: 'text', text: html.slice(plain) };
}

export function attribute(attributes: readonly Attribute[], name: string): string | null {
  const found = attributes.find(one => one.name === name);
  return found ? (found.value ?? '') : null;
}

export function writeTag(name: string, attributes: readonly Attribute[]): string {
  let text = `<${name}`;
  for (const { name: key, value } of attributes)
    text += value === null ? ` ${key}` : ` ${key}="${encodeAttribute(value)}"`;
  return text + '>';
}

/** What stands in an attribute's place while the page, and not the browser, loads it. */
export const hidden = (name: string): string => `owndir-${name}`;

const loads: Readonly<Record<string, readonly string[]>> = {
  img: ['src', 'srcset'],
  source: ['src', 'srcset'],
  video: ['src', 'poster'],
  audio: ['src'],
  track: ['src'],
  input: ['src'],
  script: ['src'],
  iframe: ['src', 'srcdoc'],
  frame: ['src'],
  embed: ['src'],
  object: ['data'],
  link: ['href', 'imagesrcset'],
  image: ['href', 'xlink:href'],
  use: ['href', 'xlink:href'],
  feimage: ['href', 'xlink:href'],
  base: ['href'],
};

/** What the browser may have as it is: it asks nobody for it. */
export const isLocal = (url: string): boolean => /^\s*(?:$|#|data:|blob:|about:|javascript:)/i.test(url);

/** Names of the attributes of this element that make the browser load something. */
export function loadingAttributes(name: string): readonly string[] {
  return Object.hasOwn(loads, name) ? (loads[name] ?? []) : [];
}

export interface Rewriting {
  /** The text of an event handler attribute. */
  script(source: string): string;
}

const policyNames = /^(?:content-security-policy|content-security-policy-report-only|refresh|x-dns-prefetch-control)$/i;

/** Null when nothing has to change. */
export function rewriteAttributes(
  name: string,
  attributes: readonly Attribute[],
  { script }: Rewriting,
): Attribute[] | null {
  const names = loadingAttributes(name);
  let changed = false;
  const result = attributes.map(one => {
    const { value } = one;
    if (value === null) return one;
    let next: Attribute | null = null;
    if (names.includes(one.name) && (one.name === 'srcdoc' || name === 'base' || !isLocal(value)))
      next = { name: hidden(one.name), value };
    else if (name === 'meta' && one.name === 'http-equiv' && policyNames.test(value.trim()))
      next = { name: hidden(one.name), value };
    else if (one.name.startsWith('on')) {
      const rewritten = script(value);
      if (rewritten !== value) next = { name: one.name, value: rewritten };
    }
    if (!next) return one;
    changed = true;
    return next;
  });
  return changed ? result : null;
}

const interesting =
  /<(?:img|source|video|audio|track|input|script|i?frame|embed|object|link|image|use|feimage|base|meta)\b|\son[a-z]+\s*=/i;

/** For innerHTML and its like: no script is run, all else is loaded by the page. */
export function rewriteFragment(html: string, rewriting: Rewriting): string {
  if (!interesting.test(html)) return html;
  let text = '';
  for (const token of tokens(html)) {
    if (token.kind !== 'tag' && token.kind !== 'raw') {
      text += token.text;
      continue;
    }
    const changed = rewriteAttributes(token.name, token.attributes, rewriting);
    text += changed ? writeTag(token.name, changed) + (/\/>$/.test(token.text) ? `</${token.name}>` : '') : token.text;
    if (token.kind === 'raw') text += token.content + token.end;
  }
  return text;
}
