// The pages of the site: what loads the runtime and the client. Pages carry a mark where OWNDIR_SITE goes, because what it
// says (the digest and the list of pages) is only known when all of them are there.

export interface SiteAsset {
  /** From the site's root. */
  path: string;
  /** "sha256-…", as in an integrity attribute. */
  digest: string;
}

/** What a page of this site loads, in this order. */
export interface ClientAssets {
  scripts: SiteAsset[];
  styles: SiteAsset[];
}

export interface PageOptions {
  title?: string;
  /** Html. */
  body?: string;
  head?: string;
  lang?: string;
  /** An emoji, or the URL of an icon. */
  icon?: string;
  /** False: the page has no script of the site. */
  client?: boolean;
  /** False: the page has no style sheet of the site. */
  css?: boolean;
  /** The client takes over the body's html instead of replacing it. */
  hydrate?: boolean;
}

export const siteMark = '"@@OWNDIR_SITE@@"';

const missing =
  'function owndirMissing(){var d=document,m=function(){var e=d.getElementById("owndir")||d.body;' +
  'if(e.querySelector("[data-owndir-syncing]"))return;var p=d.createElement("p");p.setAttribute("role","status");' +
  'p.setAttribute("data-owndir-syncing","");p.textContent="This app is still syncing: a part of it has not arrived yet. ' +
  'The page tries again by itself.";e.prepend(p);setTimeout(function(){location.reload()},5000)};' +
  'd.readyState==="loading"?d.addEventListener("DOMContentLoaded",m):m()}';

export function escapeText(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}

/** "../" for each directory that the page lies in. */
export function upFrom(page: string): string {
  return '../'.repeat(page.split('/').length - 1) || './';
}

function urlOf(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

/** A picture of one character, as browsers show it in a tab. */
export function iconSvg(emoji: string): string {
  return (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">' +
    `<text y=".9em" font-size="90">${escapeText([...emoji].slice(0, 16).join(''))}</text></svg>`
  );
}

export function iconLink(icon: string): string {
  const isUrl = /[/.:]/.test(icon);
  const href = isUrl ? icon : `data:image/svg+xml,${encodeURIComponent(iconSvg(icon))}`;
  return `<link rel="icon" href="${escapeText(href)}">`;
}

export function styleLinks(page: string, assets: ClientAssets): string {
  return assets.styles
    .map(({ path }) => `<link rel="stylesheet" href="${escapeText(upFrom(page) + urlOf(path))}">`)
    .join('\n');
}

/** The mark for OWNDIR_SITE and the scripts; those run when the page is there, in this order. */
export function clientTags(page: string, assets: ClientAssets): string {
  const inline =
    `globalThis.OWNDIR_SITE=${siteMark};` +
    'OWNDIR_SITE.root=new URL(OWNDIR_SITE.base,document.baseURI).href.replace(/[^/]*$/,"");' +
    missing;
  return [
    `<script>${inline}</script>`,
    ...assets.scripts.map(
      ({ path }) => `<script defer src="${escapeText(upFrom(page) + urlOf(path))}" onerror="owndirMissing()"></script>`,
    ),
  ].join('\n');
}

export function pageHtml(page: string, options: PageOptions, title: string, assets: ClientAssets): string {
  const { body = '', head = '', lang = 'en', icon, client = true, css = true, hydrate = false } = options;
  const lines = [
    '<!doctype html>',
    `<html lang="${escapeText(lang)}">`,
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escapeText(options.title ?? title)}</title>`,
    icon === undefined ? '' : iconLink(icon),
    css ? styleLinks(page, assets) : '',
    head,
    client ? clientTags(page, assets) : '',
    '</head>',
    '<body>',
    client ? `<div id="owndir"${hydrate ? ' data-owndir-hydrate' : ''}>${body}</div>` : body,
    '</body>',
    '</html>',
    '',
  ];
  return lines.filter((line, index) => line !== '' || index === lines.length - 1).join('\n');
}

/** `dist.js`: for pages that were written by hand; loads what o.page() would. */
export function loaderScript(assets: ClientAssets): string {
  const list = (each: SiteAsset[]) => JSON.stringify(each.map(({ path }) => urlOf(path)));
  return (
    '(function(){var d=document,c=d.currentScript,r=new URL(".",c?c.src:d.baseURI).href,' +
    `s=globalThis.OWNDIR_SITE=globalThis.OWNDIR_SITE||${siteMark};` +
    'if(!s.root){s.root=r;s.base=r}' +
    `${list(assets.styles)}.forEach(function(h){var e=d.createElement("link");e.rel="stylesheet";e.href=r+h;d.head.append(e)});` +
    `${list(assets.scripts)}.forEach(function(h){var e=d.createElement("script");e.async=false;e.src=r+h;d.head.append(e)})})();\n`
  );
}

export interface SiteInfo {
  digest: string;
  title: string;
  name: string;
  modules: string[];
  pages: string[];
  /** Class on <html> for the part of the tree below a module: { "a/b": "o1234567" }. */
  classes: Record<string, string>;
}

/** JSON that may stand inside of a script element. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value)
    .replace(/</g, '\\u003c')
    .replace(/\u2028/g, '\\u2028')
    .replace(/\u2029/g, '\\u2029');
}

export function fillMark(text: string, page: string, info: SiteInfo): string {
  if (!text.includes(siteMark)) return text;
  const { digest, title, name, modules, pages, classes } = info;
  const site = scriptJson({ digest, base: upFrom(page), title, name, modules, pages, classes });
  return text.replaceAll(siteMark, () => site);
}
