// Css of a module applies to its part of the tree: the build gives its selectors a class that <html> has below it.

interface SiteClasses {
  classes?: Record<string, string>;
}

/** The classes of <html> at a place in the folder ("/a/b"): one for each module on the way that has one. */
export function pathToModuleClasses(path: string): string[] {
  const { classes = {} } = (globalThis as { OWNDIR_SITE?: SiteClasses }).OWNDIR_SITE ?? {};
  const steps = path.split('/').filter(step => step !== '');
  return steps.flatMap((_, index) => classes[steps.slice(0, index + 1).join('/')] ?? []);
}

let shown: string[] = [];

/** Leaves the classes that others have put on <html>. */
export function showClasses(path: string): void {
  const { classList } = document.documentElement;
  classList.remove(...shown);
  shown = pathToModuleClasses(path);
  classList.add(...shown);
}
