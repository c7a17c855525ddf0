// The handshake directory as a page sees it through a directory handle: finding it, watching it, and reading and writing
// its small files with the traps of the browser's file access (docs/protocol.md, section 1).
import { rendezvousDirectory, rendezvousLimits } from '../generated/protocol.ts';
import { sleep } from '../base/time.ts';
import type { Bytes } from '../base/bytes.ts';
import { RendezvousError, type RendezvousErrorCode } from './error.ts';
import { startTicker, type Ticker } from './patience.ts';

export type LocateResult =
  | { ok: true; handshake: FileSystemDirectoryHandle; kind: 'folder' | 'owndir' | 'handshake' }
  | { ok: false; reason: 'not_owndir' | 'no_handshake_directory' | 'file' | 'denied' };

const [owndirName = '', handshakeName = ''] = rendezvousDirectory.split('/');

function hasName(error: unknown, ...names: string[]): boolean {
  return error instanceof Error && names.includes(error.name);
}

async function subdirectory(
  parent: FileSystemDirectoryHandle,
  name: string,
): Promise<FileSystemDirectoryHandle | null> {
  try {
    return await parent.getDirectoryHandle(name);
  } catch (error) {
    if (hasName(error, 'NotFoundError', 'TypeMismatchError')) return null;
    throw error;
  }
}

/**
 * Finds the handshake directory in what a person picked or dropped: the folder itself, its `.owndir`, or `.wrtc-proxy`
 * (recognised by name). `not_owndir`: no `.owndir` in it; `no_handshake_directory`: `.owndir` is there, `.wrtc-proxy` is not.
 */
export async function locate(handle: FileSystemHandle): Promise<LocateResult> {
  if (handle.kind === 'file') return { ok: false, reason: 'file' };
  const directory = handle as FileSystemDirectoryHandle;
  if (directory.name === handshakeName) return { ok: true, handshake: directory, kind: 'handshake' };
  const picked = directory.name === owndirName;
  try {
    const owndir = picked ? directory : await subdirectory(directory, owndirName);
    if (!owndir) return { ok: false, reason: 'not_owndir' };
    const handshake = await subdirectory(owndir, handshakeName);
    if (!handshake) return { ok: false, reason: 'no_handshake_directory' };
    return { ok: true, handshake, kind: picked ? 'owndir' : 'folder' };
  } catch (error) {
    if (hasName(error, 'NotAllowedError', 'SecurityError')) return { ok: false, reason: 'denied' };
    throw error;
  }
}

export interface DirectoryWatch {
  close(): void;
}

export interface WatchOptions {
  /** Milliseconds between looks where there is no FileSystemObserver; 1000 by default. */
  pollMs?: number;
  /** Milliseconds between looks beside a FileSystemObserver, which can miss a change; 5000 by default. */
  rescanMs?: number;
}

/**
 * Calls `onChange` after each possible change, and at the slow rescan in any case; never before it returns. `names` are
 * those that the browser told of, often none: a full directory takes seconds to list, one name is looked at in no time.
 */
export function watch(
  handle: FileSystemDirectoryHandle,
  onChange: (names: string[]) => void,
  options: WatchOptions = {},
): DirectoryWatch {
  const { pollMs = 1000, rescanMs = 5000 } = options;
  const rescan = () => onChange([]);
  let ticker: Ticker = startTicker(pollMs, rescan);
  let closed = false;
  const pace = (ms: number) => {
    ticker.close();
    if (!closed) ticker = startTicker(ms, rescan);
  };
  let observer: FileSystemObserver | null = null;
  if (typeof FileSystemObserver !== 'undefined') {
    observer = new FileSystemObserver(records => {
      if (closed) return;
      // The observer has ended, for example because the directory went away.
      if (records.some(record => record.type === 'errored')) pace(pollMs);
      onChange(records.flatMap(record => record.relativePathComponents.slice(-1)));
    });
    observer.observe(handle).then(
      () => {
        if (closed) return;
        pace(rescanMs);
        // What changed before the observer was in place.
        rescan();
      },
      () => undefined,
    );
  }
  return {
    close() {
      closed = true;
      ticker.close();
      observer?.disconnect();
    },
  };
}

