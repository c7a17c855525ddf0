// The exchange of handshake records by hand, where the browser has no file access: download and open, copy and paste.
import type { Answer } from './record.ts';

export interface OfferText {
  /** The file name that a server expects in its handshake directory. */
  name: string;
  text: string;
  /** SHA-256 of the text's bytes. */
  digest: string;
  client: string;
  offer: string;
}

export interface OfferTextOptions {
  clientId: string;
  /** Of this device. */
  name: string;
  server?: string;
  validS?: number;
}

/** Rejects with a RendezvousError (`too_large`). */
export declare function makeOfferText(sdp: string, options: OfferTextOptions): Promise<OfferText>;

/** Parses an answer that was pasted or opened; surrounding white space is ignored. Throws a RendezvousError. */
export declare function readAnswerText(text: string, expected: OfferText): Answer;
