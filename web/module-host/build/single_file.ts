// --single-file: the root's page with everything it loads inside of it.
import type { Problem } from './report.ts';
import type { FinishedSite, SiteFile } from './site.ts';

const mimeTypes: Record<string, string> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  avif: 'image/avif',
  svg: 'image/svg+xml',
  ico: 'image/x-icon',
};

const textOf = (file: SiteFile) => Buffer.from(file.bytes).toString('utf8');
const withoutMap = (text: string) => text.replace(/\n?(?:\/\/|\/\*)# sourceMappingURL=[^\n]*\n?$/, '\n');

function attribute(tag: string, name: string): string | null {
  const match = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i').exec(tag);
  return match ? (match[1] ?? match[2] ?? match[3] ?? '') : null;
}

/** Scripts run at the end of the body, in their order, as `defer` had it. */
export function toSingleFile(site: FinishedSite, warn: (problem: Problem) => void): FinishedSite {
  const page = site.files.find(file => file.path === 'index.html');
  if (!page) return site;
  const used = new Set(['index.html', 'dist.js']);
  const local = (url: string | null): SiteFile | undefined => {
    if (url === null || /^[a-z][\w+.-]*:|^\/\//i.test(url)) return undefined;
    const path = decodeURIComponent(url.replace(/[?#].*$/, '').replace(/^\.?\//, ''));
    const file = site.files.find(each => each.path === path);
    if (file) used.add(path);
    return file;
  };
  const scripts: string[] = [];
  let html = textOf(page).replace(/<script\b[^>]*\ssrc=[^>]*><\/script>/gi, tag => {
    const file = local(attribute(tag, 'src'));
    if (!file) return tag;
    scripts.push(`<script>${withoutMap(textOf(file)).replace(/<\/script/gi, '<\\/script').replace(/<!--/g, '<\\!--')}</script>`);
    return '';
  });
  html = html.replace(/<link\b[^>]*>/gi, tag => {
    const file = local(attribute(tag, 'href'));
    if (!file) return tag;
    if (!/stylesheet/i.test(attribute(tag, 'rel') ?? '')) return tag.replace(/href\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)/i, `href="${dataUrl(file)}"`);
    return `<style>\n${withoutMap(textOf(file)).replace(/<\/style/gi, '<\\/style')}</style>`;
  });
  html = html.replace(/<img\b[^>]*>/gi, tag => {
    const file = local(attribute(tag, 'src'));
    return file ? tag.replace(/src\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)/i, `src="${dataUrl(file)}"`) : tag;
  });
  const all = scripts.join('\n');
  html = /<\/body>/i.test(html) ? html.replace(/<\/body>/i, end => `${all}\n${end}`) : `${html}\n${all}`;
  const left = site.files.map(file => file.path).filter(path => !used.has(path) && !path.endsWith('.map'));
  if (left.length > 0) warn({ text: `not part of the single file: ${left.slice(0, 10).join(', ')}${left.length > 10 ? ' …' : ''}` });
  const bytes = Buffer.from(html);
  return { ...site, files: [{ path: 'index.html', bytes, digest: '' }] };
}

function dataUrl(file: SiteFile): string {
  const type = mimeTypes[/\.(\w+)$/.exec(file.path)?.[1]?.toLowerCase() ?? ''] ?? 'application/octet-stream';
  return `data:${type};base64,${Buffer.from(file.bytes).toString('base64')}`;
}
