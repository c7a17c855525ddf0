// What a watcher knows of a tree, and how it tells that another look found it different.
import type { Change, Info } from './types.ts';

/** Paths from the root with what is known of them; null: it exists. */
export type Known = Map<string, Info | null>;

export interface Difference {
  event: Change;
  path: string;
  info: Info | null;
}

function isFolder(info: Info | null | undefined): boolean {
  return info?.isDirectory === true;
}

/** Fractions of a millisecond are not known everywhere. */
function changed(before: Info | null, now: Info | null): boolean {
  if (!before || !now) return before !== now;
  return before.size !== now.size || Math.floor(before.mtime) !== Math.floor(now.mtime);
}

/** What came, parents first. */
export function appearance(path: string, info: Info | null): Difference {
  return { event: isFolder(info) ? 'addDir' : 'add', path, info };
}

/** What went, contents first; then what came, parents first; then what changed. */
export function differences(before: Known, now: Known): Difference[] {
  const gone: Difference[] = [];
  const come: Difference[] = [];
  const edited: Difference[] = [];
  for (const [path, info] of before) {
    const other = now.get(path);
    if (other === undefined || isFolder(other) !== isFolder(info))
      gone.push({ event: isFolder(info) ? 'unlinkDir' : 'unlink', path, info: null });
  }
  for (const [path, info] of now) {
    const other = before.get(path);
    if (other === undefined || isFolder(other) !== isFolder(info)) come.push(appearance(path, info));
    else if (!isFolder(info) && changed(other, info)) edited.push({ event: 'change', path, info });
  }
  // A folder's path begins those of its contents, and so sorts before them.
  gone.sort((a, b) => (a.path < b.path ? 1 : -1));
  come.sort((a, b) => (a.path < b.path ? -1 : 1));
  return [...gone, ...come, ...edited];
}

/** Takes a change into what is known. */
export function learn(known: Known, { event, path, info }: Difference): void {
  if (event === 'unlink' || event === 'unlinkDir') known.delete(path);
  else known.set(path, info);
}
