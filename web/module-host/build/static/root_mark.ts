// Modules import URLs of images when they are loaded, but only each page knows how deep it lies: until it is written, a mark
// stands before the path.
import { upFrom } from './page.ts';

/** The global variable with what stands before paths of the site. */
export const rootName = '__owndir_root';

export const rootMark = '__OWNDIR_ROOT__/';

/** What is written to `to`, with the way to the site's root in place of the marks. */
export function placeRoot(bytes: Uint8Array, to: string): Uint8Array {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!buffer.includes(rootMark)) return bytes;
  return Buffer.from(buffer.toString('latin1').replaceAll(rootMark, Buffer.from(upFrom(to)).toString('latin1')), 'latin1');
}
