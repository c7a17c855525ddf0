// Audio and video of an app's document: the element asks for nothing itself; the media library (../../media/), which is loaded with
// the first of them, brings what is played, in parts where it can. Apps see the addresses that they have set.

import type { AttachMedia, MediaLibrary } from '../../media/library.ts';
import { ask, fieldOf, withoutFragment, type Context } from './context.ts';
import { brokenUrl, native, nativeURL } from './natives.ts';

export interface MediaCandidate {
  readonly url: string;
  /** Whose address it is: the element's own, or a `source` in it. */
  readonly element: Element;
}

interface Playing {
  readonly abort: AbortController;
  /** Which of the candidates it is, once that is known. */
  url: string | null;
  /** The object address that the element has. */
  address: string | null;
  /** Resolves when it has one: whether it was to play then. */
  readonly placed: Promise<boolean>;
}

export class MediaElements {
  readonly #context: Context;
  readonly #playing = new WeakMap<HTMLMediaElement, Playing>();
  /** Stays when the element has lost its source, as the browser's does. */
  readonly #shown = new WeakMap<HTMLMediaElement, string>();
  readonly #notes = new WeakMap<HTMLMediaElement, HTMLElement>();
  #library: Promise<MediaLibrary> | null = null;
  #load: () => void = () => undefined;
  #play: () => Promise<void> = () => Promise.resolve();

  constructor(context: Context) {
    this.#context = context;
  }

  /** Once in the life of the window. `restart`: gives the element its candidates again; false: it has none. */
  install(restart: (media: HTMLMediaElement) => boolean): void {
    const { prototype } = HTMLMediaElement;

    const { load, play } = prototype;
    this.#load = load;
    this.#play = play;
    const playingOf = (media: HTMLMediaElement) => this.#playing.get(media);
    const shownOf = (media: HTMLMediaElement) => this.#shown.get(media);
    prototype.load = function (this: HTMLMediaElement) {
      if (!restart(this)) load.call(this);
    };
    prototype.play = function (this: HTMLMediaElement) {
      const playing = playingOf(this);
      const now = play.call(this);
      if (!playing || playing.address !== null) return now;
      // Giving it its source may end this attempt.
      now.catch(() => undefined);
      return playing.placed.then(isWanted => {
        if (!isWanted) throw new DOMException('The play() request was interrupted by a call to pause().', 'AbortError');
        return play.call(this);
      });
    };
    const currentSrc = Object.getOwnPropertyDescriptor(prototype, 'currentSrc');
    // Its source is set where no setter sees it.
    globalThis.Audio = new Proxy(globalThis.Audio, {
      construct: (target, [source]: [string?], self) => {
        const audio = Reflect.construct(target, [], self) as HTMLAudioElement;
        if (source !== undefined) audio.src = `${source}`;
        return audio;
      },
    });
    Object.defineProperty(prototype, 'currentSrc', {
      ...currentSrc,
      get(this: HTMLMediaElement): unknown {
        const current: unknown = currentSrc?.get?.call(this);
        return shownOf(this) ?? current;
      },
    });
  }

  /** Whether the `src` that the element has is one of ours. */
  hasOurs(element: Element): boolean {
    const address = element instanceof HTMLMediaElement ? this.#playing.get(element)?.address : null;
    return address !== null && address !== undefined && native.get(element, 'src') === address;
  }

  /** Ends what is played; the element is as one without a source. */
  release(media: HTMLMediaElement): void {
    const playing = this.#playing.get(media);
    this.#notes.get(media)?.remove();
    if (!playing) return;
    this.#playing.delete(media);
    playing.abort.abort(new DOMException('another source', 'AbortError'));
    if (playing.address === null || native.get(media, 'src') !== playing.address) return;
    native.remove(media, 'src');
    this.#load.call(media);
  }

  /** Something is played, or about to be. */
  isBusy(media: HTMLMediaElement): boolean {
    const playing = this.#playing.get(media);
    return playing !== undefined && playing.address !== brokenUrl;
  }

