// Packets of one track, as the library reads them, made into pieces for a SourceBuffer: a beginning, then fragments of about a
// second each. The library writes the beginning (with what decoders need); times are put right here.

import {
  EncodedAudioPacketSource,
  EncodedPacket,
  EncodedVideoPacketSource,
  Mp4OutputFormat,
  NullTarget,
  Output,
  WebMOutputFormat,
  type AudioCodec,
  type OutputFormat,
  type VideoCodec,
} from 'mediabunny';
import { concat, type Bytes } from '../../base/bytes.ts';
import { mp4Fragment, timescaleOf, webmClusters, type Sample } from './fragments.ts';
import { kPcmBlock, type PcmToFlac } from './pcm.ts';

export interface Piece {
  readonly bytes: Bytes;
  /** Of what is presented, seconds. */
  readonly start: number;
  readonly end: number;
  /** Of the first sample in it that needs no other; null: there is none. */
  readonly key: number | null;
}

export interface Packager {
  /** What a SourceBuffer is made for. */
  readonly mime: string;
  /** Appended first; null: the stream begins with its samples. */
  readonly head: Bytes | null;
  /** The SourceBuffer counts time by itself, from `timestampOffset` on. */
  readonly sequence: boolean;
  /** Begins anew, at another place. */
  reset(): void;
  push(packet: EncodedPacket): void;
  /** What is ready: a second or a mebibyte; all of it when the track has ended. */
  take(ended: boolean): Piece | null;
}

export type TrackConfig =
  | { readonly kind: 'video'; readonly codec: VideoCodec; readonly config: VideoDecoderConfig }
  | { readonly kind: 'audio'; readonly codec: AudioCodec; readonly config: AudioDecoderConfig };

/** Times are later by this much in what is appended, and the SourceBuffer takes it off: none is negative. */
export const kTimeShift = 16;
const kPieceSeconds = 1;
const kPieceBytes = 1024 * 1024;
const kPieceSamples = 2000;
/** Pictures that may be shown before one that is decoded earlier: what H.264 and H.265 allow, and what is usual. */
const kReorderUsual = 4;
const kReorderMost = 16;

const webmCodecs = new Set(['vp8', 'vorbis']);
const reordered = new Set(['avc', 'hevc']);

/** The beginning of a stream of that track. */
async function headOf(track: TrackConfig, first: EncodedPacket, inWebm: boolean): Promise<Bytes> {
  const pieces: Uint8Array[] = [];
  const keep = (data: Uint8Array) => void pieces.push(data.slice());
  const format: OutputFormat = inWebm
    ? new WebMOutputFormat({ appendOnly: true, onEbmlHeader: keep, onSegmentHeader: keep })
    : new Mp4OutputFormat({ fastStart: 'fragmented', onFtyp: keep, onMoov: keep });
  const output = new Output({ format, target: new NullTarget() });
  const packet = new EncodedPacket(first.data, 'key', 0, Math.max(first.duration, 0));
  if (track.kind === 'video') {
    const source = new EncodedVideoPacketSource(track.codec);
    output.addVideoTrack(source);
    await output.start();
    await source.add(packet, { decoderConfig: track.config });
  } else {
    const source = new EncodedAudioPacketSource(track.codec);
    output.addAudioTrack(source);
    await output.start();
    await source.add(packet, { decoderConfig: track.config });
  }
  await output.finalize();
  return concat(pieces);
}

export async function packagerFor(track: TrackConfig, first: EncodedPacket): Promise<Packager> {
  const { codec } = track.config;
  if (track.codec === 'mp3') return new FramePackager('audio/mpeg');
  const inWebm = webmCodecs.has(track.codec);
  const head = await headOf(track, first, inWebm);
  const mime = `${track.kind}/${inWebm ? 'webm' : 'mp4'}; codecs="${codec}"`;
  if (inWebm) return new SamplePackager(mime, head, 1000, 0, webmClusters);
  const timescale = timescaleOf(head);
  if (timescale === null) throw new Error('The beginning of the stream has no time scale.');
  let sequence = 0;
  const write = (samples: readonly Sample[]) => mp4Fragment(++sequence, samples);
  return new SamplePackager(mime, head, timescale, reordered.has(track.codec) ? kReorderUsual : 0, write);
}

/** Sound without compression, by way of FLAC. */
export async function pcmPackager(rate: number, channels: number, flac: PcmToFlac): Promise<Packager> {
  const config: AudioDecoderConfig = {
    ...{ codec: 'flac', sampleRate: rate, numberOfChannels: channels, description: flac.description },
  };
  const first = new EncodedPacket(flac.frame(0, new Uint8Array(flac.frameBytes * 16)), 'key', 0, 16 / rate);
  const inner = await packagerFor({ kind: 'audio', codec: 'flac', config }, first);
  return {
    mime: inner.mime,
    head: inner.head,
    sequence: false,
    reset: () => inner.reset(),
    take: ended => inner.take(ended),
    push: ({ data, timestamp }) => {
      const step = kPcmBlock * flac.frameBytes;
      for (let at = 0; at + flac.frameBytes <= data.length; at += step) {
        const pcm = data.subarray(at, at + step);
        const start = timestamp + at / flac.frameBytes / rate;
        const index = Math.max(0, Math.round((start * rate) / kPcmBlock));
        inner.push(new EncodedPacket(flac.frame(index, pcm), 'key', start, pcm.length / flac.frameBytes / rate));
      }
    },
  };
}

