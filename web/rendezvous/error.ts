export type RendezvousErrorCode =
  /** The offer's validity passed without an answer. */
  | 'timeout'
  | 'cancelled'
  /** The handshake directory went away. */
  | 'gone'
  /** The permission is missing, or the folder is read-only. */
  | 'denied'
  /** The description does not fit into a record. */
  | 'too_large'
  /** A text that is not the record that was expected. */
  | 'malformed'
  /** A valid record that belongs to something else, for example to an older offer. */
  | 'foreign'
  /** Of a later version of the protocol. */
  | 'unsupported'
  | 'io';

export class RendezvousError extends Error {
  override readonly name = 'RendezvousError';
  readonly code: RendezvousErrorCode;

  constructor(code: RendezvousErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
