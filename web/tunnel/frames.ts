// The tunnel's frames as values, to and from bytes (docs/protocol.md, section 2). Pure functions; the C++ twin is
// src/tunnel/frame.hpp and both read protocol/vectors. Texts carry bytes, one character each (see `shownText`).
import { Code, Flag, FrameType, Setting, tunnelLimits } from '../generated/protocol.ts';
import { concat, fromUtf8, latin1, type Bytes } from '../base/bytes.ts';
import {
  decodeRequestHead,
  decodeResponseHead,
  encodeRequestHead,
  encodeResponseHead,
  FrameError,
  Reader,
  type RequestHead,
  type ResponseHead,
} from './head.ts';

export type SettingName = keyof typeof Setting;
export type Settings = { [name in SettingName]?: number };

type Connection<Type extends string, Rest> = { type: Type; exchange: 0 } & Rest;
type OnExchange<Type extends string, Rest> = { type: Type; exchange: number } & Rest;

export type Frame =
  | Connection<'hello', { versionMin: number; versionMax: number; settings: Settings }>
  | Connection<'ping', { opaque: Uint8Array }>
  | Connection<'pong', { opaque: Uint8Array }>
  | Connection<'goaway', { code: number; lastExchange: number; text: string }>
  | OnExchange<'request', { end: boolean; head: RequestHead }>
  | OnExchange<'response', { end: boolean; head: ResponseHead }>
  | OnExchange<'data', { end: boolean; payload: Uint8Array }>
  | OnExchange<'credit', { bytes: number }>
  | OnExchange<'reset', { code: number; text: string }>
  | OnExchange<'socketOpen', { head: RequestHead }>
  | OnExchange<'socketAccept', { head: ResponseHead }>
  | OnExchange<'socketMessage', { end: boolean; text: boolean; payload: Uint8Array }>
  | OnExchange<'socketControl', { pong: boolean; payload: Uint8Array }>
  | OnExchange<'socketClose', { code: number | null; reason: string }>
  | OnExchange<'unknown', { typeValue: number; flags: number; payload: Uint8Array }>;

export interface MessagePiece {
  text: boolean;
  last: boolean;
}

export const headerSize: number = tunnelLimits.frameHeader;
const magic = 'owndir';
const settingNames = Object.entries(Setting) as [SettingName, number][];

function fail(fault: 'malformed' | 'too_large' | 'unsupported', message: string): never {
  throw new FrameError(fault, message);
}

/** A byte text for people: as UTF-8, with control characters and whatever does not decode replaced. */
export function shownText(text: string): string {
  const decoded = new TextDecoder().decode(latin1(text) ?? new Uint8Array());
  return decoded.replace(/[\p{Cc}\p{Bidi_Control}]/gu, '\ufffd');
}

function decodeHello(payload: Uint8Array): Frame {
  const reader = new Reader(payload);
  if (reader.text(magic.length) !== magic) fail('unsupported', 'the other end speaks another protocol');
  const versionMin = reader.u16();
  const versionMax = reader.u16();
  if (versionMin > versionMax) fail('malformed', 'hello with a range upside down');
  const settings: Settings = {};
  for (let count = reader.u16(); count > 0; count--) {
    const key = reader.u16();
    const value = reader.u32();
    for (const [name, known] of settingNames) if (known === key) settings[name] = value;
  }
  reader.end();
  const { maxFrame = 1024, maxHead = 1024, dataPiece = 1, initialCredit = 0 } = settings;
  if (maxFrame < 1024 || maxHead < 1024 || dataPiece < 1 || initialCredit > 0x7fffffff)
    fail('malformed', 'hello with a setting out of range');
  return { type: 'hello', exchange: 0, versionMin, versionMax, settings };
}

function decodeText(reader: Reader): string {
  if (reader.left > tunnelLimits.resetText) fail('too_large', 'text beyond its limit');
  return reader.text(reader.left);
}

function decodeGoaway(payload: Uint8Array): Frame {
  const reader = new Reader(payload);
  return { type: 'goaway', exchange: 0, code: reader.u16(), lastExchange: reader.u32(), text: decodeText(reader) };
}

function decodePing(type: 'ping' | 'pong', payload: Uint8Array): Frame {
  if (payload.length !== 8) fail('malformed', `${type} that is not 8 bytes`);
  return { type, exchange: 0, opaque: payload };
}

function decodeCredit(exchange: number, payload: Uint8Array): Frame {
  const reader = new Reader(payload);
  const bytes = reader.u32();
  reader.end();
  if (bytes === 0) fail('malformed', 'credit of nothing');
  return { type: 'credit', exchange, bytes };
}

function decodeReset(exchange: number, payload: Uint8Array): Frame {
  const reader = new Reader(payload);
  return { type: 'reset', exchange, code: reader.u16(), text: decodeText(reader) };
}

