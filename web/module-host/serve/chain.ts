// Which modules a request passes: those of the directories on its path.
import type { DirectoryNode, OwnDir, OwnDirModule } from '../../module-tree/index.ts';
import type { Step } from './target.ts';

export interface Stop {
  module: OwnDirModule;
  /** Length of the module's directory in the URL. */
  prefix: number;
}

interface Folder extends DirectoryNode {
  info?(path: string): Promise<{ isDirectory: boolean } | null>;
}

function propagates(module: OwnDirModule): boolean {
  return module.O.plugins.some(plugin => plugin.propagate);
}

async function isDirectory(root: Folder, path: string): Promise<boolean> {
  try {
    return (await root.info?.(path))?.isDirectory === true;
  } catch (error) {
    const status = (error as { status?: unknown } | null)?.status;
    // What cannot be in the folder has no module; everything else must not let a request pass by a module's middleware.
    if (status === 400 || status === 403 || status === 404) return false;
    throw error;
  }
}

/** From the root down. A directory without a module counts where a plugin from above gave it one. */
export async function modulesOn(OwnDir: OwnDir, root: Folder, steps: readonly Step[]): Promise<Stop[]> {
  const stops: Stop[] = [{ module: OwnDir('/'), prefix: 0 }];
  let path = '';
  let exists = true;
  for (const { name, end } of steps) {
    if (name === null) break;
    path = path === '' ? name : `${path}/${name}`;
    if (OwnDir.has(path)) stops.push({ module: OwnDir(path), prefix: end });
    else if (exists && propagates(OwnDir.nearest(path))) {
      exists = await isDirectory(root, path);
      if (exists) stops.push({ module: OwnDir(path), prefix: end });
    }
  }
  return stops;
}
