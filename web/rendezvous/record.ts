// Handshake records (docs/protocol.md, section 1): values, names, and the parser for bytes that came through the sync.
// Pure functions; the C++ twin is src/rendezvous/record.hpp, and both read protocol/vectors/record.json.
import { rendezvousLimits, rendezvousVersion } from '../generated/protocol.ts';
import { fromUtf8, utf8, type Bytes } from '../base/bytes.ts';
import { isId } from '../base/ids.ts';
import { RendezvousError } from './error.ts';

export interface Offer {
  client: string;
  offer: string;
  nonce: string;
  /** The writer's clock, Unix milliseconds. */
  created: number;
  validS: number;
  name: string;
  /** The one server that shall answer. */
  to?: string;
  sdp: string;
}

export interface Answer {
  client: string;
  offer: string;
  server: string;
  nonce: string;
  /** Of the file name; 0 when the record came without one. */
  n: number;
  created: number;
  validS: number;
  name: string;
  offerDigest: string;
  sdp: string;
}

export interface Presence {
  server: string;
  /** Of the file name. */
  n: number;
  name: string;
  state: 'up' | 'down';
  created: number;
  everyS: number;
  iceServers: string[];
}

export type Record =
  { type: 'offer'; value: Offer } | { type: 'answer'; value: Answer } | { type: 'presence'; value: Presence };

/** What a file name says. */
export type RecordName =
  | { type: 'offer'; client: string; offer: string }
  | { type: 'answer'; client: string; offer: string; server: string; n: number }
  | { type: 'presence'; server: string; n: number };

const maxDepth = 8;
const maxSeconds = 0xffffffff;
const iceServersMax = 16;
const iceServerBytes = 256;
const id = '([0-9a-f]{16})';
const counter = '([1-9][0-9]{0,14})';
const offerName = new RegExp(`^offer-${id}-${id}\\.json$`);
const answerName = new RegExp(`^answer-${id}-${id}-${id}-${counter}\\.json$`);
const presenceName = new RegExp(`^server-${id}-${counter}\\.json$`);

/** Null for every name that is no record's: temporary, conflict copy, foreign. */
export function parseName(name: string): RecordName | null {
  const [, client = '', offer = '', server = '', n = ''] = offerName.exec(name) ?? answerName.exec(name) ?? [];
  if (server) return { type: 'answer', client, offer, server, n: Number(n) };
  if (client) return { type: 'offer', client, offer };
  const presence = presenceName.exec(name);
  return presence ? { type: 'presence', server: presence[1] ?? '', n: Number(presence[2]) } : null;
}

export function nameOf({ type, value }: Record): string {
  switch (type) {
    case 'offer':
      return `offer-${value.client}-${value.offer}.json`;
    case 'answer':
      return `answer-${value.client}-${value.offer}-${value.server}-${value.n}.json`;
    case 'presence':
      return `server-${value.server}-${value.n}.json`;
  }
}

function malformed(what: string): never {
  throw new RendezvousError('malformed', what);
}

/** Nesting as bounded as the other implementation's. */
function isShallow(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (inString) {
      if (c === '\\') i++;
      else if (c === '"') inString = false;
    } else if (c === '"') inString = true;
    else if (c === '[' || c === '{') {
      if (++depth > maxDepth) return false;
    } else if (c === ']' || c === '}') depth--;
  }
  return true;
}

/** Half a surrogate pair, which JSON's escapes can make, is no character, and a number beyond the range is no number. */
function isSound(value: unknown): boolean {
  if (typeof value === 'string') return !/\p{Surrogate}/u.test(value);
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, item]) => isSound(key) && isSound(item));
}

function parseObject(bytes: Uint8Array): { [key: string]: unknown } {
  const text = fromUtf8(bytes);
  if (text === null || !isShallow(text)) malformed('not a record');
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    malformed(text === '' ? 'empty' : 'not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) malformed('not a JSON object');
  if (!isSound(value)) malformed('not a record');
  return value as { [key: string]: unknown };
}

/** Takes members out of a record; a missing or wrong one makes it malformed. */
class Members {
  readonly #object: { [key: string]: unknown };

  constructor(object: { [key: string]: unknown }) {
    this.#object = object;
  }
  has(key: string): boolean {
    return Object.hasOwn(this.#object, key);
  }
  #get(key: string): unknown {
    return this.has(key) ? this.#object[key] : undefined;
  }
  text(key: string): string {
    const value = this.#get(key);
    return typeof value === 'string' ? value : malformed(`member "${key}" is not a string`);
  }
  id(key: string): string {
    const value = this.text(key);
    return isId(value) ? value : malformed(`member "${key}" is not 16 lower-case hexadecimal digits`);
  }
  digest(key: string): string {
    const value = this.text(key);
    return /^[0-9a-f]{64}$/.test(value) ? value : malformed(`member "${key}" is not a SHA-256 in hexadecimal`);
  }
  number(key: string, least: number, most: number): number {
    const value = this.#get(key);
    if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most)
      malformed(`member "${key}" is not an integer in its range`);
    return value as number;
  }
  display(key: string): string {
    const value = this.text(key);
    return value === displayName(value) ? value : malformed(`member "${key}" is too long or has control characters`);
  }
  sdp(): string {
    return this.text('sdp') || malformed('member "sdp" is empty');
  }
  state(): 'up' | 'down' {
    const value = this.text('state');
    return value === 'up' || value === 'down' ? value : malformed('member "state" is neither up nor down');
  }
  iceServers(): string[] {
    const value = this.#get('ice_servers');
    const isUrl = (item: unknown) =>
      typeof item === 'string' && /^[\x21-\x7e]+$/.test(item) && item.length <= iceServerBytes;
    if (!Array.isArray(value) || value.length > iceServersMax || !value.every(isUrl))
      malformed('member "ice_servers" is not a short list of URLs');
    return value as string[];
  }
}

