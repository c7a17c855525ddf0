// Getting hold of the folder: the picker, a drop, and the permission.

import type { Problem } from './flow_types.ts';
import { locate } from '../rendezvous/index.ts';

export type Chosen =
  | { readonly ok: true; readonly handle: FileSystemDirectoryHandle; readonly name: string }
  | { readonly ok: false; readonly cancelled: boolean; readonly problem: Problem | null };

export async function pickFolder(startIn: FileSystemDirectoryHandle | null): Promise<Chosen> {
  if (!window.showDirectoryPicker) return { ok: false, cancelled: false, problem: null };
  try {
    const options: DirectoryPickerOptions = startIn
      ? { mode: 'readwrite', startIn }
      : { mode: 'readwrite', id: 'owndir' };
    return await checkFolder(await window.showDirectoryPicker(options));
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError')
      return { ok: false, cancelled: true, problem: null };
    return {
      ok: false,
      cancelled: false,
      problem: { kind: 'internal', message: `The browser did not open its dialog: ${String(error)}` },
    };
  }
}

/** Call at once in the drop's own event: the items are gone afterwards. */
export function droppedHandle(event: DragEvent): Promise<FileSystemHandle | null> | null {
  const item = [...(event.dataTransfer?.items ?? [])].find(candidate => candidate.kind === 'file');
  return item?.getAsFileSystemHandle?.() ?? null;
}

/** Asks for the permission where the browser wants it, and says what is wrong with the choice. */
export async function checkFolder(handle: FileSystemHandle): Promise<Chosen> {
  if (!(handle instanceof FileSystemDirectoryHandle))
    return { ok: false, cancelled: false, problem: { kind: 'wrong-folder', name: handle.name } };
  if (!(await allowed(handle)))
    return { ok: false, cancelled: false, problem: { kind: 'permission-refused', name: handle.name } };
  const found = await locate(handle);
  if (found.ok || found.reason === 'no_handshake_directory') return { ok: true, handle, name: handle.name };
  const kind = found.reason === 'denied' ? 'permission-refused' : 'wrong-folder';
  return { ok: false, cancelled: false, problem: { kind, name: handle.name } };
}

/** Needs a click where the permission is not there yet. */
export async function allowed(handle: FileSystemDirectoryHandle): Promise<boolean> {
  if (!handle.requestPermission) return true;
  try {
    return (await handle.requestPermission({ mode: 'readwrite' })) === 'granted';
  } catch {
    return false;
  }
}

export async function isGranted(handle: FileSystemDirectoryHandle): Promise<boolean> {
  try {
    return ((await handle.queryPermission?.({ mode: 'readwrite' })) ?? 'granted') === 'granted';
  } catch {
    return false;
  }
}