/** The names in the directory, as many as the protocol looks at. */
export async function listNames(directory: FileSystemDirectoryHandle): Promise<string[]> {
  const names: string[] = [];
  for await (const name of directory.keys()) {
    names.push(name);
    if (names.length >= rendezvousLimits.directoryEntries) break;
  }
  return names;
}

export interface FileRead {
  bytes: Bytes;
  lastModified: number;
}

/** Null when the file is gone. One byte more than a record may have is read at most. */
export async function readFile(directory: FileSystemDirectoryHandle, name: string): Promise<FileRead | null> {
  for (let attempt = 1; ; attempt++) {
    try {
      // A File that was changed after it was taken cannot be read: each attempt takes a new one.
      const file = await (await directory.getFileHandle(name)).getFile();
      const bytes = new Uint8Array(await file.slice(0, rendezvousLimits.recordBytes + 1).arrayBuffer());
      return { bytes, lastModified: file.lastModified };
    } catch (error) {
      if (hasName(error, 'NotFoundError')) return null;
      if (!hasName(error, 'NotReadableError') || attempt >= 3) throw error;
    }
    await sleep(20 * attempt);
  }
}

/**
 * Writes a file whole: under `temporary`, then renamed. Without a rename it is written directly; whoever watches then sees
 * it half-written for a moment, which the protocol allows for.
 */
export async function writeFile(
  directory: FileSystemDirectoryHandle,
  temporary: string,
  name: string,
  bytes: Bytes,
): Promise<void> {
  const first = await directory.getFileHandle(temporary, { create: true });
  try {
    await fill(first, bytes);
    if (await rename(first, name)) return;
  } catch (error) {
    await removeFile(directory, temporary).catch(() => undefined);
    throw error;
  }
  await removeFile(directory, temporary);
  await fill(await directory.getFileHandle(name, { create: true }), bytes);
}

async function fill(file: FileSystemFileHandle, bytes: Bytes): Promise<void> {
  const out = await file.createWritable();
  try {
    await out.write(bytes);
    await out.close();
  } catch (error) {
    await out.abort().catch(() => undefined);
    throw error;
  }
}

async function rename(file: FileSystemFileHandle, name: string): Promise<boolean> {
  if (typeof file.move !== 'function') return false;
  try {
    await file.move(name);
    return true;
  } catch (error) {
    // Chromium refuses a rename below the folder, though not the writing, where the permission is the lasting one.
    if (hasName(error, 'NotSupportedError', 'TypeError', 'NotAllowedError')) return false;
    throw error;
  }
}

/** A file that is gone already is as good. */
export async function removeFile(directory: FileSystemDirectoryHandle, name: string): Promise<void> {
  try {
    await directory.removeEntry(name);
  } catch (error) {
    if (!hasName(error, 'NotFoundError')) throw error;
  }
}

/** As removeFile, but leaves a file that another tab is writing. */
export async function removeUnused(directory: FileSystemDirectoryHandle, name: string): Promise<void> {
  try {
    await removeFile(directory, name);
  } catch (error) {
    if (!hasName(error, 'NoModificationAllowedError')) throw error;
  }
}

/** What went wrong in the directory, as a sentence that says what to do. */
export function directoryError(error: unknown): RendezvousError {
  if (error instanceof RendezvousError) return error;
  const [code, message] = describeFault(error);
  return new RendezvousError(code, message, error);
}

function describeFault(error: unknown): [RendezvousErrorCode, string] {
  if (hasName(error, 'NotFoundError'))
    return ['gone', 'The handshake folder is no longer there. Is the folder still synced to this device?'];
  if (hasName(error, 'NotAllowedError', 'SecurityError'))
    return [
      'denied',
      'The browser may not write into the folder. Allow it to view and edit the folder, then try again.',
    ];
  if (hasName(error, 'NoModificationAllowedError'))
    return ['denied', 'The folder cannot be written: it is read-only, or another program holds it.'];
  if (hasName(error, 'QuotaExceededError')) return ['io', 'The disk is full. Make room, then try again.'];
  const detail = error instanceof Error ? error.message : String(error);
  return ['io', `The handshake folder could not be used: ${detail}`];
}
