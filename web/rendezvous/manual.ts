// The exchange of handshake records by hand, where the browser has no file access: download and open, copy and paste.
import { rendezvousLimits } from '../generated/protocol.ts';
import { sha256, utf8, type Bytes } from '../base/bytes.ts';
import { randomId } from '../base/ids.ts';
import { RendezvousError } from './error.ts';
import { displayName, nameOf, parseAnswer, serializeOffer, type Answer, type Offer } from './record.ts';

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
  /** Only this server shall answer. */
  server?: string;
  validS?: number;
}

export interface PreparedOffer extends OfferText {
  bytes: Bytes;
}

/** A new offer, ready to be written. Rejects with a RendezvousError (`too_large`). */
export async function prepareOffer(
  sdp: string,
  options: OfferTextOptions,
  created: number,
  makeId: () => string = randomId,
): Promise<PreparedOffer> {
  const value: Offer = {
    client: options.clientId,
    offer: makeId(),
    nonce: makeId(),
    created,
    validS: options.validS ?? rendezvousLimits.offerValidS,
    name: displayName(options.name),
    sdp,
  };
  if (options.server !== undefined) value.to = options.server;
  const bytes = serializeOffer(value);
  return {
    name: nameOf({ type: 'offer', value }),
    text: new TextDecoder().decode(bytes),
    digest: await sha256(bytes),
    client: value.client,
    offer: value.offer,
    bytes,
  };
}

/** Rejects with a RendezvousError (`too_large`). */
export async function makeOfferText(sdp: string, options: OfferTextOptions): Promise<OfferText> {
  const { name, text, digest, client, offer } = await prepareOffer(sdp, options, Date.now());
  return { name, text, digest, client, offer };
}

/** An answer is accepted only for the very bytes that were offered. Throws a RendezvousError (`foreign`). */
export function checkAnswer(answer: Answer, expected: { client: string; offer: string; digest: string }): Answer {
  if (answer.client !== expected.client || answer.offer !== expected.offer)
    throw new RendezvousError('foreign', 'This answer belongs to another offer. Take the answer to the newest offer.');
  if (answer.offerDigest !== expected.digest)
    throw new RendezvousError('foreign', 'This answer was made for an offer that was changed on its way. Try again.');
  return answer;
}

/** Parses an answer that was pasted or opened; surrounding white space is ignored. Throws a RendezvousError. */
export function readAnswerText(text: string, expected: OfferText): Answer {
  return checkAnswer(parseAnswer(utf8(text.trim())), expected);
}
