// Tells of changes below a directory handle: the browser's observer where there is one says where to look; a slow look at
// everything finds what it misses, and is all there is elsewhere.
import { reportFault } from '../base/emitter.ts';
import type { Timers } from '../base/time.ts';
import { appearance, differences, type Difference, type Known } from './differences.ts';
import { asFsError } from './error.ts';
import { handleError } from './handle_error.ts';
import * as files from './handle_files.ts';
import { fsnodeLimits } from './limits.ts';
import { FsError } from './error.ts';
import { isWithin, joinPath, parentPath } from './path.ts';
import type { SubOptions, Told } from './types.ts';

/** Milliseconds in which changes are gathered before we look. */
const gatherMs = 30;
/** Changes at once beyond which everything is looked at. */
const maxPlaces = 256;
/** A look at everything takes at most this part of the time. */
const restFactor = 20;

/** All subs of one handle: they share the observer. */
export class FolderWatcher {
  readonly #root: files.Folder;
  readonly #timers: Timers;
  readonly #pollMs: number;
  readonly #rescanMs: number;
  readonly #watches = new Set<Watch>();
  #observer: FileSystemObserver | null = null;
  #observing = false;

  constructor(root: files.Folder, timers: Timers, pollMs: number, rescanMs: number) {
    this.#root = root;
    this.#timers = timers;
    this.#pollMs = pollMs;
    this.#rescanMs = rescanMs;
  }

