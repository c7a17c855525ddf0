// The small picture that cameras put into the first kilobytes of a JPEG (Exif 2.3, 4.6: APP1, IFD0 and IFD1). With it a
// gallery over a slow connection is there at once. Everything here comes from a file that may be damaged: null then.

export const kHeadBytes = 128 * 1024;

/** { orientation, thumbnail: Uint8Array | null } of the beginning of a JPEG, or null. */
export function readExif(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (view.getUint16(0) !== 0xffd8) return null;
    for (let at = 2; at + 4 <= view.byteLength; ) {
      const marker = view.getUint16(at);
      const length = view.getUint16(at + 2);
      if (marker === 0xffe1 && view.getUint32(at + 4) === 0x45786966) return readTiff(bytes, view, at + 10);
      if ((marker & 0xff00) !== 0xff00 || marker === 0xffda || length < 2) return null;
      at += 2 + length;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return null;
}

function readTiff(bytes, view, base) {
  const little = view.getUint16(base) === 0x4949;
  const u16 = at => view.getUint16(base + at, little);
  const u32 = at => view.getUint32(base + at, little);
  if (u16(2) !== 42) return null;
  const directory = at => {
    const count = Math.min(u16(at), 512);
    const tags = new Map();
    for (let i = 0; i < count; i += 1) {
      const entry = at + 2 + i * 12;
      tags.set(u16(entry), u16(entry + 2) === 3 ? u16(entry + 8) : u32(entry + 8));
    }
    return { tags, next: u32(at + 2 + u16(at) * 12) };
  };
  const first = directory(u32(4));
  const orientation = first.tags.get(0x112) ?? 1;
  if (first.next === 0) return { orientation, thumbnail: null };
  const { tags } = directory(first.next);
  const [start, length] = [tags.get(0x201), tags.get(0x202)];
  if (!start || !length || base + start + length > bytes.length) return { orientation, thumbnail: null };
  const thumbnail = bytes.subarray(base + start, base + start + length);
  const isJpeg = thumbnail[0] === 0xff && thumbnail[1] === 0xd8;
  return { orientation, thumbnail: isJpeg ? thumbnail : null };
}