function readOffer(members: Members): Offer {
  const offer: Offer = {
    client: members.id('client'),
    offer: members.id('offer'),
    nonce: members.id('nonce'),
    created: members.number('created', 0, Number.MAX_SAFE_INTEGER),
    validS: members.number('valid_s', 1, maxSeconds),
    name: members.display('name'),
    sdp: members.sdp(),
  };
  if (members.has('to')) offer.to = members.id('to');
  return offer;
}

function readAnswer(members: Members, n: number): Answer {
  return {
    client: members.id('client'),
    offer: members.id('offer'),
    server: members.id('server'),
    nonce: members.id('nonce'),
    n,
    created: members.number('created', 0, Number.MAX_SAFE_INTEGER),
    validS: members.number('valid_s', 1, maxSeconds),
    name: members.display('name'),
    offerDigest: members.digest('offer_digest'),
    sdp: members.sdp(),
  };
}

function readPresence(members: Members, n: number): Presence {
  return {
    server: members.id('server'),
    n,
    name: members.display('name'),
    state: members.state(),
    created: members.number('created', 0, Number.MAX_SAFE_INTEGER),
    everyS: members.number('every_s', 1, maxSeconds),
    iceServers: members.iceServers(),
  };
}

function checkIds(same: boolean): void {
  if (!same) throw new RendezvousError('foreign', 'its ids are not those of its name');
}

function membersOf(bytes: Uint8Array, type: RecordName['type']): Members {
  if (bytes.length > rendezvousLimits.recordBytes)
    throw new RendezvousError('too_large', `more than ${rendezvousLimits.recordBytes} bytes`);
  const members = new Members(parseObject(bytes));
  const version = members.number('v', 1, Number.MAX_SAFE_INTEGER);
  if (version > rendezvousVersion)
    throw new RendezvousError('unsupported', `version ${version}; a newer owndir wrote it, update this one`);
  if (members.text('type') !== type) malformed('member "type" is not what the name says');
  return members;
}

/** Throws a RendezvousError: malformed, too_large, unsupported (version), foreign (ids differ from the name's). */
export function parseRecord(name: RecordName, bytes: Uint8Array): Record {
  const members = membersOf(bytes, name.type);
  switch (name.type) {
    case 'offer': {
      const value = readOffer(members);
      checkIds(value.client === name.client && value.offer === name.offer);
      return { type: 'offer', value };
    }
    case 'answer': {
      const value = readAnswer(members, name.n);
      checkIds(value.client === name.client && value.offer === name.offer && value.server === name.server);
      return { type: 'answer', value };
    }
    case 'presence': {
      const value = readPresence(members, name.n);
      checkIds(value.server === name.server);
      return { type: 'presence', value };
    }
  }
}

/** An answer without its file name, as it comes by hand. */
export function parseAnswer(bytes: Uint8Array): Answer {
  return readAnswer(membersOf(bytes, 'answer'), 0);
}

/** The offer file's bytes. Throws a RendezvousError (`too_large`). */
export function serializeOffer(offer: Offer): Bytes {
  const bytes = utf8(
    JSON.stringify({
      v: rendezvousVersion,
      type: 'offer',
      client: offer.client,
      offer: offer.offer,
      nonce: offer.nonce,
      created: offer.created,
      valid_s: offer.validS,
      name: offer.name,
      to: offer.to,
      sdp: offer.sdp,
    }),
  );
  if (bytes.length > rendezvousLimits.recordBytes)
    throw new RendezvousError('too_large', `The connection offer has ${bytes.length} bytes, too many for its file.`);
  return bytes;
}

/** A name fit to be shown and sent: without control characters, cut at a character to its limit. */
export function displayName(text: string): string {
  let name = '';
  let size = 0;
  for (const character of text) {
    if (/[\p{Cc}\p{Surrogate}]/u.test(character)) continue;
    size += utf8(character).length;
    if (size > rendezvousLimits.nameChars) break;
    name += character;
  }
  return name;
}
