// Which notes there are: told by the folder itself, so that what changes on disk, here or at home, shows at once.

const isNote = name => /\.(md|markdown|txt)$/i.test(name);
const isShown = path => !path.split('/').some(name => name.startsWith('.') || name === 'node_modules');

export class Library {
  #directory;
  #notes = new Map();
  #folders = new Set();
  #listeners = new Set();
  #fileListeners = new Set();
  #told = false;
  #off = null;
  snapshot = { ready: false, error: null, notes: [], folders: [] };

  constructor(directory) {
    this.#directory = directory;
  }

  get directory() {
    return this.#directory;
  }

  /** Starts to listen; returns the function that stops. */
  open() {
    const events = ['add', 'addDir', 'change', 'unlink', 'unlinkDir', 'ready', 'error'];
    this.#off = this.#directory.sub(events, '.', (event, node, detail) => this.#hear(event, node, detail));
    return () => {
      this.#off?.();
      this.#off = null;
    };
  }

  subscribe = listener => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** `listener(event, path)` for each file that changes or goes. */
  onFile(listener) {
    this.#fileListeners.add(listener);
    return () => this.#fileListeners.delete(listener);
  }

  getSnapshot = () => this.snapshot;

  node(path) {
    return this.#directory.walk(path);
  }

  has(path) {
    return this.#notes.has(path);
  }

  #hear(event, node, detail) {
    if (event === 'ready') this.#change({ ready: true, error: null });
    else if (event === 'error') this.#change({ error: detail?.message ?? String(detail) });
    else this.#hearPath(event, this.#relative(node.path), detail);
  }

  #relative(path) {
    const base = this.#directory.path;
    return base === '' ? path : path.slice(base.length + 1);
  }

  #hearPath(event, path, info) {
    if (path === '' || !isShown(path)) return;
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (event === 'addDir') this.#folders.add(path);
    else if (event === 'unlinkDir') this.#folders.delete(path);
    else if (!isNote(name)) return;
    else if (event === 'unlink') this.#notes.delete(path);
    else this.#notes.set(path, { path, name, mtime: info?.mtime ?? 0, size: info?.size ?? 0 });
    if (!event.endsWith('Dir')) for (const listener of this.#fileListeners) listener(event, path);
    this.#change({});
  }

  /** Many events come at once: the views hear of them together. */
  #change(change) {
    this.snapshot = { ...this.snapshot, ...change };
    if (this.#told) return;
    this.#told = true;
    queueMicrotask(() => {
      this.#told = false;
      this.snapshot = { ...this.snapshot, notes: [...this.#notes.values()], folders: [...this.#folders] };
      for (const listener of this.#listeners) listener();
    });
  }
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

/** The tree as rows: folders first, then notes, each with its depth. Folders without notes are shown too. */
export function rowsOf({ notes, folders }, { closed, filter }) {
  const wanted = filter.trim().toLowerCase();
  const shown = wanted === '' ? notes : notes.filter(({ path }) => path.toLowerCase().includes(wanted));
  const children = new Map([['', []]]);
  const folderOf = path => {
    if (children.has(path)) return children.get(path);
    children.set(path, []);
    const parent = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
    folderOf(parent).push({ kind: 'folder', path, name: path.slice(path.lastIndexOf('/') + 1) });
    return children.get(path);
  };
  if (wanted === '') folders.forEach(folderOf);
  for (const note of shown) {
    const parent = note.path.includes('/') ? note.path.slice(0, note.path.lastIndexOf('/')) : '';
    folderOf(parent).push({ kind: 'note', ...note });
  }
  const rows = [];
  const walk = (path, depth) => {
    const here = children.get(path) ?? [];
    here.sort((a, b) => (a.kind === b.kind ? collator.compare(a.name, b.name) : a.kind === 'folder' ? -1 : 1));
    for (const item of here) {
      const open = item.kind === 'folder' && (wanted !== '' || !closed.has(item.path));
      rows.push({ ...item, depth, open });
      if (open) walk(item.path, depth + 1);
    }
  };
  walk('', 0);
  return rows;
}

/** A file name for a title that a person typed; folders are separated by "/". */
export function fileNameOf(title) {
  const path = title
    .split('/')
    .map(part => part.replace(/[<>:"\\|?*\u0000-\u001f]/g, ' ').replace(/\s+/g, ' ').trim().replace(/^\.+|\.+$/g, ''))
    .filter(part => part !== '')
    .join('/');
  if (path === '') return '';
  return isNote(path) ? path : `${path}.md`;
}

export const titleOf = path => path.slice(path.lastIndexOf('/') + 1).replace(/\.(md|markdown|txt)$/i, '');
