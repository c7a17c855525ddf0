// Feeds a media element through a MediaSource with what a film's tracks give: a little ahead of where it plays, a little behind,
// from another place after a seek. Runs until `close`, the element's next source, or an error, which the element tells.

import type { Film, FilmTrack } from './film.ts';
import { kTimeShift, type Piece } from './packager.ts';
import { MediaError, type RangeFile } from './ranges.ts';

export interface PlayerLimits {
  readonly aheadSeconds: number;
  /** Of all players of the document together, and of one at least. */
  readonly aheadBytes: number;
  readonly leastBytes: number;
  readonly behindSeconds: number;
  readonly behindBytes: number;
}

export const playerLimits: PlayerLimits = {
  aheadSeconds: 30,
  aheadBytes: 32 * 1024 * 1024,
  leastBytes: 2 * 1024 * 1024,
  behindSeconds: 20,
  behindBytes: 8 * 1024 * 1024,
};

/** Answers that nobody reads are let go after this long. */
const kRestMs = 5_000;
const kLookMs = 1_000;
const kOpenMs = 60_000;
/** A seek this little beyond what is there waits for it. */
const kNearSeconds = 2;
const kWakes = ['timeupdate', 'play', 'playing', 'waiting', 'ratechange', 'seeking', 'emptied'] as const;

/** Players that are filling now share the bytes ahead. */
let filling = 0;

interface Held {
  readonly start: number;
  readonly end: number;
  readonly key: number | null;
  readonly size: number;
}

interface Lane {
  readonly track: FilmTrack;
  readonly buffer: SourceBuffer;
  /** What is in the buffer, in order. */
  held: Held[];
}

export class Player {
  readonly source = new MediaSource();
  readonly #media: HTMLMediaElement;
  readonly #file: RangeFile;
  readonly #film: Film;
  readonly #limits: PlayerLimits;
  readonly #life = new AbortController();
  readonly #report: (error: MediaError) => void;
  #lanes: Lane[] = [];
  #turn = new AbortController();
  /** Where to go on after this turn. */
  #target = 0;
  #wasConnected = false;
  #played = false;

  /** Takes over file and film. `report`: why it has stopped, besides the element's own error. */
  constructor(
    media: HTMLMediaElement,
    file: RangeFile,
    film: Film,
    report: (error: MediaError) => void,
    limits: PlayerLimits = playerLimits,
  ) {
    this.#media = media;
    this.#file = file;
    this.#film = film;
    this.#report = report;
    this.#limits = limits;
  }

  /** The element has been given the source. */
  start(): void {
    void this.#run();
  }

  close(): void {
    if (this.#life.signal.aborted) return;
    this.#life.abort(new DOMException('closed', 'AbortError'));
    this.#turn.abort(this.#life.signal.reason);
    this.#file.close();
    this.#film.close();
    this.#lanes = [];
  }

  async #run(): Promise<void> {
    const { signal } = this.#life;
    try {
      if (this.source.readyState !== 'open') {
        // Not before somebody plays it.
        if (this.#media.preload === 'none') this.#file.rest();
        await happens(this.source, ['sourceopen'], { signal, ms: null });
      }
      this.source.addEventListener('sourceclose', () => this.close(), { signal });
      await this.#prepare();
      this.#media.addEventListener('seeking', () => this.#onSeeking(), { signal });
      this.#media.addEventListener('play', () => (this.#played = true), { signal });
      this.#target = this.#media.currentTime;
      for (;;) {
        signal.throwIfAborted();
        await this.#playFrom(this.#target);
      }
    } catch (error) {
      if (!signal.aborted) await this.#fail(error);
    } finally {
      this.close();
    }
  }

  async #prepare(): Promise<void> {
    const { tracks, duration } = this.#film;
    this.#lanes = tracks.map(track => ({ track, buffer: this.source.addSourceBuffer(track.packager.mime), held: [] }));
    this.source.duration = duration;
    for (const { track, buffer } of this.#lanes) {
      const { head, sequence } = track.packager;
      if (!sequence) buffer.timestampOffset = -kTimeShift;
      if (head) await this.#change(buffer, () => buffer.appendBuffer(head));
    }
  }

  /** Ends when the person goes elsewhere. */
  async #playFrom(seconds: number): Promise<void> {
    const turn = new AbortController();
    this.#turn = turn;
    if (this.#life.signal.aborted) return;
    try {
      await this.#empty();
      for (const { track, buffer } of this.#lanes) {
        const at = await track.seek(seconds);
        turn.signal.throwIfAborted();
        if (track.packager.sequence) buffer.timestampOffset = Math.max(0, at);
      }
      await this.#fill(turn.signal);
    } catch (error) {
      if (!turn.signal.aborted) throw error;
    }
  }