  /**
   * The first that can be played. `next`: the one after that element, null: there is none. `hurried`: by a call, whatever
   * `preload` says.
   */
  start(
    media: HTMLMediaElement,
    next: (tried: ReadonlySet<Element>) => MediaCandidate | null,
    { hurried }: { hurried: boolean },
  ): void {
    this.release(media);
    const abort = new AbortController();
    const end = () => abort.abort(this.#context.life.reason);
    this.#context.life.addEventListener('abort', end, { once: true, signal: abort.signal });
    let settle: (isWanted: boolean) => void = () => undefined;
    const placed = new Promise<boolean>(resolve => (settle = resolve));
    const playing: Playing = { abort, url: null, address: null, placed };
    this.#playing.set(media, playing);
    const place = (address: string) => {
      const isWanted = !media.paused;
      playing.address = address;
      native.set(media, 'src', address);
      settle(isWanted);
      if (isWanted && media.paused) this.#play.call(media).catch(() => undefined);
    };
    const run = async () => {
      if (!hurried && media.preload === 'none' && !media.autoplay && !media.controls)
        await this.#wanted(media, abort.signal);
      const tried = new Set<Element>();
      let failure: Error | null = null;
      for (let candidate = next(tried); candidate; candidate = next(tried)) {
        playing.url = candidate.url;
        tried.add(candidate.element);
        this.#shown.set(media, candidate.url);
        try {
          return await this.#attach(media, candidate.url, place, abort.signal);
        } catch (error) {
          if (abort.signal.aborted) return;
          failure = error as Error;
          if (candidate.element !== media) candidate.element.dispatchEvent(new Event('error'));
        }
      }
      if (failure && playing.url !== null) this.#refused(media, playing.url, failure);
      place(brokenUrl);
    };
    run().catch(() => undefined);
  }

  async #attach(
    media: HTMLMediaElement,
    url: string,
    place: (address: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { attachMedia } = await this.#loaded();
    signal.throwIfAborted();
    const options: Parameters<AttachMedia>[1] = {
      signal,
      ask: async (fields, turn) => {
        const answer = await ask(this.#context, {
          ...{ url: new URL(withoutFragment(url)), dest: media.localName, signal: turn },
          fields: fields.map(([name, value]): [string, string] => [name, value]),
        });
        return { status: answer.head.status, field: name => fieldOf(answer.head.fields, name), body: answer.body };
      },
      place: (_media, source) => {
        const address = nativeURL.create(source);
        signal.addEventListener('abort', () => nativeURL.revoke(address), { once: true });
        const { hash } = new URL(url);
        place(source instanceof Blob ? address + hash : address);
        if (!(source instanceof Blob)) beginAt(media, hash, signal);
      },
      report: error => console.warn(`${url}: ${error.message}`),
    };
    await attachMedia(media, options);
  }

  #loaded(): Promise<MediaLibrary> {
    this.#library ??= this.#import();
    this.#library.catch(() => (this.#library = null));
    return this.#library;
  }

  async #import(): Promise<MediaLibrary> {
    const text = await this.#text();
    const address = nativeURL.create(new Blob([`export default (${text})();`], { type: 'text/javascript' }));
    try {
      return ((await import(address)) as { default: MediaLibrary }).default;
    } finally {
      nativeURL.revoke(address);
    }
  }

  /** From the page, which alone can load a file. */
  #text(): Promise<string> {
    const { port1, port2 } = new MessageChannel();
    return new Promise((resolve, reject) => {
      port1.onmessage = ({ data }: MessageEvent<{ text?: string; error?: string }>) => {
        port1.close();
        if (data.text !== undefined) resolve(data.text);
        else reject(new Error(data.error));
      };
      this.#context.media(port2);
    });
  }

  /** With `preload=none`: not before somebody wants to play it. */
  #wanted(media: HTMLMediaElement, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!media.paused) return resolve();
      media.addEventListener('play', () => resolve(), { once: true, signal });
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  }

  /** Says why, and where there is a file, how it can be had. */
  #refused(media: HTMLMediaElement, url: string, error: Error): void {
    console.warn(`${url}: ${error.message} Use "owndir connect" for apps with such files.`);
    if ((error as { kind?: unknown }).kind !== 'tooLarge' || !media.isConnected) return;
    const note = document.createElement('p');
    note.setAttribute('role', 'alert');
    note.style.cssText =
      'margin:0;padding:8px;font:14px/1.4 sans-serif;color:#333;background:#fff7e0;border:1px solid #e0c060';
    const link = document.createElement('a');
    link.href = url;
    link.download = '';
    link.textContent = 'Download it';
    note.append(`${error.message} `, link, ' and play it there.');
    this.#notes.set(media, note);
    media.after(note);
  }
}

/** The beginning that a media fragment names: `#t=10`, `#t=npt:10,20`. */
function beginAt(media: HTMLMediaElement, hash: string, signal: AbortSignal): void {
  const seconds = Number(/[#&]t=(?:npt:)?(\d+(?:\.\d+)?)/.exec(hash)?.[1] ?? 0);
  if (seconds > 0)
    media.addEventListener('loadedmetadata', () => void (media.currentTime = seconds), { once: true, signal });
}
