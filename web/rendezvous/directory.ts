// The handshake directory as a page sees it through a directory handle.

export type LocateResult =
  | { ok: true; handshake: FileSystemDirectoryHandle; kind: 'folder' | 'owndir' | 'handshake' }
  | { ok: false; reason: 'not_owndir' | 'no_handshake_directory' | 'file' | 'denied' };

/**
 * Finds the handshake directory in what a person picked or dropped: the folder itself, its `.owndir`, or `.wrtc-proxy`
 * (recognised by name). `not_owndir`: no `.owndir` in it; `no_handshake_directory`: `.owndir` is there, `.wrtc-proxy` is not.
 */
export declare function locate(handle: FileSystemHandle): Promise<LocateResult>;

export interface DirectoryWatch {
  close(): void;
}

export interface WatchOptions {
  /** Milliseconds between looks where there is no FileSystemObserver; 1000 by default. */
  pollMs?: number;
  /** Milliseconds between looks beside a FileSystemObserver; 5000 by default. */
  rescanMs?: number;
}

/** Calls `onChange` after each possible change, and at the slow rescan in any case; never before it returns. */
export declare function watch(
  handle: FileSystemDirectoryHandle,
  onChange: () => void,
  options?: WatchOptions,
): DirectoryWatch;
