// What MediaSource is fed with: movie fragments (ISO/IEC 14496-12, 8.8) and WebM clusters of one track. The library writes the
// beginning of such a stream (tracks.ts); its fragments would be as long as a group of pictures, which may be a minute.

import { concat, type Bytes } from '../../base/bytes.ts';

export interface Sample {
  readonly data: Uint8Array;
  readonly key: boolean;
  /** All in ticks of the track. */
  readonly presented: number;
  readonly decoded: number;
  readonly duration: number;
}

const ascii = (text: string): Bytes => Uint8Array.from(text, one => one.charCodeAt(0));

function u32(...values: number[]): Bytes {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => view.setUint32(i * 4, value >>> 0));
  return bytes;
}

function u64(value: number): Bytes {
  return u32(Math.floor(value / 2 ** 32), value % 2 ** 32);
}

function box(type: string, ...contents: Bytes[]): Bytes {
  const size = contents.reduce((sum, { length }) => sum + length, 8);
  return concat([u32(size), ascii(type), ...contents]);
}

/** Flags of a sample: depends on no other; or depends on others and is no sync sample. */
const kSync = 0x02000000;
const kNotSync = 0x01010000;
const kBaseIsMoof = 0x020000;
/** Data offset; duration, size, flags and composition offset of each sample. */
const kRunFlags = 0x000f01;

function movieFragment(sequence: number, samples: readonly Sample[], dataOffset: number): Bytes {
  const rows = samples.flatMap(({ duration, data, key, presented, decoded }) => [
    ...[duration, data.length, key ? kSync : kNotSync, presented - decoded],
  ]);
  const run = box('trun', u32(0x01000000 | kRunFlags, samples.length, dataOffset, ...rows));
  const start = box('tfdt', u32(0x01000000), u64(samples[0]?.decoded ?? 0));
  const traf = box('traf', box('tfhd', u32(kBaseIsMoof, 1)), start, run);
  return box('moof', box('mfhd', u32(0, sequence)), traf);
}

/** moof and mdat of track 1; no tick may be negative. */
export function mp4Fragment(sequence: number, samples: readonly Sample[]): Bytes {
  const { length } = movieFragment(sequence, samples, 0);
  const size = samples.reduce((sum, { data }) => sum + data.length, 8);
  const moof = movieFragment(sequence, samples, length + 8);
  return concat([moof, u32(size), ascii('mdat'), ...samples.map(({ data }) => data)]);
}

/** The ticks in a second that a moov box says for its only track; null: it has none. */
export function timescaleOf(moov: Uint8Array): number | null {
  for (let at = 0; at + 28 <= moov.length; at++) {
    if (moov[at] !== 0x6d || String.fromCharCode(...moov.subarray(at, at + 4)) !== 'mdhd') continue;
    const view = new DataView(moov.buffer, moov.byteOffset);
    return view.getUint32(at + (moov[at + 4] === 1 ? 24 : 16)) || null;
  }
  return null;
}

/** An EBML size of eight bytes. */
const ebmlSize = (size: number): Bytes => {
  const bytes = u64(size);
  bytes[0] = 0x01;
  return bytes;
};

/** From a cluster's time to that of a block in it, ticks of a millisecond. */
const kClusterSpan = 30_000;

/** Clusters of track 1 with its samples, in milliseconds. */
export function webmClusters(samples: readonly Sample[]): Bytes {
  const clusters: Bytes[] = [];
  for (let at = 0; at < samples.length;) {
    const base = samples[at]?.presented ?? 0;
    const blocks: Bytes[] = [];
    for (; at < samples.length; at++) {
      const { presented, data, key } = samples[at] as Sample;
      const offset = presented - base;
      if (offset < -kClusterSpan || offset > kClusterSpan) break;
      const head = new Uint8Array([0x81, (offset >> 8) & 0xff, offset & 0xff, key ? 0x80 : 0]);
      blocks.push(concat([new Uint8Array([0xa3]), ebmlSize(head.length + data.length), head, data]));
    }
    const time = concat([new Uint8Array([0xe7, 0x88]), u64(base)]);
    const size = blocks.reduce((sum, { length }) => sum + length, time.length);
    clusters.push(concat([new Uint8Array([0x1f, 0x43, 0xb6, 0x75]), ebmlSize(size), time, ...blocks]));
  }
  return concat(clusters);
}
