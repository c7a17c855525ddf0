// What the browser test of HandleBacking finds in its page: the contract suite over the dropped directory.
import * as fsnode from '../index.ts';
import { contractCases, runCase, type Abilities, type Outside } from './contract.ts';

const dropped = new Promise<FileSystemDirectoryHandle>(resolve => {
  addEventListener('dragover', event => event.preventDefault());
  addEventListener('drop', event => {
    event.preventDefault();
    const [item] = event.dataTransfer?.items ?? [];
    void item?.getAsFileSystemHandle?.().then(handle => resolve(handle as FileSystemDirectoryHandle));
  });
});

/** The test's own functions, in Node. */
declare function outside(operation: keyof Outside, path: string, content?: string | null): Promise<string | null>;

const far: Outside = {
  put: async (path, content) => void (await outside('put', path, content)),
  remove: async path => void (await outside('remove', path)),
  read: path => outside('read', path),
};

const can: Abilities = { folderTimes: false, anyName: false };

/** Null, or what went wrong. */
async function run(i: number, backing: fsnode.Backing): Promise<string | null> {
  const one = contractCases[i];
  if (!one) return 'there is no such case';
  try {
    await runCase(one, { root: fsnode.createDirectory(backing), outside: far, can }, `case-${i}`);
    return null;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

export const bench = { ...fsnode, dropped, run, kept: {} as Record<string, unknown> };
export type HandleBench = typeof bench;

Object.assign(globalThis, { bench });
