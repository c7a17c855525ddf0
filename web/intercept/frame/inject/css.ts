// Style sheets: finds what they refer to, in one pass over the text. Strings and comments are stepped over; an address is
// resolved against the sheet's own.

export interface ImportRule {
  readonly kind: 'import';
  readonly url: string;
  /** `layer`, `layer(x)` or "". */
  readonly layer: string;
  readonly supports: string;
  readonly media: string;
}

export type CssPart =
  { readonly kind: 'text'; readonly text: string } | { readonly kind: 'url'; readonly url: string } | ImportRule;

const token =
  /\/\*[^]*?(?:\*\/|$)|@import\s+(?:url\(\s*(?:"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|([^)"'\s]*))\s*\)|"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)')([^;{}]*)(?:;|$)|\burl\(\s*(?:"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|([^)"'\s]*))\s*\)|"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*'/gi;

const unescape = (text: string): string =>
  text.replace(/\\(?:([0-9a-fA-F]{1,6})\s?|\n|([^]))/g, (_, hex: string | undefined, character: string | undefined) =>
    hex === undefined ? (character ?? '') : String.fromCodePoint(Math.min(parseInt(hex, 16), 0x10ffff) || 0xfffd),
  );

const conditions = /^\s*(layer(?:\([^)]*\))?(?=\s|$))?\s*(?:supports\(((?:[^()]|\([^()]*\))*)\))?\s*([^]*?)\s*$/i;

export function needsRewriting(css: string): boolean {
  return /url\(|@import/i.test(css);
}

export function parseCss(css: string): CssPart[] {
  const parts: CssPart[] = [];
  let plain = 0;
  const text = (end: number) => {
    if (end > plain) parts.push({ kind: 'text', text: css.slice(plain, end) });
  };
  for (const match of css.matchAll(token)) {
    const [whole, i1, i2, i3, i4, i5, rest, u1, u2, u3] = match;
    const imported = i1 ?? i2 ?? i3 ?? i4 ?? i5;
    const used = u1 ?? u2 ?? u3;
    if (imported === undefined && used === undefined) continue;
    text(match.index);
    plain = match.index + whole.length;
    if (imported !== undefined) {
      const [, layer = '', supports = '', media = ''] = conditions.exec(rest ?? '') ?? [];
      parts.push({ kind: 'import', url: unescape(imported), layer, supports, media });
    } else parts.push({ kind: 'url', url: unescape(used ?? '') });
  }
  text(css.length);
  return parts;
}

/** An imported sheet in place of its rule. */
export function wrapImport({ layer, supports, media }: ImportRule, css: string): string {
  let text = css;
  if (media !== '') text = `@media ${media}{${text}\n}`;
  if (supports !== '') text = `@supports ${/^\s*(?:\(|not\b)/i.test(supports) ? supports : `(${supports})`}{${text}\n}`;
  if (layer !== '') text = `@layer ${/\((.*)\)/.exec(layer)?.[1] ?? ''}{${text}\n}`;
  return text;
}

/** Formats of fonts that Chromium knows, best first; of several only one is loaded. */
const fontFormats = ['woff2', 'woff', 'opentype', 'truetype', 'ttf', 'otf'];

/** Leaves of each `src` of an @font-face what would be used, so that the others are not loaded. */
export function oneFontFormat(css: string): string {
  return css.replace(/@font-face\s*\{[^}]*\}/gi, face => {
    let chosen: { source: string; rank: number } | null = null;
    for (const [, list = ''] of face.matchAll(/(?<![\w-])src\s*:\s*((?:"[^"]*"|'[^']*'|[^;}"'])*)/gi))
      for (const [source] of list.matchAll(/url\((?:[^)"']|"[^"]*"|'[^']*')*\)(?:\s*format\([^)]*\))?/gi)) {
        if (/url\(\s*["']?data:/i.test(source)) return face;
        const format =
          /format\(\s*["']?([\w-]+)/i.exec(source)?.[1] ?? /\.(\w+)(?:[?#][^)]*)?["']?\s*\)/.exec(source)?.[1];
        const at = fontFormats.indexOf(format?.toLowerCase().replace(/-variations$/, '') ?? '');
        const rank = at < 0 ? 99 : at;
        if (!chosen || rank < chosen.rank) chosen = { source, rank };
      }
    if (!chosen || /\blocal\(/i.test(face)) return face;
    const { source } = chosen;
    const without = face.replace(/(?<![\w-])src\s*:\s*(?:"[^"]*"|'[^']*'|[^;}"'])*;?/gi, '');
    return without.replace(/\}$/, `;src:${source}}`);
  });
}
