// Finding, looking at and writing what lies below a directory handle, with the traps of the browser's file access.
import { randomId } from '../base/ids.ts';
import type { Bytes } from '../base/bytes.ts';
import { FsError, throwIfAborted } from './error.ts';
import { hasName } from './handle_error.ts';
import { fsnodeLimits } from './limits.ts';
import { baseName, compareNames, isHiddenName, isProtectedName, parentPath } from './path.ts';
import type { Info } from './types.ts';

export type Folder = FileSystemDirectoryHandle;
export type Found = FileSystemFileHandle | FileSystemDirectoryHandle;

/** Chromium writes into NAME.crswap and renames it. */
export function isPassing(name: string): boolean {
  return isHiddenName(name) || name.endsWith('.crswap');
}

const temporaryPrefix = '.owndir-upload-';

/** A new file that is being written, and what Chromium writes of it. */
function isOwnTemporary(name: string): boolean {
  return name.startsWith(temporaryPrefix) && /\.txt(\.crswap)?$/.test(name);
}

export function isFolder(handle: FileSystemHandle): handle is Folder {
  return handle.kind === 'directory';
}

/** Null when there is none, or a file is in its place. */
export async function folderAt(root: Folder, path: string): Promise<Folder | null> {
  let folder = root;
  for (const name of path === '' ? [] : path.split('/')) {
    if (isHiddenName(name)) return null;
    try {
      folder = await folder.getDirectoryHandle(name);
    } catch (error) {
      // TypeError: a name that the browser never accepts.
      if (hasName(error, 'NotFoundError', 'TypeMismatchError', 'TypeError')) return null;
      throw error;
    }
  }
  return folder;
}

/** Null when there is nothing. */
export async function lookUp(root: Folder, path: string): Promise<Found | null> {
  if (path === '') return root;
  const [folder, name] = [await folderAt(root, parentPath(path)), baseName(path)];
  return folder && !isPassing(name) ? childOf(folder, name) : null;
}

export async function childOf(folder: Folder, name: string): Promise<Found | null> {
  try {
    return await folder.getFileHandle(name);
  } catch (error) {
    if (hasName(error, 'NotFoundError', 'TypeError')) return null;
    if (!hasName(error, 'TypeMismatchError')) throw error;
  }
  try {
    return await folder.getDirectoryHandle(name);
  } catch (error) {
    if (hasName(error, 'NotFoundError', 'TypeMismatchError')) return null;
    throw error;
  }
}

/** With the folders above it; a file in the way is a TypeMismatchError. */
export async function makeFolders(root: Folder, path: string): Promise<Folder> {
  let folder = root;
  for (const name of path === '' ? [] : path.split('/'))
    folder = await folder.getDirectoryHandle(name, { create: true });
  return folder;
}

const [fileMode, folderMode] = [0o100644, 0o040755];

/** Null when it went away meanwhile. A handle knows less than a file system: no times of folders, no modes. */
export async function infoOf(handle: Found): Promise<Info | null> {
  if (isFolder(handle))
    return {
      isFile: false,
      isDirectory: true,
      isSymLink: false,
      size: 0,
      mtime: 0,
      ctime: 0,
      mode: folderMode,
      mime: null,
    };
  try {
    const file = await handle.getFile();
    const mime = file.type.split(';')[0]?.trim() ?? '';
    return {
      ...{ isFile: true, isDirectory: false, isSymLink: false, size: file.size },
      ...{ mtime: file.lastModified, ctime: file.lastModified, mode: fileMode, mime: mime === '' ? null : mime },
    };
  } catch (error) {
    if (hasName(error, 'NotFoundError')) return null;
    throw error;
  }
}

/** What is in a folder and may be seen, in the order of the names. `removeOld` also removes what removeLeftovers does. */
export async function entriesOf(folder: Folder, removeOld = false): Promise<Found[]> {
  const all: Found[] = [];
  const leftovers: FileSystemFileHandle[] = [];
  for await (const handle of folder.values()) {
    if (!isPassing(handle.name)) all.push(handle as Found);
    else if (isOwnTemporary(handle.name) && !isFolder(handle)) leftovers.push(handle as FileSystemFileHandle);
  }
  if (removeOld) await removeLeftovers(folder, leftovers);
  return all.sort((a, b) => compareNames(a.name, b.name));
}

/** What a page that was closed in the middle of a write left behind: not written for as long as uploads are kept. */
async function removeLeftovers(folder: Folder, leftovers: readonly FileSystemFileHandle[]): Promise<void> {
  for (const handle of leftovers) {
    try {
      const { lastModified } = await handle.getFile();
      if (lastModified < Date.now() - fsnodeLimits.uploadKeptS * 1000) await folder.removeEntry(handle.name);
    } catch {
      // Gone already, or not ours to remove: it is hidden anyway.
    }
  }
}

/** Some at once: each is a question to another process. */
export async function infosOf(handles: readonly Found[]): Promise<(Info | null)[]> {
  const infos: (Info | null)[] = [];
  for (let at = 0; at < handles.length; at += 64)
    infos.push(...(await Promise.all(handles.slice(at, at + 64).map(infoOf))));
  return infos;
}

