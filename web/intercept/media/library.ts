// The media code itself comes with a file beside the page, owndir-media.js, which is loaded when there is something to play: a
// script that leaves one function. The page calls it; an app's document, which can load no file, is given its text.

import type { attachMedia, mediaLimits } from './attach.ts';
import type { MediaError } from './ranges.ts';

/** The file beside index.html. */
export const kMediaFile = 'owndir-media.js';

export type AttachMedia = typeof attachMedia;

export interface MediaLibrary {
  readonly attachMedia: AttachMedia;
  readonly mediaLimits: typeof mediaLimits;
  readonly MediaError: typeof MediaError;
}

type Maker = () => MediaLibrary;

let maker: Promise<Maker> | null = null;
let library: Promise<MediaLibrary> | null = null;

/** In the page. Rejects with a sentence for the person when the file is not there; the next call tries again. */
export function loadMediaLibrary(): Promise<MediaLibrary> {
  library ??= loadMaker().then(make => make());
  library.catch(() => (library = null));
  return library;
}

/** The text of a function that gives a MediaLibrary. */
export async function mediaLibraryText(): Promise<string> {
  return Function.prototype.toString.call(await loadMaker());
}

function loadMaker(): Promise<Maker> {
  maker ??= new Promise<Maker>((resolve, reject) => {
    const script = document.createElement('script');
    const finish = () => {
      script.remove();
      const made = (globalThis as { owndirMedia?: unknown }).owndirMedia;
      if (typeof made === 'function') resolve(made as Maker);
      else
        reject(
          new Error(
            `The file ${kMediaFile}, which plays films and sounds, is not beside this page. It is in the folder's .owndir/.dist: ` +
              'if the sync has not brought it yet, wait a moment; if you have copied index.html, copy the files beside it too.',
          ),
        );
    };
    script.addEventListener('load', finish);
    script.addEventListener('error', finish);
    script.src = kMediaFile;
    document.head.append(script);
  });
  maker.catch(() => (maker = null));
  return maker;
}