function decodeSocketOpen(exchange: number, payload: Uint8Array): Frame {
  const head = decodeRequestHead(payload);
  if (head.method !== 'GET') fail('malformed', 'socket_open with another method than GET');
  return { type: 'socketOpen', exchange, head };
}

function decodeSocketControl(exchange: number, flags: number, payload: Uint8Array): Frame {
  if (payload.length > tunnelLimits.socketControl) fail('too_large', 'socket_control beyond its limit');
  return { type: 'socketControl', exchange, pong: (flags & Flag.pong) !== 0, payload };
}

/** RFC 6455, section 7.4. */
export function closeCodeMayBeSent(code: number): boolean {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}

function decodeSocketClose(exchange: number, payload: Uint8Array): Frame {
  if (payload.length > tunnelLimits.socketControl) fail('too_large', 'socket_close beyond its limit');
  if (payload.length === 0) return { type: 'socketClose', exchange, code: null, reason: '' };
  const reader = new Reader(payload);
  const code = reader.u16();
  if (!closeCodeMayBeSent(code)) fail('malformed', 'socket_close with a code that nobody sends');
  if (fromUtf8(payload.subarray(2)) === null) fail('malformed', 'socket_close with a reason that is not UTF-8');
  return { type: 'socketClose', exchange, code, reason: reader.text(reader.left) };
}

function decodeData(exchange: number, end: boolean, payload: Uint8Array): Frame {
  if (payload.length === 0 && !end) fail('malformed', 'data without a byte');
  return { type: 'data', exchange, end, payload };
}

function decodePayload(type: number, flags: number, exchange: number, payload: Uint8Array): Frame {
  const end = (flags & Flag.end) !== 0;
  switch (type) {
    case FrameType.data:
      return decodeData(exchange, end, payload);
    case FrameType.hello:
      return decodeHello(payload);
    case FrameType.ping:
      return decodePing('ping', payload);
    case FrameType.pong:
      return decodePing('pong', payload);
    case FrameType.goaway:
      return decodeGoaway(payload);
    case FrameType.request:
      return { type: 'request', exchange, end, head: decodeRequestHead(payload) };
    case FrameType.response:
      return { type: 'response', exchange, end, head: decodeResponseHead(payload) };
    case FrameType.credit:
      return decodeCredit(exchange, payload);
    case FrameType.reset:
      return decodeReset(exchange, payload);
    case FrameType.socketOpen:
      return decodeSocketOpen(exchange, payload);
    case FrameType.socketAccept:
      return { type: 'socketAccept', exchange, head: decodeResponseHead(payload, true) };
    case FrameType.socketMessage:
      return { type: 'socketMessage', exchange, end, text: (flags & Flag.text) !== 0, payload };
    case FrameType.socketControl:
      return decodeSocketControl(exchange, flags, payload);
    case FrameType.socketClose:
      return decodeSocketClose(exchange, payload);
    default:
      return { type: 'unknown', exchange, typeValue: type, flags: flags & 7, payload };
  }
}

const headTypes = new Set<number>([
  FrameType.request,
  FrameType.response,
  FrameType.socketOpen,
  FrameType.socketAccept,
]);
/** Frames whose faults are those of their exchange only. */
const ofOneExchange = new Set<number>([
  ...headTypes,
  FrameType.socketMessage,
  FrameType.socketControl,
  FrameType.socketClose,
]);
const knownTypes = new Set<number>(Object.values(FrameType));

/** Payloads are views of `message`. Throws a FrameError, whose `exchange` is set when only that exchange is at fault. */
export function decodeFrame(message: Uint8Array): Frame {
  if (message.length < headerSize) fail('malformed', 'message shorter than a frame header');
  if (message.length > tunnelLimits.maxFrame) fail('too_large', 'frame beyond its limit');
  const type = message[0] ?? 0;
  const exchange = exchangeOf(message);
  if (knownTypes.has(type) && type <= FrameType.goaway !== (exchange === 0))
    fail('malformed', 'frame of the connection on an exchange, or the other way round');
  try {
    if (headTypes.has(type) && message.length > tunnelLimits.maxHead) fail('too_large', 'head beyond its limit');
    return decodePayload(type, message[1] ?? 0, exchange, message.subarray(headerSize));
  } catch (error) {
    if (error instanceof FrameError && ofOneExchange.has(type)) error.exchange = exchange;
    throw error;
  }
}

function exchangeOf(message: Uint8Array): number {
  return (((message[2] ?? 0) << 24) | ((message[3] ?? 0) << 16) | ((message[4] ?? 0) << 8) | (message[5] ?? 0)) >>> 0;
}

function putHeader(bytes: Uint8Array, type: number, flags: number, exchange: number): void {
  bytes[0] = type;
  bytes[1] = flags;
  bytes[2] = exchange >>> 24;
  bytes[3] = exchange >>> 16;
  bytes[4] = exchange >>> 8;
  bytes[5] = exchange;
}

