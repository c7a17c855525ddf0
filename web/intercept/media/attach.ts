// Sound and film for a media element in a page that has no server behind it: in parts through a MediaSource where the file and the
// browser allow it, else as a whole up to a limit. For app documents on file:// and the page's own previews.

import { Film } from './film.ts';
import { Player, playerLimits, type PlayerLimits } from './player.ts';
import { MediaError, RangeFile, type AskPart, type WholeAnswer } from './ranges.ts';

export interface MediaOptions {
  readonly ask: AskPart;
  /** Gives the element its source: an object address that is let go by the one who made it. */
  readonly place: (media: HTMLMediaElement, source: MediaSource | Blob) => void;
  /** It has stopped for that reason; the element tells an error of its own. */
  readonly report?: (error: MediaError) => void;
  readonly signal: AbortSignal;
  readonly limits?: Partial<MediaLimits>;
}

export interface MediaLimits extends PlayerLimits {
  /** So small that the whole is as quick, and loops without a gap. */
  readonly smallBytes: number;
  /** The most that is played as a whole. */
  readonly wholeBytes: number;
}

export const mediaLimits: MediaLimits = {
  ...playerLimits,
  smallBytes: 2 * 1024 * 1024,
  wholeBytes: 256 * 1024 * 1024,
};

/** Resolves when the element has its source; rejects with a MediaError when it gets none, or the signal's reason. */
export async function attachMedia(media: HTMLMediaElement, options: MediaOptions): Promise<void> {
  const { ask, place, signal, report = () => undefined } = options;
  const limits = { ...mediaLimits, ...options.limits };
  const file = new RangeFile(ask);
  const close = () => file.close();
  signal.addEventListener('abort', close, { once: true });
  let kept = false;
  try {
    signal.throwIfAborted();
    const whole = await file.open();
    if (whole) return place(media, await blobOf(whole, limits.wholeBytes));
    const { size, type } = file;
    if (size <= limits.smallBytes) return place(media, new Blob([await file.read(0, size)], { type }));
    const film = await filmOf(file);
    if (film) {
      const player = new Player(media, file, film, report, limits);
      kept = true;
      signal.addEventListener('abort', () => player.close(), { once: true });
      place(media, player.source);
      return player.start();
    }
    if (size > limits.wholeBytes) throw tooLarge(size, limits.wholeBytes);
    file.rest();
    return place(media, await wholeOf(ask, signal, limits.wholeBytes));
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', close);
    if (!kept) close();
  }
}

/** Null: not in parts. */
async function filmOf(file: RangeFile): Promise<Film | null> {
  if (typeof MediaSource !== 'function') return null;
  try {
    return await Film.open(file, mime => MediaSource.isTypeSupported(mime));
  } catch (error) {
    if (error instanceof MediaError && error.kind === 'unplayable') return null;
    throw error;
  }
}

async function wholeOf(ask: AskPart, signal: AbortSignal, most: number): Promise<Blob> {
  const answer = await ask([], signal);
  if (answer.status !== 200) {
    await answer.body?.cancel().catch(() => undefined);
    throw new MediaError('missing', `The server answered ${answer.status}.`);
  }
  const length = answer.field('content-length');
  const size = length !== null && /^\d{1,15}$/.test(length) ? Number(length) : null;
  return blobOf({ type: answer.field('content-type') ?? '', size, body: answer.body }, most);
}

async function blobOf({ type, size, body }: WholeAnswer, most: number): Promise<Blob> {
  if (!body) return new Blob([], { type });
  if (size !== null && size > most) {
    await body.cancel().catch(() => undefined);
    throw tooLarge(size, most);
  }
  const reader = body.getReader();
  // Blobs of blobs: what is collected may leave the page's memory.
  const pieces: Blob[] = [];
  let loaded = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    loaded += value.length;
    if (loaded > most) {
      await reader.cancel().catch(() => undefined);
      throw tooLarge(loaded, most);
    }
    pieces.push(new Blob([value]));
  }
  if (size !== null && loaded !== size) throw new MediaError('network', 'The file ended before its end.');
  return new Blob(pieces, { type });
}

function tooLarge(size: number, most: number): MediaError {
  const [has, may] = [size, most].map(bytes => Math.ceil(bytes / (1024 * 1024)));
  return new MediaError(
    'tooLarge',
    `This browser cannot play this file in parts, and it has ${has} MiB: more than the ${may} MiB that are played as a whole.`,
  );
}
