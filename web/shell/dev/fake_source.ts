// A home folder made of nothing, for the pages that show how the views look.

import { decodeName, parentPath } from '../address.ts';
import { parseListing, type Listing } from '../listing_model.ts';
import { SourceError, type FileFacts, type Opened, type Source } from '../source.ts';

type Content = string | Uint8Array<ArrayBuffer>;
interface FakeFile {
  readonly mime: string;
  readonly content: Content;
  /** Said in the listing instead of the true size. */
  readonly size?: number;
  readonly obstacle?: string;
}

function bytesOf(content: Content): Uint8Array<ArrayBuffer> {
  return typeof content === 'string' ? new TextEncoder().encode(content) : content;
}

export class FakeSource implements Source {
  readonly comesBack = true;
  readonly #files = new Map<string, FakeFile>();
  readonly #now: number;
  /** Requests wait for ever. */
  stalled = false;

  constructor(files: Record<string, FakeFile>, now: number) {
    for (const [path, file] of Object.entries(files)) this.#files.set(path, file);
    this.#now = now;
  }

  add(path: string, file: FakeFile): void {
    this.#files.set(path, file);
  }

  list(path: string, signal: AbortSignal): Promise<Listing> {
    if (this.stalled) return forEver(signal);
    const entries = new Map<string, object>();
    let age = 1;
    for (const [at, file] of this.#files) {
      if (!at.startsWith(path)) continue;
      const rest = at.slice(path.length);
      const slash = rest.indexOf('/');
      const segment = slash < 0 ? rest : rest.slice(0, slash);
      const name = decodeName(segment);
      age = (age * 7919) % 1_000_003;
      const mtime = this.#now - age * (age % 3 === 0 ? 900 : 90_000);
      const size = file.size ?? bytesOf(file.content).length;
      const href = segment + (slash < 0 ? '' : '/');
      if (name !== '')
        entries.set(
          name,
          slash < 0
            ? {
                name,
                href,
                type: file.obstacle ? 'other' : 'file',
                size,
                mtime,
                mime: file.mime,
                obstacle: file.obstacle,
              }
            : { name, href, type: 'directory', mtime },
        );
    }
    if (entries.size === 0)
      return Promise.reject(new SourceError('not-found', 'This is not in the home folder, or not any more.'));
    return Promise.resolve(
      parseListing(path, { entries: [...entries.values()], truncated: false, total: entries.size }),
    );
  }

  async facts(path: string, signal: AbortSignal): Promise<FileFacts> {
    const entry = (await this.list(parentPath(path), signal)).entries.find(other => other.path === path);
    if (!entry) throw new SourceError('not-found', 'This is not in the home folder, or not any more.');
    return { ...entry, directory: null };
  }

  open(path: string, range: { start: number; end?: number } | null, signal: AbortSignal): Promise<Opened> {
    const file = this.#files.get(path);
    if (!file) return Promise.reject(new SourceError('not-found', 'This is not in the home folder, or not any more.'));
    const all = bytesOf(file.content);
    const start = range?.start ?? 0;
    const part = all.slice(start, (range?.end ?? all.length - 1) + 1);
    const size = file.size ?? all.length;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: controller => {
        controller.enqueue(part);
        // A file that is said to be longer than it is stays under way.
        if (part.length + start >= size || range?.end !== undefined) controller.close();
        signal.addEventListener('abort', () => controller.error(signal.reason), { once: true });
      },
    });
    return Promise.resolve({ mime: file.mime, size, start, version: '"1"', body });
  }
}

function forEver<T>(signal: AbortSignal): Promise<T> {
  return new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(new DOMException('cancelled', 'AbortError'))),
  );
}
