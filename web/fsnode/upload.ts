// Large files into the folder: in pieces that survive a lost connection and a reloaded page, and are checked at the end.
import { sha256 } from '@noble/hashes/sha2';
import { hex, utf8, type Bytes } from '../base/bytes.ts';
import { cut, toPieces } from './data.ts';
import { Directory } from './directory.ts';
import { ConnectionLost, FsError } from './error.ts';
import { isOutside } from './path.ts';
import { SwitchingBacking } from './switching.ts';
import type { Backing, Info, UploadSource } from './types.ts';

export interface UploadFileOptions {
  /** Called as bytes go out; what was there from an earlier attempt counts as sent. */
  onProgress?: (sent: number, total: number) => void;
  signal?: AbortSignal;
  /** False: fail with 409 where there is a file. */
  overwrite?: boolean;
  /** Milliseconds that an interrupted upload waits for the connection to come back; 120 s by default. */
  waitMs?: number;
}

const maxLosses = 100;

/** The blob's bytes with the digest of all of them, each byte hashed once however often it is sent. */
class BlobSource implements UploadSource {
  readonly #blob: Blob;
  readonly #onProgress: (sent: number) => void;
  readonly #hash = sha256.create();
  #hashed = 0;

  constructor(blob: Blob, onProgress: (sent: number) => void) {
    this.#blob = blob;
    this.#onProgress = onProgress;
  }

  async *from(offset: number): AsyncGenerator<Bytes, void, undefined> {
    let at = Math.min(offset, this.#hashed);
    for await (const piece of cut(toPieces(this.#blob.slice(at)))) {
      const end = at + piece.length;
      if (end > this.#hashed) {
        this.#hash.update(piece.subarray(Math.max(0, this.#hashed - at)));
        this.#hashed = end;
      }
      if (end > offset) yield piece.subarray(Math.max(0, offset - at));
      at = end;
    }
  }

  digest(): Promise<string> {
    return Promise.resolve(hex(this.#hash.clone().digest()));
  }

  progress(bytes: number): void {
    this.#onProgress(bytes);
  }
}

/** The same for the same file at the same place, so that another page can go on with it. */
function uploadId(path: string, blob: Blob): string {
  const { name = '', lastModified = 0 } = blob as Partial<File>;
  return hex(sha256(utf8(JSON.stringify([path, name, blob.size, lastModified])))).slice(0, 32);
}

async function uploadOnce(backing: Backing, path: string, source: BlobSource, blob: Blob, options: UploadFileOptions) {
  const { signal, overwrite } = options;
  const upload = uploadId(path, blob);
  if (backing.upload) return backing.upload(path, source, { upload, size: blob.size, overwrite, signal });
  const pieces = { size: blob.size, [Symbol.asyncIterator]: () => source.from(0) };
  return backing.write(path, pieces, { flags: overwrite === false ? 'wx' : 'w', signal });
}

/**
 * Writes the blob as the node's file. Where the connection ends meanwhile it goes on when the next one comes; called again
 * for the same file, it sends only what is missing. Compares SHA-256 at the end. 503: call it again when there is a connection.
 */
export async function uploadFile(node: Directory, blob: Blob, options: UploadFileOptions = {}): Promise<Info> {
  const { onProgress, signal, waitMs = 120_000 } = options;
  if (isOutside(node.path)) throw new FsError(403, 'Out of Bounds');
  const backing = Directory.backingOf(node);
  const source = new BlobSource(blob, sent => onProgress?.(sent, blob.size));
  let mismatches = 0;
  for (let losses = 0; ; losses++) {
    try {
      const info = await uploadOnce(backing, node.path, source, blob, options);
      onProgress?.(blob.size, blob.size);
      return info;
    } catch (error) {
      if (error instanceof ConnectionLost && backing instanceof SwitchingBacking && losses < maxLosses)
        await backing.whenMode(['live'], waitMs, signal);
      // Something else lay under that id; it is gone now.
      else if (!(error instanceof FsError && error.status === 409 && options.overwrite !== false && ++mismatches < 2))
        throw error;
    }
  }
}
