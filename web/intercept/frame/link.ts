// What the page and owndir-frame.html, the file around an app's documents, say to each other: one hello, one welcome with a
// port, the rest over the port. The page parses what comes; the frame's file trusts its page.

import { controlLimits, isOutside, parseStored, type Entries, type Stored } from './control.ts';

/** The file beside index.html. */
export const kFrameFile = 'owndir-frame.html';
export const kFrameHello = 'owndir-frame-hello';
export const kFrameWelcome = 'owndir-frame-welcome';

export interface FrameWelcome {
  readonly type: typeof kFrameWelcome;
  /** https://NAME.owndir.invalid */
  readonly origin: string;
  /** The path of the app to begin with. */
  readonly start: string;
  readonly local: Entries;
}

export type FromFrame =
  /** Brings a port for another client of the broker; it ends with that document. */
  | { readonly type: 'client'; readonly document: number }
  | { readonly type: 'gone'; readonly document: number }
  /** Brings a port that wants the text of the media library. */
  | { readonly type: 'media' }
  | { readonly type: 'at'; readonly path: string; readonly title: string }
  | { readonly type: 'external'; readonly url: string }
  | Stored;

export type ToFrame = { readonly type: 'navigate'; readonly path: string } | { readonly type: 'reload' };

/** Null when it is none of ours. */
export function parseFromFrame(data: unknown): FromFrame | null {
  if (typeof data !== 'object' || data === null) return null;
  const { type, document, path, title, url } = data as Readonly<Record<string, unknown>>;
  switch (type) {
    case 'client':
    case 'gone':
      return Number.isSafeInteger(document) ? { type, document: document as number } : null;
    case 'media':
      return { type };
    case 'at':
      if (typeof path !== 'string' || !path.startsWith('/') || path.length > controlLimits.url) return null;
      return typeof title === 'string' ? { type, path, title: title.slice(0, controlLimits.title) } : null;
    case 'external':
      return isOutside(url) ? { type, url } : null;
    default:
      return parseStored(data);
  }
}
