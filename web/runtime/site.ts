// What the build has written into the page: OWNDIR_SITE. Parsed, because a hand-written page may leave it out. Pure.

export interface Site {
  /** Of the whole built site; '' when not known. */
  readonly digest: string;
  readonly title: string;
  /** The site's root, ending in '/'. */
  readonly root: string;
  /** Paths of the site's pages, relative to its root. */
  readonly pages: readonly string[];
}

const kMaxPages = 10_000;

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** `baseURI` is the document's: the page may have been answered at a deeper address, with a base element. */
export function parseSite(value: unknown, baseURI: string): Site {
  const site: Record<string, unknown> = typeof value === 'object' && value !== null ? { ...value } : {};
  const pages = Array.isArray(site.pages) ? site.pages.filter((page): page is string => typeof page === 'string') : [];
  const root = new URL(text(site.base) || './', baseURI);
  root.search = '';
  root.hash = '';
  return {
    digest: text(site.digest),
    title: text(site.title),
    root: root.href.replace(/[^/]*$/, ''),
    pages: pages.slice(0, kMaxPages),
  };
}

/** The page that answers a folder path: the exact one, or the nearest index.html above; null when there is none. */
export function pageOf(site: Site, path: string): string | null {
  const bare = path.replace(/^\/+/, '');
  if (site.pages.includes(bare)) return bare;
  for (let at = bare; ; at = at.slice(0, at.lastIndexOf('/', at.length - 2) + 1)) {
    const directory = at === '' || at.endsWith('/') ? at : `${at}/`;
    if (site.pages.includes(`${directory}index.html`)) return `${directory}index.html`;
    if (at === '') return null;
  }
}
