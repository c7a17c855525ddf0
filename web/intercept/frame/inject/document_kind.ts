// What becomes of the answer to a navigation: a document, a page around a picture, or a download.

import type { Field } from '../../port.ts';
import { essence, fieldOf } from './context.ts';
import { encodeAttribute } from './html.ts';

export type DocumentKind = 'html' | 'text' | 'image' | 'video' | 'audio' | 'none' | 'download';

export function documentKind(status: number, fields: readonly Field[]): DocumentKind {
  if (status === 204 || status === 205) return 'none';
  if (/^\s*attachment\b/i.test(fieldOf(fields, 'content-disposition') ?? '')) return 'download';
  const type = essence(fieldOf(fields, 'content-type'));
  if (type === 'text/html' || type === 'application/xhtml+xml') return 'html';
  if (type === '') return 'html';
  if (type.startsWith('text/') || /(?:json|javascript|xml)$/.test(type))
    return type === 'image/svg+xml' ? 'image' : 'text';
  if (/^image\/(?:avif|webp|png|jpeg|gif|bmp|x-icon|vnd\.microsoft\.icon|apng)$/.test(type)) return 'image';
  if (/^(?:video|audio)\//.test(type)) return type.startsWith('video/') ? 'video' : 'audio';
  return 'download';
}

/** RFC 6266, else the last part of the path. */
export function fileName(disposition: string | null, url: URL): string {
  const extended = /filename\*\s*=\s*utf-8'[^']*'([^;\s]+)/i.exec(disposition ?? '')?.[1];
  const plain = /filename\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^;\s]+))/i.exec(disposition ?? '');
  const named = extended === undefined ? (plain?.[1] ?? plain?.[2]) : decoded(extended);
  const last = decoded(url.pathname.split('/').at(-1) ?? '');

  return (named ?? last).replace(/[/\\\x00-\x1f]/g, '_') || 'download';
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const plain = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
const style =
  'body{margin:0;background:#0e0e0e;display:grid;place-items:center;min-height:100vh}img,video{max-width:100%;max-height:100vh}';

/** Around a file that is no document itself. */
export function pageAround(kind: 'image' | 'video' | 'audio', address: string, url: string): string {
  const source = encodeAttribute(address);
  const element =
    kind === 'image' ? `<img src="${source}" alt="">` : `<${kind} src="${source}" controls autoplay></${kind}>`;
  return `<!doctype html><title>${plain(decoded(new URL(url).pathname.split('/').at(-1) ?? ''))}</title><style>${style}</style>${element}`;
}

export function pageOfText(text: string): string {
  return `<!doctype html><title></title><style>:root{color-scheme:light dark}pre{white-space:pre-wrap;overflow-wrap:anywhere}</style><pre>${plain(text)}</pre>`;
}

const errorStyle =
  ':root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:clamp(1.6rem,12vh,7rem) auto;padding:0 1.2rem;' +
  'color:light-dark(#1d1c1a,#ecebe7);background:light-dark(#faf9f7,#161615)}h1{font-size:1.25rem;letter-spacing:-.01em}' +
  'p{overflow-wrap:anywhere}.more{color:light-dark(#5d6168,#9aa0a8);font-size:.9375rem}' +
  'code{padding:.1em .35em;border-radius:.3em;background:light-dark(#eeeeec,#25282b)}' +
  'a{display:inline-block;padding:.5rem 1.2rem;border-radius:999px;background:light-dark(#0f6b63,#6cc9bc);color:light-dark(#fff,#06211e);font-weight:600;text-decoration:none}' +
  'a:focus-visible{outline:3px solid;outline-offset:3px}';

/** What a person reads when a document could not be loaded. */
export function errorPage(url: string, message: string): string {
  return (
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Cannot be shown</title><style>${errorStyle}</style>` +
    `<h1>This page cannot be shown</h1><p>${plain(message)}</p><p><a href="${encodeAttribute(url)}">Try again</a></p>` +
    '<p class="more">If it keeps failing here: on a computer that has the folder, <code>owndir connect</code> opens the same app in any ' +
    'browser, without the limits of a page on disk.</p></html>'
  );
}