interface Waiting {
  readonly packet: EncodedPacket;
  readonly presented: number;
}

/** For forms that carry the times of their samples. */
class SamplePackager implements Packager {
  readonly mime: string;
  readonly head: Bytes;
  readonly sequence = false;
  readonly #timescale: number;
  readonly #write: (samples: readonly Sample[]) => Bytes;
  /** How many later packets may have an earlier time. */
  #depth: number;
  #waiting: Waiting[] = [];
  /** Times of presentation that no packet is decoded at yet, in order. */
  #times: number[] = [];
  #ready: Sample[] = [];
  #readyBytes = 0;
  #lastDecoded = -1;
  /** Of the first key packet; what is shown before it has nothing to refer to. */
  #from: number | null = null;

  constructor(
    mime: string,
    head: Bytes,
    timescale: number,
    depth: number,
    write: (samples: readonly Sample[]) => Bytes,
  ) {
    this.mime = mime;
    this.head = head;
    this.#timescale = timescale;
    this.#depth = depth;
    this.#write = write;
  }

  reset(): void {
    this.#waiting = [];
    this.#times = [];
    this.#ready = [];
    this.#readyBytes = 0;
    this.#lastDecoded = -1;
    this.#from = null;
  }

  push(packet: EncodedPacket): void {
    const presented = Math.round((packet.timestamp + kTimeShift) * this.#timescale);
    if (presented < 0) return;
    this.#from ??= presented;
    if (presented < this.#from && this.#depth > 0) return;
    // More reordering than is usual: wait for more from now on.
    if (this.#depth > 0 && presented < this.#lastDecoded) this.#depth = kReorderMost;
    this.#waiting.push({ packet, presented });
    let at = this.#times.length;
    while (at > 0 && (this.#times[at - 1] as number) > presented) at -= 1;
    this.#times.splice(at, 0, presented);
    this.#settle(this.#depth);
  }

  take(ended: boolean): Piece | null {
    if (ended) this.#settle(0);
    const [first] = this.#ready;
    const last = this.#ready.at(-1);
    if (!first || !last) return null;
    const span = (last.decoded + last.duration - first.decoded) / this.#timescale;
    const isFull = span >= kPieceSeconds || this.#readyBytes >= kPieceBytes || this.#ready.length >= kPieceSamples;
    if (!ended && !isFull) return null;
    const samples = this.#ready;
    this.#ready = [];
    this.#readyBytes = 0;
    const seconds = (ticks: number) => ticks / this.#timescale - kTimeShift;
    const start = samples.reduce((least, { presented }) => Math.min(least, presented), Infinity);
    const end = samples.reduce((most, { presented, duration }) => Math.max(most, presented + duration), 0);
    const key = samples.find(one => one.key);
    return {
      ...{ bytes: this.#write(samples), start: seconds(start), end: seconds(end) },
      key: key ? seconds(key.presented) : null,
    };
  }

  /** The n-th packet is decoded at the n-th time of presentation; `depth` packets are kept back. */
  #settle(depth: number): void {
    while (this.#waiting.length > depth) {
      const { packet, presented } = this.#waiting.shift() as Waiting;
      const decoded = Math.max(this.#times.shift() as number, this.#lastDecoded + 1);
      const next = this.#times[0];
      const length = Math.round(packet.duration * this.#timescale);
      const duration = Math.max(1, depth > 0 && next !== undefined ? next - decoded : length);
      this.#lastDecoded = decoded;
      this.#ready.push({ data: packet.data, key: packet.type === 'key', presented, decoded, duration });
      this.#readyBytes += packet.data.length;
    }
  }
}

/** For frames that follow each other without a form around them: MPEG audio. */
class FramePackager implements Packager {
  readonly mime: string;
  readonly head = null;
  readonly sequence = true;
  #packets: EncodedPacket[] = [];

  constructor(mime: string) {
    this.mime = mime;
  }

  reset(): void {
    this.#packets = [];
  }

  push(packet: EncodedPacket): void {
    this.#packets.push(packet);
  }

  take(ended: boolean): Piece | null {
    const [first] = this.#packets;
    const last = this.#packets.at(-1);
    if (!first || !last) return null;
    const end = last.timestamp + last.duration;
    if (!ended && end - first.timestamp < kPieceSeconds && this.#packets.length < kPieceSamples) return null;
    const bytes = concat(this.#packets.map(({ data }) => data));
    this.#packets = [];
    return { bytes, start: first.timestamp, end, key: first.timestamp };
  }
}
