// Puts a script into an html document as it streams: before any other, at the start of the head. Works on bytes, in every encoding
// that has ASCII as it is; a document in UTF-16 is left alone.

import { sleep } from '../../base/time.ts';
import { concat, fromLatin1, utf8, type Bytes } from '../../base/bytes.ts';

/** How much is looked at before the place is taken that is known by then. */
const lookAhead = 64 * 1024;
/** As far as browsers look for the encoding (HTML, prescan a byte stream). */
const prescan = 1024;

const whitespace = /[ \t\n\f\r]/;

/**
 * Where the script goes: after the doctype, comments, `<html>` and `<head>` that begin the document. Null when more of it
 * must be seen.
 */
export function insertionPoint(start: string, whole: boolean): number | null {
  let at = start.startsWith('\u00ef\u00bb\u00bf') ? 3 : 0;
  let place = at;
  for (;;) {
    while (at < start.length && whitespace.test(start[at] ?? '')) at += 1;
    const rest = start.slice(at, at + 7).toLowerCase();
    const undecided = at + 7 > start.length && !whole;
    if (rest.startsWith('<!--')) {
      const end = start.indexOf('-->', at + 2);
      if (end < 0) return whole ? place : null;
      at = end + 3;
    } else if (rest.startsWith('<!') || rest.startsWith('<?')) {
      const end = start.indexOf('>', at);
      if (end < 0) return whole ? place : null;
      at = end + 1;
    } else if (/^<(?:html|head)[ \t\n\f\r/>]/.test(rest)) {
      const end = tagEnd(start, at);
      if (end === null) return whole ? place : null;
      at = end;
      place = at;
      if (rest.startsWith('<head')) return place;
      continue;
    } else return undecided ? null : place;
    // A comment before the doctype must not be followed by a script: that would be another mode.
    if (/^<!d/.test(rest)) place = at;
  }
}

function tagEnd(text: string, from: number): number | null {
  let quote = '';
  for (let at = from; at < text.length; at += 1) {
    const character = text[at] ?? '';
    if (quote !== '') {
      if (character === quote) quote = '';
    } else if (character === '>') return at + 1;
    else if ((character === '"' || character === "'") && /=[ \t\n\f\r]*$/.test(text.slice(from, at))) quote = character;
  }
  return null;
}

/** The encoding that a `<meta>` at the start declares, which the script would push out of sight. */
export function declaredCharset(start: string): string | null {
  const found = /<meta[^>]*?charset\s*=\s*["']?\s*([a-z0-9_:.-]+)(?=["';>/\s])/i.exec(start.slice(0, prescan));
  return found?.[1] ?? null;
}

const isUtf16 = (start: string) => start.startsWith('\u00ff\u00fe') || start.startsWith('\u00fe\u00ff');

/** The script element; its text can neither end nor hide it. `config`: what the script reads from itself. */
export function scriptElement(source: string, config: unknown, nonce: string): string {
  const safe = source
    .replaceAll('</script', '<\\/script')
    .replaceAll('<!--', '<\\!--')
    .replaceAll('<script', '\\x3cscript');
  const data = JSON.stringify(config).replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
  return `<script nonce="${nonce}" data-owndir="${data}">${safe}</script>`;
}

export interface Injected {
  readonly body: ReadableStream<Bytes>;
  readonly charset: string | null;
}

/** How long the rest of the prescan's bytes are waited for, when the place of the script is known. */
const charsetMs = 100;

/** Reads the start of the body; what comes after that flows through untouched. `wantsCharset`: no field has told it. */
export async function injected(body: ReadableStream<Bytes>, element: string, wantsCharset: boolean): Promise<Injected> {
  const reader = body.getReader();
  let head: Bytes = new Uint8Array();
  let text = '';
  let place: number | null = null;
  let pending: Promise<ReadableStreamReadResult<Bytes>> | null = null;
  let ended = false;
  for (;;) {
    place = insertionPoint(text, ended || text.length >= lookAhead);
    const enough = text.length >= prescan || !wantsCharset || declaredCharset(text) !== null;
    if (ended || (place !== null && enough)) break;
    pending ??= reader.read();
    const next = await (place === null ? pending : Promise.race([pending, sleep(charsetMs).then(() => null)]));
    if (next === null) break;
    pending = null;
    if (next.done) ended = true;
    else {
      head = concat([head, next.value]);
      text = fromLatin1(head.subarray(0, lookAhead));
    }
  }
  const pieces = isUtf16(text) ? [head] : [head.slice(0, place ?? 0), utf8(element), head.slice(place ?? 0)];
  const stream = new ReadableStream<Bytes>(
    {
      pull: async controller => {
        const piece = pieces.shift();
        if (piece) return controller.enqueue(piece);
        const next = ended ? null : await (pending ?? reader.read());
        pending = null;
        if (!next || next.done) controller.close();
        else controller.enqueue(next.value);
      },
      cancel: reason => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return { body: stream, charset: declaredCharset(text) };
}
