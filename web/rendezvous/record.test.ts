import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sha256, utf8 } from '../base/bytes.ts';
import { RendezvousError } from './error.ts';
import { displayName, nameOf, parseAnswer, parseName, parseRecord, serializeOffer } from './record.ts';

interface RecordVector {
  what: string;
  name: string;
  text?: string;
  base64?: string;
  pieces?: [string, number][];
  expect?: { [key: string]: unknown };
  error?: string;
}
interface Vectors {
  digests: { text: string; sha256: string }[];
  names: { name: string; kind: string | null; client?: string; offer?: string; server?: string; n?: number }[];
  records: RecordVector[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../../protocol/vectors/record.json', import.meta.url), 'utf8'),
) as Vectors;
const camel = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

function bytesOf(vector: RecordVector): Uint8Array {
  if (vector.base64 !== undefined) return Uint8Array.from(Buffer.from(vector.base64, 'base64'));
  return utf8(vector.text ?? (vector.pieces ?? []).map(([text, count]) => text.repeat(count)).join(''));
}

function parse(vector: RecordVector) {
  const name = parseName(vector.name);
  if (!name) throw new Error(`${vector.name} is no record's name`);
  return parseRecord(name, bytesOf(vector));
}

describe('records agree with the shared vectors', () => {
  it.each(vectors.names)('name $name', ({ name, kind, ...rest }) => {
    expect(parseName(name)).toEqual(kind === null ? null : { type: kind, ...rest });
  });

  it.each(vectors.records.filter(vector => vector.expect))('$what', vector => {
    const record = parse(vector);
    const { type, ...members } = vector.expect ?? {};
    const expected = Object.fromEntries(Object.entries(members).map(([key, value]) => [camel(key), value]));
    expect(record.type).toBe(type);
    expect(record.value).toMatchObject(expected);
    expect(nameOf(record)).toBe(vector.name);
  });

  it.each(vectors.records.filter(vector => vector.error))('$what is refused', vector => {
    let code = 'none';
    try {
      parse(vector);
    } catch (error) {
      if (!(error instanceof RendezvousError)) throw error;
      code = error.code;
    }
    expect(code).toBe(vector.error);
  });

  it.each(vectors.digests)('the digest of "$text"', async ({ text, sha256: expected }) => {
    expect(await sha256(utf8(text))).toBe(expected);
  });
});

describe('a record', () => {
  const offer = {
    client: '0123456789abcdef',
    offer: 'fedcba9876543210',
    nonce: '00112233445566ff',
    created: 1760000000000,
    validS: 600,
    name: 'Anna’s phone 🌱',
    sdp: 'v=0\r\n',
  };

  it('that was written is read back', () => {
    for (const value of [offer, { ...offer, to: '00112233445566aa' }]) {
      const name = parseName(nameOf({ type: 'offer', value }));
      expect(name && parseRecord(name, serializeOffer(value))).toEqual({ type: 'offer', value });
    }
  });

  it('is never written beyond its limit', () => {
    expect(() => serializeOffer({ ...offer, sdp: 'a'.repeat(16384) })).toThrow(RendezvousError);
  });

  it('is read without its name when it comes by hand', () => {
    const answer = vectors.records.find(vector => vector.what === 'an answer');
    expect(answer && parseAnswer(bytesOf(answer))).toMatchObject({ server: '00112233445566aa', n: 0 });
    expect(() => parseAnswer(serializeOffer(offer))).toThrow('type');
  });

  it('has a display name without control characters, cut at a character', () => {
    expect(displayName('a\x00b\x1b[1m\x7f\x85c')).toBe('ab[1mc');
    expect(displayName('ü'.repeat(40))).toBe('ü'.repeat(32));
    expect(displayName('x' + '🌱'.repeat(16))).toBe('x' + '🌱'.repeat(15));
    expect(displayName('a\ud800b')).toBe('ab');
  });
});
