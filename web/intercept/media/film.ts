// A file of sound or film, opened by the library through its ranges: which of its tracks this browser plays, and their packets from
// any moment on, made into pieces for SourceBuffers. Owns the library's input; not the file.

import {
  ADTS,
  CustomSource,
  EncodedPacketSink,
  FLAC,
  Input,
  MATROSKA,
  MP3,
  MP4,
  OGG,
  QTFF,
  WAVE,
  WEBM,
  type EncodedPacket,
  type InputAudioTrack,
  type InputVideoTrack,
} from 'mediabunny';
import { packagerFor, pcmPackager, type Packager, type Piece } from './packager.ts';
import { PcmToFlac } from './pcm.ts';
import { MediaError, type RangeFile } from './ranges.ts';

/** What the library keeps of what it has read. */
const kCacheBytes = 6 * 1024 * 1024;

/** No index and no packet is larger; a file that says so is not believed. */
const kLargestRead = 64 * 1024 * 1024;
/** Seconds between two pictures that need no other. */
const kLongestGroup = 120;
/** What may be read through to find out how long it is, where the file does not say. */
const kCountedBytes = 16 * 1024 * 1024;
const kCountingMs = 3_000;

export class FilmTrack {
  readonly kind: 'video' | 'audio';
  readonly packager: Packager;
  readonly #sink: EncodedPacketSink;
  #next: EncodedPacket | null = null;
  #ended = false;

  constructor(kind: 'video' | 'audio', sink: EncodedPacketSink, packager: Packager) {
    this.kind = kind;
    this.#sink = sink;
    this.packager = packager;
  }

  get ended(): boolean {
    return this.#ended;
  }
  /** Where it has come to, seconds. */
  get time(): number {
    return this.#next?.timestamp ?? Infinity;
  }

  /** To the packet that is shown then, or the one that it needs; gives the time it begins at. */
  async seek(seconds: number): Promise<number> {
    this.packager.reset();
    this.#ended = false;
    this.#next = (await this.#keyAt(seconds)) ?? (await this.#sink.getFirstKeyPacket());
    this.#ended = this.#next === null;
    return this.#next?.timestamp ?? 0;
  }

  /** In a file without an index the library finds none where the piece of the file with that moment has none. */
  async #keyAt(seconds: number): Promise<EncodedPacket | null> {
    for (let back = 0, step = 0.5; back <= seconds && back < kLongestGroup; back += step, step *= 1.1) {
      const packet = await this.#sink.getKeyPacket(seconds - back);
      if (packet) return packet;
    }
    return null;
  }

  /** One packet further; the piece that is complete by it. */
  async step(): Promise<Piece | null> {
    if (this.#next) {
      const packet = this.#next;
      this.#next = await this.#sink.getNextPacket(packet);
      this.packager.push(packet);
    }
    this.#ended = this.#next === null;
    return this.packager.take(this.#ended);
  }
}

export class Film {
  /** Infinity when the file does not say. */
  readonly duration: number;
  readonly tracks: readonly FilmTrack[];
  readonly #input: Input;

  private constructor(input: Input, tracks: readonly FilmTrack[], duration: number) {
    this.#input = input;
    this.tracks = tracks;
    this.duration = duration;
  }

  /** Rejects with `unplayable` for what the library cannot read or `plays` refuses. */
  static async open(file: RangeFile, plays: (mime: string) => boolean): Promise<Film> {
    const source = new CustomSource({
      getSize: () => file.size,
      read: (start, end) => {
        if (end - start > kLargestRead) throw new MediaError('unplayable', `It wants ${end - start} bytes at once.`);
        return file.read(start, end);
      },
      maxCacheSize: kCacheBytes,
      prefetchProfile: 'fileSystem',
      // What was read ahead is asked for again when it is needed.
      handleUnhandledError: () => undefined,
    });
    const input = new Input({ source, formats: [MP4, QTFF, WEBM, MATROSKA, MP3, WAVE, OGG, FLAC, ADTS] });
    try {
      return await Film.#of(input, file, plays);
    } catch (error) {
      input.dispose();
      if (error instanceof MediaError || (error as Error).name === 'AbortError') throw error;
      throw new MediaError('unplayable', `The file is no film or sound that can be read: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  static async #of(input: Input, file: RangeFile, plays: (mime: string) => boolean): Promise<Film> {
    const [video, audio] = [await input.getPrimaryVideoTrack(), await input.getPrimaryAudioTrack()];
    const tracks: FilmTrack[] = [];
    const refused: string[] = [];
    for (const track of [video, audio]) {
      if (!track) continue;
      const made = await trackOf(track);
      if (made && plays(made.packager.mime)) tracks.push(made);
      else refused.push(made?.packager.mime ?? String(await track.getInternalCodecId()));
    }
    // Sound alone of a film would look like a fault.
    if (tracks.length === 0 || (video && tracks[0]?.kind !== 'video'))
      throw new MediaError('unplayable', `This browser cannot play ${refused.join(', ') || 'it: it has no tracks'}.`);
    const duration = (await input.getDurationFromMetadata()) ?? (await counted(input, file));
    return new Film(input, tracks, duration > 0 ? duration : Infinity);
  }

  close(): void {
    this.#input.dispose();
  }
}

async function trackOf(track: InputVideoTrack | InputAudioTrack): Promise<FilmTrack | null> {
  const sink = new EncodedPacketSink(track);
  const first = await sink.getFirstKeyPacket();
  if (!first) return null;
  if (track.isVideoTrack()) {
    const [codec, config] = [await track.getCodec(), await track.getDecoderConfig()];
    if (!codec || !config) return null;
    return new FilmTrack('video', sink, await packagerFor({ kind: 'video', codec, config }, first));
  }
  if (!track.isAudioTrack()) return null;
  const codec = await track.getCodec();
  if (!codec) return null;
  if (/^(?:pcm-|[au]law$)/.test(codec)) {
    const [rate, channels] = [await track.getSampleRate(), await track.getNumberOfChannels()];
    const flac = PcmToFlac.of({ codec, rate, channels });
    return flac && new FilmTrack('audio', sink, await pcmPackager(rate, channels, flac));
  }
  const config = await track.getDecoderConfig();
  return config && new FilmTrack('audio', sink, await packagerFor({ kind: 'audio', codec, config }, first));
}

/** How long it is by its last packets, where these are found soon; else Infinity. */
async function counted(input: Input, file: RangeFile): Promise<number> {
  const format = await input.getFormat();
  if (file.size > kCountedBytes && format !== OGG && format !== MP4) return Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<number>(resolve => {
    timer = setTimeout(() => {
      resolve(Infinity);
      file.stop();
    }, kCountingMs);
  });
  try {
    return await Promise.race([input.computeDuration(), late]);
  } catch (error) {
    if (error instanceof MediaError) throw error;
    return Infinity;
  } finally {
    clearTimeout(timer);
  }
}
