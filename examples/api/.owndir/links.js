// A link is one small text file in `links/`: its address, its title, and below whatever one wants to note about it.
// The file's name is the link's short name. All of this runs in the page and on the server alike.

/** Null for what is no link. */
export function parse(name, text) {
  const [address = '', title = '', ...note] = text.split('\n');
  const url = webAddress(address);
  return url && { name, url, title: title.trim() || url, note: note.join('\n').trim() };
}

export function format({ url, title, note = '' }) {
  return [url, title.replace(/\s+/g, ' ').trim(), note.trim()].join('\n').trim() + '\n';
}

/** The address as text; null unless it is one that a browser opens by http(s). */
export function webAddress(text) {
  try {
    const url = new URL(String(text).trim());
    return ['http:', 'https:'].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** Of a title or an address: "what-it-says". */
export function shortName(text) {
  const words =
    text
      .toLowerCase()
      .normalize('NFKD')
      .replace(/^https?:\/\/(www\.)?/, '')
      .match(/[a-z0-9]+/g) ?? [];
  return words.join('-').slice(0, 40).replace(/-$/, '') || 'link';
}

/** Newest first. What is no link is passed over. */
export async function list(folder) {
  const info = await folder.info();
  if (!info?.isDirectory) return [];
  const files = (await folder.children()).filter(node => node.name.endsWith('.txt'));
  const found = await Promise.all(
    files.map(async node => {
      const [text, about] = await Promise.all([node.text(), node.info()]).catch(() => ['', null]);
      const link = parse(node.name.slice(0, -4), text);
      return link && { ...link, saved: about?.mtime ?? 0 };
    }),
  );
  return found.filter(Boolean).sort((a, b) => b.saved - a.saved || (a.name < b.name ? -1 : 1));
}

export async function find(folder, name) {
  const node = fileOf(folder, name);
  if (!node || !(await node.info())?.isFile) return null;
  return parse(name, await node.text());
}

/** Never overwrites: a name that is taken gets a number. */
export async function add(folder, { url, title, note }) {
  const base = shortName(title || url);
  for (let n = 1; n < 1000; n++) {
    const name = n === 1 ? base : `${base}-${n}`;
    try {
      await folder.makeDir();
      await folder.walk(`${name}.txt`).write(format({ url, title, note }), { flags: 'wx' });
      return { name, url, title: title || url };
    } catch (error) {
      if (error.status !== 409) throw error;
    }
  }
  throw new Error('There are a thousand links of that name.');
}

export async function remove(folder, name) {
  await fileOf(folder, name)?.delete();
}

/** Null for a name that would lead elsewhere. */
function fileOf(folder, name) {
  return /^[^/\\]+$/.test(name) && !name.startsWith('.') ? folder.walk(`${name}.txt`) : null;
}
