// A folder like somebody's own: text, pictures, sound, nested directories; made, not stored.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deflateSync } from 'node:zlib';

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});
function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = (value >>> 8) ^ crcTable[(value ^ byte) & 0xff];
  return (value ^ 0xffffffff) >>> 0;
}

function png(width, height, colour) {
  const rows = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) rows.set(colour(x / width, y / height), y * (width * 3 + 1) + 1 + x * 3);
  }
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(crc32(body), body.length + 4);
    return out;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);
  return Buffer.concat([signature, chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}

function wav(seconds, notes) {
  const rate = 16_000;
  const samples = Math.round(seconds * rate);
  const out = Buffer.alloc(44 + samples * 2);
  out.write('RIFF', 0);
  out.writeUInt32LE(36 + samples * 2, 4);
  out.write('WAVEfmt ', 8);
  out.writeUInt32LE(16, 16);
  out.writeUInt16LE(1, 20);
  out.writeUInt16LE(1, 22);
  out.writeUInt32LE(rate, 24);
  out.writeUInt32LE(rate * 2, 28);
  out.writeUInt16LE(2, 32);
  out.writeUInt16LE(16, 34);
  out.write('data', 36);
  out.writeUInt32LE(samples * 2, 40);
  for (let i = 0; i < samples; i++) {
    const at = i / samples;
    const note = notes[Math.min(notes.length - 1, Math.floor(at * notes.length))];
    const fade = Math.min(1, (1 - ((at * notes.length) % 1)) * 3);
    out.writeInt16LE(Math.round(Math.sin((2 * Math.PI * note * i) / rate) * 9000 * fade), 44 + i * 2);
  }
  return out;
}

const dusk = (x, y) => [40 + 180 * y, 60 + 90 * (1 - Math.abs(x - 0.5)), 120 + 100 * (1 - y)];
const meadow = (x, y) => (y > 0.6 + 0.05 * Math.sin(x * 9) ? [60, 140 + 60 * x, 70] : [140 + 60 * y, 190, 235]);
const rings = (x, y) => {
  const distance = Math.hypot(x - 0.5, y - 0.5);
  return [128 + 120 * Math.sin(distance * 40), 120, 200 - 150 * distance];
};

const files = () => ({
  'README.txt': `A sample folder

Everything here is read over a peer-to-peer connection from the copy "at home".
"Only at home/secret plans.txt" exists only there: the sync is told to ignore it.
`,
  'Pictures/dusk.png': png(480, 320, dusk),
  'Pictures/meadow.png': png(480, 320, meadow),
  'Pictures/Patterns/rings.png': png(320, 320, rings),
  'Pictures/Patterns/leaf.svg': `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><path d="M50 5C90 25 90 75 50 95C10 75 10 25 50 5Z" fill="#3a7d44"/><path d="M50 5V95" stroke="#fff" stroke-width="2"/></svg>\n`,
  'Music/three notes.wav': wav(1.5, [440, 554.37, 659.25]),
  'Notes/Garden.md': '# Garden\n\n* beans by the fence\n* water on Thursdays\n',
  'Notes/Recipes/Bread.txt': 'Flour, water, salt, time.\n',
  'Notes/Recipes/Grüße & Küsse #1 50%.txt': 'A name with everything that an address must escape.\n',
  'numbers.csv': 'day,steps\nMonday,8123\nTuesday,10412\n',
});

export const homeOnly = { path: 'Only at home/secret plans.txt', text: 'Read over the channel: this file never went through the sync.\n' };

/** Fills the folder; the home-only file too if asked, together with the rule that keeps it out of the sync. */
export function makeSample(folder, { withHomeOnly = false } = {}) {
  const all = { ...files(), ...(withHomeOnly ? { [homeOnly.path]: homeOnly.text, '.stignore': '/Only at home\n' } : {}) };
  for (const [path, content] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}
