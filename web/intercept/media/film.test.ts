// Every kind of file, read by the library in parts and packed for MediaSource; ffmpeg says what came out.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { concat, type Bytes } from '../../base/bytes.ts';
import { Film, type FilmTrack } from './film.ts';
import type { Piece } from './packager.ts';
import { kPcmBlock, PcmToFlac } from './pcm.ts';
import { MediaError, RangeFile } from './ranges.ts';
import { ffmpegIsMissing, kSeconds, MediaFiles, type MediaName } from './testing/media_files.ts';

describe.skipIf(ffmpegIsMissing)('a film', { timeout: 60_000 }, () => {
  const files = new MediaFiles();
  afterAll(() => files.close());

  async function open(name: MediaName): Promise<{ film: Film; asked: number[] }> {
    const bytes = files.get(name);
    const asked: number[] = [];
    const file = new RangeFile(fields => {
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(Object.fromEntries(fields).range ?? '') ?? [];
      const [start, end] = [Number(from), Math.min(bytes.length, Number(to) + 1)];
      asked.push(start);
      const range = `bytes ${start}-${end - 1}/${bytes.length}`;
      const body = new Blob([bytes.subarray(start, end)]).stream() as ReadableStream<Bytes>;
      return Promise.resolve({ status: 206, field: one => (one === 'content-range' ? range : null), body });
    });
    await file.open();
    return { film: await Film.open(file, () => true), asked };
  }

  async function from(track: FilmTrack, seconds: number): Promise<Piece[]> {
    await track.seek(seconds);
    const pieces: Piece[] = [];
    while (!track.ended) {
      const piece = await track.step();
      if (piece) pieces.push(piece);
    }
    return pieces;
  }

  function decoded(track: FilmTrack, pieces: readonly Piece[]): { errors: string; frames: number } {
    const path = join(files.directory, 'out');
    writeFileSync(path, concat([track.packager.head ?? new Uint8Array(), ...pieces.map(({ bytes }) => bytes)]));
    const entries = ['-count_frames', '-show_entries', 'stream=nb_read_frames', '-of', 'csv=p=0'];
    const run = spawnSync('ffprobe', ['-v', 'error', ...entries, path], { encoding: 'utf8' });
    return { errors: run.stderr, frames: parseInt(run.stdout) };
  }

  const films: readonly (readonly [MediaName, string, string])[] = [
    ['faststart.mp4', 'video/mp4; codecs="avc1.', 'audio/mp4; codecs="mp4a.40.2"'],
    ['moov-at-end.mp4', 'video/mp4; codecs="avc1.', 'audio/mp4; codecs="mp4a.40.2"'],
    ['fragmented.mp4', 'video/mp4; codecs="avc1.', 'audio/mp4; codecs="mp4a.40.2"'],
    ['mp3.mp4', 'video/mp4; codecs="avc1.', 'audio/mpeg'],
    ['cues.webm', 'video/webm; codecs="vp8"', 'audio/webm; codecs="vorbis"'],
    ['vp9.webm', 'video/mp4; codecs="vp09.', 'audio/mp4; codecs="opus"'],
    ['no-cues.webm', 'video/mp4; codecs="vp09.', 'audio/mp4; codecs="opus"'],
  ];
  it.each(films)('comes out of %s whole, from the beginning and from the middle', async (name, video, audio) => {
    const { film } = await open(name);
    const [picture, sound] = film.tracks;
    if (!picture || !sound) throw new Error('two tracks');
    expect(picture.packager.mime.startsWith(video), picture.packager.mime).toBe(true);
    expect(sound.packager.mime).toBe(audio);
    const all = await from(picture, 0);
    expect(decoded(picture, all)).toEqual({ errors: '', frames: 25 * kSeconds });
    expect(Math.max(...all.map(({ start, end }) => end - start))).toBeLessThan(1.5);
    expect(decoded(sound, await from(sound, 0)).errors).toBe('');
    const [first, ...rest] = await from(picture, 7.3);
    if (!first) throw new Error('a piece');
    expect([first.start, first.key].map(at => Math.round(at ?? -1))).toEqual([6, 6]);
    expect(decoded(picture, [first, ...rest])).toEqual({ errors: '', frames: 25 * (kSeconds - 6) });
    film.close();
  });

  const sounds = [
    ...(['sound.mp3', 'sound.ogg', 'sound.opus', 'sound.flac', 'sound.m4a', 'sound.wav', 'float.wav'] as const),
    ...(['deep.wav', 'alaw.wav', 'ulaw.wav'] as const),
  ];
  it.each(sounds)('comes out of %s as sound that can be decoded', async name => {
    const { film } = await open(name);
    const [track] = film.tracks;
    if (!track) throw new Error('a track');
    expect(Math.abs(film.duration - kSeconds)).toBeLessThan(0.1);
    const pieces = await from(track, 0);
    expect(decoded(track, pieces).errors).toBe('');
    expect(Math.abs((pieces.at(-1)?.end ?? 0) - kSeconds)).toBeLessThan(0.1);
    const [later] = await from(track, 8);
    expect(Math.abs((later?.start ?? 0) - 8)).toBeLessThan(0.2);
    film.close();
  });

  it('is refused where its form is unknown, or the browser does not play it', async () => {
    await expect(open('old.avi')).rejects.toMatchObject({ kind: 'unplayable' });
    const bytes = files.get('faststart.mp4');
    const file = new RangeFile(() =>
      Promise.resolve({
        status: 206,
        field: name => (name === 'content-range' ? `bytes 0-${bytes.length - 1}/${bytes.length}` : null),
        body: new Blob([bytes]).stream(),
      }),
    );
    if (bytes.length <= 524_288) await file.open();
    await expect(Film.open(file, () => false)).rejects.toBeInstanceOf(MediaError);
  });

  it('that claims an enormous index is refused, and nothing of it is read', async () => {
    const size = 3 * 2 ** 30;
    const begin = Buffer.alloc(36);
    begin.writeUInt32BE(20);
    begin.write('ftypisom', 4);
    begin.writeUInt32BE(2 ** 30 * 2, 20);
    begin.write('moov', 24);
    let read = 0;
    const file = new RangeFile(fields => {
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(Object.fromEntries(fields).range ?? '') ?? [];
      const [start, end] = [Number(from), Number(to) + 1];
      read += end - start;
      const bytes = new Uint8Array(end - start);
      bytes.set(begin.subarray(Math.min(start, 36)));
      const range = `bytes ${start}-${end - 1}/${size}`;
      const body = new Blob([bytes]).stream() as ReadableStream<Bytes>;
      return Promise.resolve({ status: 206, field: one => (one === 'content-range' ? range : null), body });
    });
    await file.open();
    await expect(Film.open(file, () => true)).rejects.toMatchObject({ kind: 'unplayable' });
    expect(read).toBeLessThan(8 * 1024 * 1024);
    file.close();
  });

  it('of random bytes, or cut off anywhere, ends or fails and does not hang', async () => {
    for (const name of ['faststart.mp4', 'fragmented.mp4', 'cues.webm', 'sound.wav'] as const) {
      const whole = files.get(name);
      for (let turn = 0; turn < 6; turn++) {
        const bytes = Uint8Array.from(whole.subarray(0, Math.floor((whole.length * (turn + 1)) / 6)));
        for (let i = 0; i < turn * 40; i++) bytes[(i * 7919 * (turn + 1)) % bytes.length] = (i * 31) & 0xff;
        const file = new RangeFile(fields => {
          const [, a, b] = /^bytes=(\d+)-(\d+)$/.exec(Object.fromEntries(fields).range ?? '') ?? [];
          const [start, end] = [Number(a), Math.min(bytes.length, Number(b) + 1)];
          const range = `bytes ${start}-${end - 1}/${bytes.length}`;
          const body = new Blob([bytes.subarray(start, end)]).stream() as ReadableStream<Bytes>;
          return Promise.resolve({ status: 206, field: one => (one === 'content-range' ? range : null), body });
        });
        await file.open();
        const film = await Film.open(file, () => true).catch(() => null);
        for (const track of film?.tracks ?? []) await from(track, 5).catch(() => undefined);
        film?.close();
        file.close();
      }
    }
  });
});

