// What is put into a ready html page: at its slots (<!--owndir:head-->, body, css, icon, client), else at the usual place.
import { clientTags, iconLink, styleLinks, type ClientAssets } from './page.ts';

export interface Inject {
  head?: string;
  body?: string;
  /** True: the style sheets of the site. A text: a style of its own. */
  css?: boolean | string;
  /** An emoji, or the URL of an icon. */
  icon?: string;
  /** True: the scripts of the site. */
  client?: boolean;
}

function place(html: string, slot: string, text: string, fallback: (html: string) => string): string {
  const mark = new RegExp(`<!--\\s*owndir:${slot}\\s*-->`, 'i');
  return mark.test(html) ? html.replace(mark, () => text) : fallback(html);
}

const before =
  (tag: RegExp, text: string, otherwise: (html: string) => string) =>
  (html: string): string =>
    tag.test(html) ? html.replace(tag, end => `${text}\n${end}`) : otherwise(html);

function intoHead(text: string): (html: string) => string {
  const start = (html: string) =>
    /<html[^>]*>/i.test(html)
      ? html.replace(/<html[^>]*>/i, tag => `${tag}\n${text}`)
      : html.replace(/^(\s*<!doctype[^>]*>)?/i, doctype => `${doctype}${doctype ? '\n' : ''}${text}\n`);
  return before(/<\/head>/i, text, before(/<body[^>]*>/i, text, start));
}

function intoBody(text: string): (html: string) => string {
  return before(/<\/body>/i, text, html => `${html}\n${text}\n`);
}

export function injectInto(html: string, page: string, inject: Inject, assets: ClientAssets): string {
  let result = html;
  const { head, body, css, icon, client } = inject;
  if (icon !== undefined) result = place(result, 'icon', iconLink(icon), intoHead(iconLink(icon)));
  if (css !== undefined && css !== false) {
    const text = css === true ? styleLinks(page, assets) : `<style>\n${css.replace(/<\/style/gi, '<\\/style')}\n</style>`;
    if (text !== '') result = place(result, 'css', text, intoHead(text));
  }
  if (head !== undefined) result = place(result, 'head', head, intoHead(head));
  if (body !== undefined) result = place(result, 'body', body, intoBody(body));
  if (client === true) {
    const tags = clientTags(page, assets);
    result = place(result, 'client', tags, intoHead(tags));
  }
  return result;
}
