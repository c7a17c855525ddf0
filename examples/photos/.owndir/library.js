// Which pictures and videos there are, told by the folder itself: what the sync or the phone brings shows up by itself.

const kPictures = /\.(jpe?g|png|gif|webp|avif|bmp|svg)$/i;
const kVideos = /\.(mp4|webm|mov|m4v|ogv)$/i;
const isShown = path => !path.split('/').some(name => name.startsWith('.') || name === 'node_modules');

export const kindOf = name => (kPictures.test(name) ? 'picture' : kVideos.test(name) ? 'video' : null);

export class Library {
  #directory;
  #items = new Map();
  #listeners = new Set();
  #told = false;
  snapshot = { ready: false, error: null, items: [] };

  constructor(directory) {
    this.#directory = directory;
  }

  /** Starts to listen; returns the function that stops. */
  open() {
    const events = ['add', 'change', 'unlink', 'ready', 'error'];
    return this.#directory.sub(events, '.', (event, node, detail) => this.#hear(event, node, detail));
  }

  subscribe = listener => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  getSnapshot = () => this.snapshot;

  node(path) {
    return this.#directory.walk(path);
  }

  /** The file's own address, where a server answers for it: the browser can then stream and cache by itself. */
  url(path) {
    const { owndir } = globalThis;
    return /^https?:/.test(location.protocol) && owndir.where === 'server' ? owndir.href(this.node(path).path) : null;
  }

  #hear(event, node, detail) {
    if (event === 'ready') this.#change({ ready: true, error: null });
    else if (event === 'error') this.#change({ error: detail?.message ?? String(detail) });
    else {
      const base = this.#directory.path;
      const path = base === '' ? node.path : node.path.slice(base.length + 1);
      const kind = kindOf(path);
      if (!kind || !isShown(path)) return;
      if (event === 'unlink') this.#items.delete(path);
      else {
        const slash = path.lastIndexOf('/');
        const [album, name] = [path.slice(0, Math.max(0, slash)), path.slice(slash + 1)];
        const { mtime = 0, size = 0, mime = null } = detail ?? {};
        this.#items.set(path, { path, album, name, kind, mtime, size, mime, version: `${path} ${mtime} ${size}` });
      }
      this.#change({});
    }
  }

  /** Many events come at once: the views hear of them together. */
  #change(change) {
    this.snapshot = { ...this.snapshot, ...change };
    if (this.#told) return;
    this.#told = true;
    queueMicrotask(() => {
      this.#told = false;
      this.snapshot = { ...this.snapshot, items: [...this.#items.values()] };
      for (const listener of this.#listeners) listener();
    });
  }
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });
export const byName = (a, b) => collator.compare(a.name, b.name);
export const byDate = (a, b) => b.mtime - a.mtime || byName(a, b);

/** What an album shows: the albums in it, each with how many pictures and the newest ones, and its own pictures. */
export function albumOf(items, path, order = byDate) {
  const prefix = path === '' ? '' : `${path}/`;
  const albums = new Map();
  const own = [];
  for (const item of items) {
    if (item.album === path) own.push(item);
    else if (item.album.startsWith(prefix)) {
      const name = item.album.slice(prefix.length).split('/')[0];
      if (!albums.has(name)) albums.set(name, { path: prefix + name, name, items: [] });
      albums.get(name).items.push(item);
    }
  }
  const below = [...albums.values()].sort((a, b) => collator.compare(a.name, b.name));
  for (const album of below) album.items.sort(byDate);
  return { albums: below, items: own.sort(order) };
}

/** Runs of one month, for headings. */
export function months(items, locale) {
  const groups = [];
  for (const item of items) {
    const date = new Date(item.mtime);
    const title = item.mtime === 0 ? '' : date.toLocaleDateString(locale, { month: 'long', year: 'numeric' });
    if (groups.at(-1)?.title !== title) groups.push({ title, items: [] });
    groups.at(-1).items.push(item);
  }
  return groups;
}

/** Cameras begin counting anew: a second IMG_0001.jpg becomes IMG_0001 2.jpg. */
export function freeName(items, album, name) {
  const taken = new Set(items.filter(item => item.album === album).map(item => item.name.toLowerCase()));
  const clean = name.replace(/[/\\:*?"<>|\u0000-\u001f]/g, '-').replace(/^\.+/, '');
  const [, stem, ending] = /^(.*?)(\.\w+)$/.exec(clean) ?? ['', clean, ''];
  let free = clean;
  for (let n = 2; taken.has(free.toLowerCase()); n += 1) free = `${stem} ${n}${ending}`;
  return free;
}