function withHeader(type: number, flags: number, exchange: number, payload: Uint8Array): Bytes {
  const bytes = new Uint8Array(headerSize + payload.length);
  putHeader(bytes, type, flags, exchange);
  bytes.set(payload, headerSize);
  return bytes;
}

function headFrame(type: number, flags: number, exchange: number, bytes: Bytes, maxHead: number): Bytes {
  if (bytes.length > maxHead) fail('too_large', `head of ${bytes.length} bytes; the other end takes ${maxHead}`);
  putHeader(bytes, type, flags, exchange);
  return bytes;
}

/** Writes a data frame into `scratch`, which must have room, and returns the part of it that is the frame. */
export function writeDataFrame(scratch: Bytes, exchange: number, payload: Uint8Array, end: boolean): Bytes {
  putHeader(scratch, FrameType.data, end ? Flag.end : 0, exchange);
  scratch.set(payload, headerSize);
  return scratch.subarray(0, headerSize + payload.length);
}

/** Likewise a piece of a WebSocket message. */
export function writeMessageFrame(scratch: Bytes, exchange: number, payload: Uint8Array, piece: MessagePiece): Bytes {
  const flags = (piece.last ? Flag.end : 0) | (piece.text ? Flag.text : 0);
  putHeader(scratch, FrameType.socketMessage, flags, exchange);
  scratch.set(payload, headerSize);
  return scratch.subarray(0, headerSize + payload.length);
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value);
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** The bytes of a text for a goaway or reset, cut to its limit at a character. */
export function wireText(text: string, limit: number = tunnelLimits.resetText): string {
  const bytes = new TextEncoder().encode(text);
  let size = Math.min(bytes.length, limit);
  if (size < bytes.length) while (size > 0 && ((bytes[size] ?? 0) & 0xc0) === 0x80) size--;
  return String.fromCharCode(...bytes.subarray(0, size));
}

function encodeHello(frame: Extract<Frame, { type: 'hello' }>): Bytes {
  const pairs = settingNames.flatMap(([name, key]) => {
    const value = frame.settings[name];
    return value === undefined ? [] : [u16(key), u32(value)];
  });
  const range = [u16(frame.versionMin), u16(frame.versionMax), u16(pairs.length / 2)];
  return withHeader(FrameType.hello, 0, 0, concat([latin1(magic) ?? new Uint8Array(), ...range, ...pairs]));
}

function encodeCodeAndText(type: number, exchange: number, numbers: Uint8Array[], text: string): Bytes {
  const bytes = latin1(text) ?? fail('malformed', 'text that is not bytes');
  return withHeader(type, 0, exchange, concat([...numbers, bytes]));
}

/** Throws a FrameError for a frame that may not be sent; `maxHead` is the other end's. */
export function encodeFrame(frame: Frame, maxHead: number = tunnelLimits.maxHead): Bytes {
  const { exchange } = frame;
  const end = 'end' in frame && frame.end ? Flag.end : 0;
  switch (frame.type) {
    case 'hello':
      return encodeHello(frame);
    case 'ping':
      return withHeader(FrameType.ping, 0, 0, frame.opaque);
    case 'pong':
      return withHeader(FrameType.pong, 0, 0, frame.opaque);
    case 'goaway':
      return encodeCodeAndText(FrameType.goaway, 0, [u16(frame.code), u32(frame.lastExchange)], frame.text);
    case 'request':
      return headFrame(FrameType.request, end, exchange, encodeRequestHead(frame.head, headerSize), maxHead);
    case 'response':
      return headFrame(FrameType.response, end, exchange, encodeResponseHead(frame.head, headerSize), maxHead);
    case 'data':
      return withHeader(FrameType.data, end, exchange, frame.payload);
    case 'credit':
      return withHeader(FrameType.credit, 0, exchange, u32(frame.bytes));
    case 'reset':
      return encodeCodeAndText(FrameType.reset, exchange, [u16(frame.code)], frame.text);
    case 'socketOpen':
      return headFrame(FrameType.socketOpen, 0, exchange, encodeRequestHead(frame.head, headerSize), maxHead);
    case 'socketAccept':
      return headFrame(FrameType.socketAccept, 0, exchange, encodeResponseHead(frame.head, headerSize, true), maxHead);
    case 'socketMessage':
      return withHeader(FrameType.socketMessage, end | (frame.text ? Flag.text : 0), exchange, frame.payload);
    case 'socketControl':
      return withHeader(FrameType.socketControl, frame.pong ? Flag.pong : 0, exchange, frame.payload);
    case 'socketClose':
      return encodeCodeAndText(
        FrameType.socketClose,
        exchange,
        frame.code === null ? [] : [u16(frame.code)],
        frame.reason,
      );
    case 'unknown':
      return withHeader(frame.typeValue, frame.flags, exchange, frame.payload);
  }
}

/** A frame at fault as a code of the protocol. */
export function codeOf(error: FrameError): number {
  if (error.fault === 'too_large') return Code.tooLarge;
  return error.fault === 'unsupported' ? Code.unsupported : Code.protocol;
}
