/** "/a/b" for any way to write a place below the root; ".." above the root stays at the root. */
export function treePath(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return '/' + segments.join('/');
}

/** The path one step above; the root's is the root. */
export function parentPath(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

/** True if `path` is below `ancestor` and not `ancestor` itself; both as treePath gives them. */
export function isBelow(path: string, ancestor: string): boolean {
  return path !== ancestor && path.startsWith(ancestor === '/' ? '/' : ancestor + '/');
}
