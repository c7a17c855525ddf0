import { hex } from './bytes.ts';

/** A new id as the protocols use them: 16 lower-case hexadecimal digits. */
export function randomId(): string {
  return hex(crypto.getRandomValues(new Uint8Array(8)));
}

export function isId(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f]{16}$/.test(text);
}