  async #fill(signal: AbortSignal): Promise<void> {
    filling += 1;
    let counts = true;
    const count = (on: boolean) => {
      if (counts !== on) filling += on ? 1 : -1;
      counts = on;
    };
    try {
      for (;;) {
        if (this.#isFull()) {
          count(false);
          await this.#untilRoom(signal);
          count(true);
        }
        const open = this.#lanes.filter(({ track }) => !track.ended);
        const [first] = open;
        if (!first) break;
        const lane = open.reduce((least, one) => (one.track.time < least.track.time ? one : least), first);
        const piece = await lane.track.step();
        signal.throwIfAborted();
        if (piece) await this.#append(lane, piece, signal);
      }
      if (this.source.readyState === 'open') this.source.endOfStream();
      count(false);
      this.#file.rest();
      await aborted(signal);
    } finally {
      count(false);
    }
  }

  async #append(lane: Lane, { bytes, start, end, key }: Piece, signal: AbortSignal): Promise<void> {
    await this.#evict(lane, this.#limits.behindSeconds, this.#limits.behindBytes);
    for (;;) {
      signal.throwIfAborted();
      try {
        await this.#change(lane.buffer, () => lane.buffer.appendBuffer(bytes));
        lane.held.push({ start, end, key, size: bytes.length });
        return;
      } catch (error) {
        if (!(error instanceof DOMException && error.name === 'QuotaExceededError')) throw error;
      }
      if (!(await this.#evict(lane, 1, 0))) await happens(this.#media, kWakes, { signal, ms: kLookMs }).catch(ignored);
    }
  }

  /** Takes away what is further behind, up to a picture that needs no other; false: there was nothing. */
  async #evict({ held, buffer }: Lane, seconds: number, bytes: number): Promise<boolean> {
    const now = this.#media.currentTime;
    const behind = held.filter(({ end }) => end < now);
    const first = behind[0];
    if (!first) return false;
    const size = behind.reduce((sum, one) => sum + one.size, 0);
    if (size <= bytes && first.start >= now - seconds) return false;
    // Half of it stays, so that this does not happen with each piece.
    const least = size > bytes ? Math.min(seconds, 3) : seconds / 2;
    const cut = held.reduce<number | null>((at, { key }) => (key !== null && key <= now - least ? key : at), null);
    if (cut === null || cut <= first.start) return false;
    await this.#change(buffer, () => buffer.remove(0, cut));
    while (held[0] && held[0].end <= cut + 0.001) held.shift();
    return true;
  }

  async #empty(): Promise<void> {
    for (const lane of this.#lanes) {
      if (lane.held.length > 0) await this.#change(lane.buffer, () => lane.buffer.remove(0, Infinity));
      lane.held = [];
    }
  }

  async #change(buffer: SourceBuffer, action: () => void): Promise<void> {
    action();
    const { signal } = this.#life;
    const type = await happens(buffer, ['updateend', 'error'], { signal, ms: kOpenMs });
    if (type === 'error') throw new MediaError('unplayable', 'The browser cannot read what is in the file.');
  }

  #isFull(): boolean {
    const { readyState, seeking, paused, preload, autoplay, currentTime } = this.#media;
    // Only what shows the first picture.
    if (!this.#played && paused && !autoplay && preload === 'metadata' && !seeking && readyState >= 2) return true;
    const heads = this.#lanes.filter(({ track }) => !track.ended).map(({ held }) => held.at(-1)?.end ?? -Infinity);
    const head = Math.min(...heads);
    if (head === Infinity || head < currentTime) return false;
    let bytes = 0;
    for (const { held } of this.#lanes) for (const one of held) if (one.end > currentTime) bytes += one.size;
    const { aheadSeconds, aheadBytes, leastBytes } = this.#limits;
    // A track that has ended holds what plays back until the others have ended too.
    const isWaiting = this.#lanes.some(({ track, held }) => track.ended && (held.at(-1)?.end ?? 0) < currentTime + 1);
    if (isWaiting && bytes < aheadBytes) return false;
    return head - currentTime >= aheadSeconds || bytes >= Math.max(leastBytes, aheadBytes / Math.max(1, filling));
  }

  async #untilRoom(signal: AbortSignal): Promise<void> {
    const since = performance.now();
    while (this.#isFull()) {
      const { isConnected, paused } = this.#media;
      const isGone = this.#wasConnected && !isConnected && paused;
      this.#wasConnected ||= isConnected;
      if (isGone || performance.now() - since > kRestMs) this.#file.rest();
      // Nothing but the element itself holds a player whose element was taken away.
      await happens(this.#media, kWakes, { signal, ms: isGone ? null : kLookMs }).catch(ignored);
      signal.throwIfAborted();
    }
  }

  #onSeeking(): void {
    const now = this.#media.currentTime;
    if (this.#lanes.every(lane => holds(lane, now))) return;
    this.#target = now;
    this.#turn.abort(new DOMException('sought elsewhere', 'AbortError'));
    this.#file.stop();
  }

  async #fail(error: unknown): Promise<void> {
    const known =
      error instanceof MediaError
        ? error
        : new MediaError('unplayable', `The file is damaged, or of a kind that cannot be played: ${String(error)}`);
    this.#report(known);
    // What is there is played to its end only when nothing can come any more: the element tells at once.
    if (this.source.readyState === 'open' && this.#lanes.every(({ buffer }) => !buffer.updating))
      this.source.endOfStream(known.kind === 'unplayable' ? 'decode' : 'network');
    await Promise.resolve();
  }
}

function holds({ track, held }: Lane, seconds: number): boolean {
  const [first] = held;
  const last = held.at(-1);
  if (!first || !last) return false;
  return first.start - 0.1 <= seconds && (track.ended || seconds <= last.end + kNearSeconds);
}

const ignored = (): undefined => undefined;

/** Which of the events comes first; rejects when none does in that time, or with the signal's reason. */
function happens(
  target: EventTarget,
  types: readonly string[],
  { signal, ms }: { signal: AbortSignal; ms: number | null },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const own = new AbortController();
    const finish = (action: () => void) => {
      own.abort();
      clearTimeout(timer);
      action();
    };
    const timer =
      ms === null
        ? undefined
        : setTimeout(() => finish(() => reject(new MediaError('unplayable', 'The browser does not answer.'))), ms);
    for (const type of types)
      target.addEventListener(type, () => finish(() => resolve(type)), { once: true, signal: own.signal });
    if (signal.aborted) return finish(() => reject(signal.reason as Error));
    signal.addEventListener('abort', () => finish(() => reject(signal.reason as Error)), {
      once: true,
      signal: own.signal,
    });
  });
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