describe('sound without compression as FLAC', () => {
  const values = [0, 1, -1, 1000, -1000, 32767, -32768];

  it('keeps each sample, in both halves of a frame', () => {
    const flac = PcmToFlac.of({ codec: 'pcm-s16', rate: 44_100, channels: 1 });
    const pcm = new Uint8Array(Int16Array.from(values).buffer);
    const frame = flac?.frame(3, pcm) ?? new Uint8Array();
    const samples = Buffer.from(frame.subarray(-2 - values.length * 2, -2));
    expect(values.map((_, i) => samples.readInt16BE(i * 2))).toEqual(values);
    expect([...frame.subarray(0, 8)]).toEqual([0xff, 0xf8, 0x70, 0x08, 3, 0, 6, frame[7]]);
  });

  it('reads every form of a sample', () => {
    const bytes = (codec: string, write: (view: DataView) => void, width: number) => {
      const view = new DataView(new ArrayBuffer(width));
      write(view);
      const frame = PcmToFlac.of({ codec, rate: 8000, channels: 1 })?.frame(0, new Uint8Array(view.buffer));
      if (!frame) throw new Error(codec);
      return Buffer.from(frame.subarray(-4, -2)).readInt16BE(0);
    };
    expect(bytes('pcm-s24', view => view.setInt16(1, -2, true), 3)).toBe(-2);
    expect(bytes('pcm-s24be', view => view.setInt16(0, -2), 3)).toBe(-2);
    expect(bytes('pcm-s32', view => view.setInt32(0, -2 << 16, true), 4)).toBe(-2);
    expect(bytes('pcm-s32be', view => view.setInt32(0, -2 << 16), 4)).toBe(-2);
    expect(bytes('pcm-f32', view => view.setFloat32(0, -0.5, true), 4)).toBe(-0x4000);
    expect(bytes('pcm-f64', view => view.setFloat64(0, 7, true), 8)).toBe(0x7fff);
    expect(bytes('pcm-f32', view => view.setFloat32(0, NaN, true), 4)).toBe(0);
    expect(bytes('pcm-u8', view => view.setUint8(0, 0), 1)).toBe(-32768);
    expect(bytes('ulaw', view => view.setUint8(0, 0xff), 1)).toBe(0);
    expect(bytes('ulaw', view => view.setUint8(0, 0x00), 1)).toBe(-32124);
    expect(bytes('alaw', view => view.setUint8(0, 0xd5), 1)).toBe(8);
    expect(bytes('alaw', view => view.setUint8(0, 0x2a), 1)).toBe(-32256);
  });

  it('has no form for too many channels, and blocks that fit their count', () => {
    expect(PcmToFlac.of({ codec: 'pcm-s16', rate: 44_100, channels: 9 })).toBeNull();
    expect(PcmToFlac.of({ codec: 'opus', rate: 44_100, channels: 2 })).toBeNull();
    expect(kPcmBlock).toBeLessThanOrEqual(65_536);
  });
});
