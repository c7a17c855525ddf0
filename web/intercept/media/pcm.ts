// Sound without compression, for which MediaSource has no form: written as FLAC whose frames hold the samples as they are
// (RFC 9639: 9.1 the header, 9.2.2 verbatim). Of 16 bits: Chromium's MediaSource takes no
// others.

import type { Bytes } from '../../base/bytes.ts';

export interface PcmFormat {
  /** A name of the library's: pcm-s16, pcm-f32be, ulaw. */
  readonly codec: string;
  readonly rate: number;
  readonly channels: number;
}

/** Samples of one channel in a frame. */
export const kPcmBlock = 2048;
const kMost = { rate: 0xfffff, channels: 8 };

const formats: Readonly<Record<string, { bytes: number; read: (view: DataView, at: number) => number }>> = {
  'pcm-s16': { bytes: 2, read: (view, at) => view.getInt16(at, true) },
  'pcm-s16be': { bytes: 2, read: (view, at) => view.getInt16(at) },
  'pcm-s24': { bytes: 3, read: (view, at) => view.getInt16(at + 1, true) },
  'pcm-s24be': { bytes: 3, read: (view, at) => view.getInt16(at) },
  'pcm-s32': { bytes: 4, read: (view, at) => view.getInt16(at + 2, true) },
  'pcm-s32be': { bytes: 4, read: (view, at) => view.getInt16(at) },
  'pcm-f32': { bytes: 4, read: (view, at) => ofFloat(view.getFloat32(at, true)) },
  'pcm-f32be': { bytes: 4, read: (view, at) => ofFloat(view.getFloat32(at)) },
  'pcm-f64': { bytes: 8, read: (view, at) => ofFloat(view.getFloat64(at, true)) },
  'pcm-f64be': { bytes: 8, read: (view, at) => ofFloat(view.getFloat64(at)) },
  'pcm-u8': { bytes: 1, read: (view, at) => (view.getUint8(at) - 128) << 8 },
  'pcm-s8': { bytes: 1, read: (view, at) => view.getInt8(at) << 8 },
  ulaw: { bytes: 1, read: (view, at) => ofUlaw(view.getUint8(at)) },
  alaw: { bytes: 1, read: (view, at) => ofAlaw(view.getUint8(at)) },
};

function ofFloat(value: number): number {
  return Math.max(-0x8000, Math.min(0x7fff, Math.round(value * 0x8000))) || 0;
}

/** ITU-T G.711. */
function ofUlaw(coded: number): number {
  const value = ~coded & 0xff;
  const size = (((value & 0x0f) << 3) + 0x84) << ((value >> 4) & 7);
  return value & 0x80 ? 0x84 - size : size - 0x84;
}

function ofAlaw(coded: number): number {
  const value = coded ^ 0x55;
  const exponent = (value >> 4) & 7;
  const base = ((value & 0x0f) << 4) + 8;
  const size = exponent === 0 ? base : (base + 0x100) << (exponent - 1);
  return value & 0x80 ? size : -size;
}

const table = (bits: 8 | 16, polynomial: number): Uint16Array =>
  Uint16Array.from({ length: 256 }, (_, index) => {
    let value = index << (bits - 8);
    for (let i = 0; i < 8; i++) value = (value & (1 << (bits - 1)) ? (value << 1) ^ polynomial : value << 1) & 0xffff;
    return value & ((1 << bits) - 1);
  });
const crc8 = table(8, 0x07);
const crc16 = table(16, 0x8005);

/** As UTF-8 would, up to 31 bits. */
function coded(number: number): number[] {
  if (number < 0x80) return [number];
  const tail: number[] = [];
  let rest = number;
  let room = 0x3f;
  do {
    tail.unshift(0x80 | (rest & 0x3f));
    rest >>= 6;
    room >>= 1;
  } while (rest > room);
  return [((~room << 1) & 0xff) | rest, ...tail];
}

export class PcmToFlac {
  readonly #format: PcmFormat;
  readonly #sample: (typeof formats)[string];

  /** Null: no such sound can be written. */
  static of(format: PcmFormat): PcmToFlac | null {
    const sample = formats[format.codec];
    const { rate, channels } = format;
    if (!sample || !(rate > 0 && rate <= kMost.rate && channels > 0 && channels <= kMost.channels)) return null;
    return new PcmToFlac(format, sample);
  }

  private constructor(format: PcmFormat, sample: (typeof formats)[string]) {
    this.#format = format;
    this.#sample = sample;
  }

  /** Of a sample in all channels. */
  get frameBytes(): number {
    return this.#sample.bytes * this.#format.channels;
  }

  /** "fLaC" and the STREAMINFO block. */
  get description(): Bytes {
    const { rate, channels } = this.#format;
    const bytes = new Uint8Array(42);
    bytes.set([0x66, 0x4c, 0x61, 0x43, 0x80, 0, 0, 34]);
    const view = new DataView(bytes.buffer);
    view.setUint16(8, kPcmBlock);
    view.setUint16(10, kPcmBlock);
    view.setUint32(18, (rate << 12) | ((channels - 1) << 9) | (15 << 4));
    return bytes;
  }

  /** At most `kPcmBlock` samples. `index`: of the block in the stream. */
  frame(index: number, pcm: Uint8Array): Bytes {
    const { channels } = this.#format;
    const { bytes: width, read } = this.#sample;
    const count = Math.floor(pcm.length / (width * channels));
    const head = [0xff, 0xf8, 0x70, ((channels - 1) << 4) | 0x08, ...coded(index)];
    head.push((count - 1) >> 8, (count - 1) & 0xff);
    head.push(head.reduce((crc, byte) => crc8[crc ^ byte] as number, 0));
    const frame = new Uint8Array(head.length + channels * (1 + count * 2) + 2);
    frame.set(head);
    const from = new DataView(pcm.buffer, pcm.byteOffset, pcm.byteLength);
    let at = head.length;
    for (let channel = 0; channel < channels; channel++) {
      frame[at++] = 0x02;
      for (let i = 0; i < count; i++) {
        const value = read(from, (i * channels + channel) * width);
        frame[at++] = value >> 8;
        frame[at++] = value;
      }
    }
    let crc = 0;
    for (let i = 0; i < at; i++) crc = ((crc << 8) & 0xffff) ^ (crc16[(crc >> 8) ^ (frame[i] as number)] as number);
    frame[at] = crc >> 8;
    frame[at + 1] = crc & 0xff;
    return frame;
  }
}
