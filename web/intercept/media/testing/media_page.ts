// What the browser test finds in its page on file://: media elements whose files a server of the test gives.

import { attachMedia, type MediaLimits } from '../attach.ts';
import type { MediaError } from '../ranges.ts';

type Init = Partial<Pick<HTMLMediaElement, 'preload' | 'muted' | 'autoplay' | 'loop'>> & {
  limits?: Partial<MediaLimits>;
};

class MediaBench {
  readonly reports: string[] = [];
  readonly events: string[] = [];
  media: HTMLMediaElement = document.createElement('audio');
  #life = new AbortController();

  /** Resolves when the element has its source. */
  async open(tag: 'audio' | 'video', url: string, { limits = {}, ...init }: Init = {}): Promise<void> {
    this.close();
    const life = new AbortController();
    this.#life = life;
    this.reports.length = this.events.length = 0;
    const media = document.createElement(tag);
    Object.assign(media, { muted: true, preload: 'auto', ...init });
    for (const type of ['loadedmetadata', 'loadeddata', 'seeking', 'seeked', 'ended', 'error', 'durationchange'])
      media.addEventListener(type, () => this.events.push(type));
    document.body.append(media);
    this.media = media;
    await attachMedia(media, {
      ask: async (fields, signal) => {
        const answer = await fetch(url, {
          headers: fields.map(([name, value]): [string, string] => [name, value]),
          signal,
        });
        return { status: answer.status, field: name => answer.headers.get(name), body: answer.body };
      },
      place: (element, source) => (element.src = URL.createObjectURL(source)),
      report: (error: MediaError) => this.reports.push(`${error.kind}: ${error.message}`),
      signal: life.signal,
      limits: { smallBytes: 0, ...limits },
    });
  }

  close(): void {
    this.#life.abort();
    this.media.remove();
    this.media.removeAttribute('src');
    this.media.load();
  }

  /** Resolves with what the element says then. */
  async until(type: string, ms = 8000): Promise<Record<string, unknown>> {
    const { media } = this;
    if (!this.events.includes(type) && !(type === 'playing' && !media.paused && media.readyState > 2))
      await new Promise<void>((resolve, reject) => {
        media.addEventListener(type, () => resolve(), { once: true });
        setTimeout(() => reject(new Error(`no ${type}: ${JSON.stringify(this.state)}`)), ms);
      });
    return this.state;
  }

  async seek(seconds: number): Promise<Record<string, unknown>> {
    this.events.length = 0;
    this.media.currentTime = seconds;
    return this.until('seeked');
  }

  get state(): Record<string, unknown> {
    const { duration, currentTime, readyState, error, ended, paused } = this.media;
    const ranges = this.media.buffered;
    const buffered = Array.from({ length: ranges.length }, (_, i) =>
      [ranges.start(i), ranges.end(i)].map(at => Math.round(at * 10) / 10),
    );
    return {
      ...{ duration, currentTime, readyState, error: error?.code ?? null, ended, paused, buffered },
      ...{ events: [...this.events], reports: [...this.reports] },
      size: [(this.media as HTMLVideoElement).videoWidth, (this.media as HTMLVideoElement).videoHeight],
      inParts: this.media.src !== '' && this.media.seekable.length > 0,
    };
  }

  /** The mean colour of the picture that is shown. */
  colour(): number[] {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [16, 16];
    const context = canvas.getContext('2d') as CanvasRenderingContext2D;
    context.drawImage(this.media as HTMLVideoElement, 0, 0, 16, 16);
    const { data } = context.getImageData(0, 0, 16, 16);
    return [0, 1, 2].map(channel =>
      Math.round(data.filter((_, i) => i % 4 === channel).reduce((sum, one) => sum + one, 0) / 256),
    );
  }
}

export const bench = new MediaBench();
export type { MediaBench };

Object.assign(globalThis, { bench });