  watch(path: string, options: SubOptions, listener: (told: Told) => void): () => void {
    const pace = () => (this.#observing ? this.#rescanMs : this.#pollMs);
    const watch = new Watch(this.#root, path, options, listener, this.#timers, pace);
    this.#watches.add(watch);
    // First the observer and then the first look: nothing falls between them.
    void this.#observe().then(() => watch.start());
    return () => {
      watch.close();
      this.#watches.delete(watch);
      if (this.#watches.size === 0) this.#stop();
    };
  }

  close(): void {
    for (const watch of this.#watches) watch.close();
    this.#watches.clear();
    this.#stop();
  }

  #stop(): void {
    this.#observer?.disconnect();
    this.#observer = null;
    this.#observing = false;
  }

  #starting: Promise<void> = Promise.resolve();

  async #observe(): Promise<void> {
    if (this.#observer || typeof FileSystemObserver === 'undefined') return this.#starting;
    const observer = new FileSystemObserver(records => this.#take(observer, records));
    this.#observer = observer;
    this.#starting = observer.observe(this.#root, { recursive: true }).then(
      () => void (this.#observing = this.#observer === observer),
      () => undefined,
    );
    await this.#starting;
  }

  #take(observer: FileSystemObserver, records: FileSystemChangeRecord[]): void {
    if (observer !== this.#observer) return;
    const places = new Set<string>();
    let everywhere = records.length > maxPlaces;
    for (const { type, relativePathComponents, relativePathMovedFrom } of records) {
      if (type === 'errored') this.#observing = false;
      if (type === 'errored' || type === 'unknown') everywhere = true;
      for (const components of [relativePathComponents, relativePathMovedFrom ?? []])
        if (components.length > 0 && !components.some(files.isPassing)) places.add(components.join('/'));
    }
    for (const watch of this.#watches) watch.look(everywhere ? [''] : [...places]);
  }
}

class Watch {
  readonly #root: files.Folder;
  readonly #paths: readonly string[];
  readonly #depth: number;
  readonly #raw: boolean;
  readonly #ignoreInitial: boolean;
  readonly #listener: (told: Told) => void;
  readonly #timers: Timers;
  readonly #pace: () => number;
  #known: Known = new Map();
  /** Where something may have changed; "" is everywhere. */
  #places = new Set<string>();
  #timer: unknown = null;
  #slowTimer: unknown = null;
  #looking = false;
  #ready = false;
  #failing = false;
  #closed = false;

  constructor(
    root: files.Folder,
    path: string,
    options: SubOptions,
    listener: (told: Told) => void,
    timers: Timers,
    pace: () => number,
  ) {
    this.#root = root;
    this.#paths = options.paths.map(relative => joinPath(path, relative));
    this.#depth = options.depth ?? Infinity;
    this.#raw = options.events.includes('raw');
    this.#ignoreInitial = options.ignoreInitial === true;
    this.#listener = listener;
    this.#timers = timers;
    this.#pace = pace;
  }

  start(): void {
    this.look(['']);
  }

  close(): void {
    this.#closed = true;
    this.#timers.clearTimeout(this.#timer);
    this.#timers.clearTimeout(this.#slowTimer);
  }

  look(places: readonly string[]): void {
    if (this.#closed) return;
    for (const place of places) {
      if (place !== '' && !this.#concerns(place)) continue;
      this.#places.add(place);
      if (this.#raw && place !== '') this.#tell({ event: 'raw', path: place });
    }
    if (this.#places.size > maxPlaces) this.#places = new Set(['']);
    if (this.#places.size > 0 && this.#timer === null && !this.#looking)
      this.#timer = this.#timers.setTimeout(() => void this.#lookNow(), this.#ready ? gatherMs : 0);
  }

  /** Something at this path, or above one that is watched, can be seen by this watch. */
  #concerns(place: string): boolean {
    return this.#paths.some(path => isWithin(path, place) || isWithin(place, path));
  }

  async #lookNow(): Promise<void> {
    this.#timer = null;
    this.#looking = true;
    const places = this.#places.has('') ? [''] : [...this.#places].map(place => this.#highestUnknown(place));
    this.#places.clear();
    const begun = this.#timers.now();
    try {
      const fresh: Known = new Map();
      for (const [path, info] of this.#known) if (!places.some(place => isWithin(place, path))) fresh.set(path, info);
      for (const place of places) await this.#scanPlace(place, fresh);
      if (this.#closed) return;
      this.#failing = false;
      this.#compare(fresh);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#looking = false;
    }
    if (this.#closed) return;
    if (places.includes('')) this.#restUntilNext(this.#timers.now() - begun);
    this.look([]);
  }

  #restUntilNext(took: number): void {
    this.#timers.clearTimeout(this.#slowTimer);
    const rest = Math.max(this.#pace(), took * restFactor);
    this.#slowTimer = this.#timers.setTimeout(() => this.look(['']), rest);
  }

  /** The observer may have missed the folders above: look from the first that is not known. */
  #highestUnknown(place: string): string {
    let highest = place;
    for (let above = parentPath(place); above !== '' && !this.#known.has(above); above = parentPath(above))
      if (this.#concerns(above)) highest = above;
    return highest;
  }

  async #scanPlace(place: string, fresh: Known): Promise<void> {
    for (const path of this.#paths) {
      // From the deeper of the two on.
      const from = isWithin(place, path) ? path : isWithin(path, place) ? place : null;
      if (from === null) continue;
      const levels = from === path ? 0 : from.slice(path === '' ? 0 : path.length + 1).split('/').length;
      if (levels > this.#depth + 1) continue;
      const found = await files.lookUp(this.#root, from);
      const info = found && (await files.infoOf(found));
      if (!found || !info) continue;
      this.#add(fresh, from, info);
      if (files.isFolder(found)) await this.#scanFolder(found, from, levels, fresh);
    }
  }

  /** `level`: how far below the watched path the folder is. */
  async #scanFolder(folder: files.Folder, path: string, level: number, fresh: Known): Promise<void> {
    if (level > this.#depth || this.#closed) return;
    let entries: files.Found[];
    try {
      entries = await files.entriesOf(folder);
    } catch (error) {
      // It went away meanwhile: we shall be told.
      if (handleError(error, path).status === 404) return;
      throw error;
    }
    const infos = await files.infosOf(entries);
    for (const [i, entry] of entries.entries()) {
      const info = infos[i];
      if (!info) continue;
      const below = joinPath(path, entry.name);
      this.#add(fresh, below, info);
      if (files.isFolder(entry)) await this.#scanFolder(entry, below, level + 1, fresh);
    }
  }

  #add(fresh: Known, path: string, info: NonNullable<Difference['info']>): void {
    fresh.set(path, info);
    if (fresh.size > fsnodeLimits.watched)
      throw new FsError(413, `More than ${fsnodeLimits.watched} files cannot be watched. Watch a smaller folder.`);
  }

  #compare(fresh: Known): void {
    const found = differences(this.#known, fresh);
    this.#known = fresh;
    if (this.#ready) {
      for (const told of found) this.#tell(told);
      return;
    }
    this.#ready = true;
    if (!this.#ignoreInitial) for (const { path, info } of found) this.#tell(appearance(path, info));
    this.#tell({ event: 'ready' });
  }

  /** Watching goes on: what failed may pass. It is told once, not at each look. */
  #fail(error: unknown): void {
    if (this.#closed) return;
    const fault = handleError(error, this.#paths[0] ?? '');
    if (!this.#failing) this.#tell({ event: 'error', error: asFsError(fault), final: false });
    this.#failing = true;
    this.#restUntilNext(0);
  }

  #tell(told: Told): void {
    if (this.#closed) return;
    try {
      this.#listener(told);
    } catch (error) {
      reportFault(error);
    }
  }
}
