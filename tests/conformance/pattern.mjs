// Bytes that both ends can make and name without carrying them: the upstream and the page under test share this file.

/** `length` bytes of an endless pattern, from `offset`; no two blocks of 64 KiB are alike. */
export function pattern(length, offset = 0) {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const at = offset + i;
    bytes[i] = (at * 31 + (at >>> 8) * 7 + (at >>> 16) * 13) & 255;
  }
  return bytes;
}

/** FNV-1a over pieces: names a body in eight hexadecimal digits. */
export class Fnv {
  #state = 0x811c9dc5;
  length = 0;
  update(bytes) {
    let state = this.#state;
    for (let i = 0; i < bytes.length; i++) state = Math.imul(state ^ bytes[i], 0x01000193);
    this.#state = state;
    this.length += bytes.length;
    return this;
  }
  get digest() {
    return (this.#state >>> 0).toString(16).padStart(8, '0');
  }
}

export const digest = (bytes) => new Fnv().update(bytes).digest;
export const patternDigest = (length, offset = 0) => digest(pattern(length, offset));
