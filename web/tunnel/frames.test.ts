import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hex } from '../base/bytes.ts';
import { decodeFrame, encodeFrame, shownText, wireText, writeDataFrame, type Frame, type Settings } from './frames.ts';
import {
  decodeRequestHead,
  decodeResponseHead,
  encodeRequestHead,
  encodeResponseHead,
  forwardedFields,
  FrameError,
  type Field,
  type RequestHead,
  type ResponseHead,
} from './head.ts';

type Text = string | { hex: string };
interface HeadVector {
  method: Text;
  target: Text;
  status: number;
  reason: Text;
  fields: [Text, Text][];
}
interface FrameVector {
  type: string;
  flags: string[];
  exchange: number;
  version_min: number;
  version_max: number;
  settings: Record<string, number>;
  opaque_hex: string;
  payload_hex: string;
  code: number | null;
  last_exchange: number;
  text: Text;
  reason: Text;
  bytes: number;
  type_value: number;
  head: HeadVector;
}
interface Vectors {
  valid: { name: string; hex: string; kind: string; frame: FrameVector; head: HeadVector; decode_only?: boolean }[];
  invalid: { name: string; hex: string; kind: string; error: string }[];
  sent: { name: string; kind: string; head: HeadVector; sent: HeadVector }[];
  refused: { name: string; kind: string; head: HeadVector; error: string }[];
}

function load(name: string): Vectors {
  return JSON.parse(readFileSync(new URL(`../../protocol/vectors/${name}.json`, import.meta.url), 'utf8')) as Vectors;
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const plain = text.replace(/\(([0-9a-f]{2})\*(\d+)\)/g, (_, byte: string, count: string) =>
    byte.repeat(Number(count)),
  );
  return Uint8Array.from(Buffer.from(plain, 'hex'));
}

/** The byte string of a vector's text. */
function raw(text: Text): string {
  return (typeof text === 'string' ? Buffer.from(text, 'utf8') : Buffer.from(bytesOf(text.hex))).toString('latin1');
}

const camel = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
const fields = (head: HeadVector) => head.fields.map(([name, value]): Field => [raw(name), raw(value)]);
const request = (head: HeadVector): RequestHead => ({
  method: raw(head.method),
  target: raw(head.target),
  fields: fields(head),
});
const response = (head: HeadVector): ResponseHead => ({
  status: head.status,
  reason: raw(head.reason),
  fields: fields(head),
});

function frameOf(vector: FrameVector): Frame {
  const flag = (name: string) => vector.flags.includes(name);
  const flags = (flag('end') ? 1 : 0) | (flag('text') ? 2 : 0) | (flag('pong') ? 4 : 0);
  const payload = bytesOf(vector.payload_hex ?? '');
  const { exchange } = vector;
  switch (vector.type) {
    case 'hello': {
      const settings: Settings = Object.fromEntries(Object.entries(vector.settings).map(([k, v]) => [camel(k), v]));
      return { type: 'hello', exchange: 0, versionMin: vector.version_min, versionMax: vector.version_max, settings };
    }
    case 'ping':
    case 'pong':
      return { type: vector.type, exchange: 0, opaque: bytesOf(vector.opaque_hex) };
    case 'goaway':
      return {
        type: 'goaway',
        exchange: 0,
        code: vector.code ?? -1,
        lastExchange: vector.last_exchange,
        text: raw(vector.text),
      };
    case 'request':
      return { type: 'request', exchange, end: flag('end'), head: request(vector.head) };
    case 'response':
      return { type: 'response', exchange, end: flag('end'), head: response(vector.head) };
    case 'data':
      return { type: 'data', exchange, end: flag('end'), payload };
    case 'credit':
      return { type: 'credit', exchange, bytes: vector.bytes };
    case 'reset':
      return { type: 'reset', exchange, code: vector.code ?? -1, text: raw(vector.text) };
    case 'socket_open':
      return { type: 'socketOpen', exchange, head: request(vector.head) };
    case 'socket_accept':
      return { type: 'socketAccept', exchange, head: response(vector.head) };
    case 'socket_message':
      return { type: 'socketMessage', exchange, end: flag('end'), text: flag('text'), payload };
    case 'socket_control':
      return { type: 'socketControl', exchange, pong: flag('pong'), payload };
    case 'socket_close':
      return { type: 'socketClose', exchange, code: vector.code, reason: raw(vector.reason) };
    default:
      return { type: 'unknown', exchange, typeValue: vector.type_value, flags, payload };
  }
}

function faultOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof FrameError) return error.fault;
    throw error;
  }
  return 'none';
}

describe('frames agree with the shared vectors', () => {
  const vectors = load('frames');
  it.each(vectors.valid)('$name', vector => {
    const frame = frameOf(vector.frame);
    expect(decodeFrame(bytesOf(vector.hex))).toEqual(frame);
    if (!vector.decode_only) expect(hex(encodeFrame(frame))).toBe(hex(bytesOf(vector.hex)));
  });
  it.each(vectors.invalid)('$name is refused', vector => {
    expect(faultOf(() => decodeFrame(bytesOf(vector.hex)))).toBe(vector.error);
  });
});

describe('heads agree with the shared vectors', () => {
  const vectors = load('heads');
  it.each(vectors.valid)('$name', vector => {
    const bytes = bytesOf(vector.hex);
    if (vector.kind === 'request') {
      expect(decodeRequestHead(bytes)).toEqual(request(vector.head));
      expect(hex(encodeRequestHead(request(vector.head)))).toBe(hex(bytes));
    } else {
      expect(decodeResponseHead(bytes)).toEqual(response(vector.head));
      expect(hex(encodeResponseHead(response(vector.head)))).toBe(hex(bytes));
    }
  });
  it.each(vectors.invalid)('$name is refused', vector => {
    const decode = vector.kind === 'request' ? decodeRequestHead : decodeResponseHead;
    expect(faultOf(() => decode(bytesOf(vector.hex)))).toBe(vector.error);
  });
  it.each(vectors.sent)('$name', vector => {
    expect(forwardedFields(fields(vector.head))).toEqual(fields(vector.sent));
  });
  it.each(vectors.refused)('$name is not sent', vector => {
    const frame: Frame =
      vector.kind === 'request'
        ? { type: 'request', exchange: 1, end: true, head: request(vector.head) }
        : { type: 'response', exchange: 1, end: true, head: response(vector.head) };
    expect(faultOf(() => encodeFrame(frame))).toBe(vector.error);
  });
});

describe('the codec', () => {
  it('refuses a frame beyond max_frame', () => {
    const frame = new Uint8Array(262145);
    frame.set([18, 0, 0, 0, 0, 1]);
    expect(faultOf(() => decodeFrame(frame))).toBe('too_large');
    expect(decodeFrame(frame.subarray(0, 262144))).toMatchObject({ type: 'data', exchange: 1 });
  });

  it('blames the exchange, not the connection, for a bad head', () => {
    try {
      decodeFrame(bytesOf('110000000005ffff00000000'));
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ fault: 'malformed', exchange: 5 });
    }
  });

  it('never throws anything but a FrameError, whatever comes', () => {
    const seeds = load('frames').valid.map(vector => bytesOf(vector.hex));
    let state = 12345;
    const random = (below: number) => (state = (state * 1103515245 + 12345) & 0x7fffffff) % below;
    let decoded = 0;
    for (let round = 0; round < 4000; round++) {
      const seed = seeds[random(seeds.length)] ?? new Uint8Array();
      const bytes = seed.slice(0, Math.min(seed.length, 200));
      for (let flips = random(4); flips >= 0 && bytes.length > 0; flips--) bytes[random(bytes.length)] = random(256);
      if (faultOf(() => decodeFrame(bytes.subarray(0, random(bytes.length + 1)))) === 'none') decoded++;
    }
    expect(decoded).toBeGreaterThan(0);
  });

  it('writes data frames into the scratch buffer', () => {
    const scratch = new Uint8Array(64);
    expect(hex(writeDataFrame(scratch, 0xffffffff, Uint8Array.of(1, 2), true))).toBe('1201ffffffff0102');
    expect(hex(writeDataFrame(scratch, 7, new Uint8Array(), true))).toBe('120100000007');
  });

  it('cuts texts at a character and shows them without control characters', () => {
    const long = wireText('ö'.repeat(200));
    expect(long.length).toBe(256);
    expect(shownText(long)).toBe('ö'.repeat(128));
    expect(wireText('x' + 'ö'.repeat(200)).length).toBe(255);
    expect(shownText('a\x1b[31m\xff')).toBe('a\ufffd[31m\ufffd');
  });
});