/** True when code, or what a sync tool needs, is anywhere below. */
export async function holdsGuarded(folder: Folder): Promise<boolean> {
  for await (const handle of folder.values()) {
    if (isProtectedName(handle.name)) return true;
    if (isFolder(handle) && (await holdsGuarded(handle))) return true;
  }
  return false;
}

async function fill(
  file: FileSystemFileHandle,
  data: AsyncIterable<Bytes>,
  start: number,
  keep: boolean,
  signal?: AbortSignal,
) {
  const out = await file.createWritable({ keepExistingData: keep });
  try {
    let position = start;
    for await (const piece of data) {
      throwIfAborted(signal);
      await out.write({ type: 'write', position, data: piece });
      position += piece.length;
    }
    // An offset beyond the end counts although nothing was written there.
    if (!keep && position === start && start > 0) await out.truncate(start);
    throwIfAborted(signal);
    await out.close();
  } catch (error) {
    await out.abort().catch(() => undefined);
    throw error;
  }
}

/** Edits a copy, which the browser then puts into the file's place. */
export async function edit(
  file: FileSystemFileHandle,
  data: AsyncIterable<Bytes>,
  start: number,
  signal?: AbortSignal,
) {
  await fill(file, data, start, true, signal);
}

/** Gives a file a new time of change: an untouched copy would keep the old one. */
export async function renew(file: FileSystemFileHandle): Promise<void> {
  const content = await file.getFile();
  const first = new Uint8Array(await content.slice(0, 1).arrayBuffer());
  const out = await file.createWritable({ keepExistingData: true });
  try {
    await out.write({ type: 'write', position: 0, data: first.length > 0 ? first : new Uint8Array(1) });
    await out.truncate(content.size);
    await out.close();
  } catch (error) {
    await out.abort().catch(() => undefined);
    throw error;
  }
}

/** Whether the browser lets us rename in a folder; one that refused once is not asked again. */
export interface Renames {
  refused: boolean;
}

interface ReplaceOptions {
  start?: number;
  signal?: AbortSignal | undefined;
  /** Asked again before the file appears. */
  check?: () => Promise<unknown>;
  renames: Renames;
}

/**
 * Writes a file whole, so that others see the old content or the new. One that is there is exchanged by the browser itself;
 * a new one is written under a hidden name and renamed, because it would be there, empty, from the beginning. Where the
 * browser refuses the rename, it is.
 */
export async function replace(folder: Folder, name: string, data: AsyncIterable<Bytes>, options: ReplaceOptions) {
  const { start = 0, signal, check, renames } = options;
  if (renames.refused || (await childOf(folder, name))) return writeInPlace(folder, name, data, start, signal);
  // Not .tmp: Chromium asks a distant server about files of unknown types, and offline waits for it 5 s.
  const temporary = `${temporaryPrefix}${randomId()}.txt`;
  const file = await folder.getFileHandle(temporary, { create: true });
  let renamed = false;
  try {
    await fill(file, data, start, false, signal);
    await check?.();
    renamed = await rename(file, folder, name);
    if (renamed) return await folder.getFileHandle(name);
    renames.refused = true;
    return await writeInPlace(folder, name, oneBlob(await file.getFile()), 0, signal);
  } finally {
    if (!renamed) await folder.removeEntry(temporary).catch(() => undefined);
  }
}

async function writeInPlace(
  folder: Folder,
  name: string,
  data: AsyncIterable<Bytes>,
  start: number,
  signal?: AbortSignal,
) {
  const isNew = (await childOf(folder, name)) === null;
  const file = await folder.getFileHandle(name, { create: true });
  try {
    await fill(file, data, start, false, signal);
  } catch (error) {
    if (isNew) await folder.removeEntry(name).catch(() => undefined);
    throw error;
  }
  return file;
}

async function* oneBlob(blob: Blob): AsyncGenerator<Bytes, void, undefined> {
  for (let at = 0; at < blob.size; at += 1024 * 1024)
    yield new Uint8Array(await blob.slice(at, at + 1024 * 1024).arrayBuffer());
}

/** False where the browser refuses: then nothing has happened. */
export async function rename(
  file: FileSystemFileHandle,
  folder: Folder,
  name: string,
  fromElsewhere = false,
): Promise<boolean> {
  if (typeof file.move !== 'function') return false;
  try {
    await (fromElsewhere ? file.move(folder, name) : file.move(name));
    return true;
  } catch (error) {
    // Chromium refuses a rename below the folder, though not the writing, where the permission is the lasting one.
    if (hasName(error, 'NotSupportedError', 'TypeError', 'NotAllowedError', 'InvalidModificationError')) return false;
    throw error;
  }
}

/** Copies a file or a folder with all in it. */
export async function copy(from: Found, folder: Folder, name: string, options: ReplaceOptions): Promise<void> {
  const { signal } = options;
  throwIfAborted(signal);
  if (!isFolder(from)) {
    await replace(folder, name, oneBlob(await from.getFile()), options);
    return;
  }
  const target = await folder.getDirectoryHandle(name, { create: true });
  for await (const handle of from.values())
    if (!isPassing(handle.name)) await copy(handle as Found, target, handle.name, options);
}

export function notThere(path: string): FsError {
  return new FsError(404, `There is nothing at ${path}.`);
}
