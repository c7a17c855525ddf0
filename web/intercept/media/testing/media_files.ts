// Small films and sounds that ffmpeg makes for tests, twelve seconds each, in a directory that the test removes.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const ffmpegIsMissing = spawnSync('ffmpeg', ['-version']).error !== undefined;

export const kSeconds = 12;
const picture = ['-f', 'lavfi', '-i', `testsrc2=size=192x144:rate=25:duration=${kSeconds}`];
const tone = ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${kSeconds}`];
const film = [...picture, ...tone];
const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '50', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
const vp8 = ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-g', '50', '-c:a', 'libvorbis'];
const vp9 = ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-g', '50', '-c:a', 'libopus'];

const recipes = {
  'faststart.mp4': [...film, ...h264, '-movflags', '+faststart'],
  'moov-at-end.mp4': [...film, ...h264],
  'fragmented.mp4': [...film, ...h264, '-movflags', '+frag_keyframe+empty_moov'],
  'mp3.mp4': [...film, ...h264, '-c:a', 'libmp3lame'],
  'cues.webm': [...film, ...vp8],
  'vp9.webm': [...film, ...vp9],
  /** As to a pipe: no index. */
  'no-cues.webm': [...film, ...vp9, '-live', '1'],
  'sound.mp3': [...tone, '-c:a', 'libmp3lame'],
  'sound.ogg': [...tone, '-c:a', 'libvorbis'],
  'sound.opus': [...tone, '-c:a', 'libopus'],
  'sound.flac': [...tone, '-c:a', 'flac'],
  'sound.m4a': [...tone, '-c:a', 'aac'],
  'sound.wav': [...tone],
  'float.wav': [...tone, '-ac', '2', '-c:a', 'pcm_f32le'],
  'deep.wav': [...tone, '-c:a', 'pcm_s24le'],
  'alaw.wav': [...tone, '-ar', '8000', '-c:a', 'pcm_alaw'],
  'ulaw.wav': [...tone, '-ar', '8000', '-c:a', 'pcm_mulaw'],
  'old.avi': [...picture, '-c:v', 'mpeg4'],
} satisfies Readonly<Record<string, readonly string[]>>;

export type MediaName = keyof typeof recipes;

export class MediaFiles {
  readonly directory = mkdtempSync(join(tmpdir(), 'owndir-media-'));
  readonly #made = new Map<MediaName, Buffer<ArrayBuffer>>();

  get(name: MediaName): Buffer<ArrayBuffer> {
    let bytes = this.#made.get(name);
    if (!bytes) {
      const path = join(this.directory, name);
      execFileSync('ffmpeg', ['-v', 'error', '-y', '-threads', '1', ...recipes[name], path]);
      bytes = readFileSync(path);
      this.#made.set(name, bytes);
    }
    return bytes;
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
