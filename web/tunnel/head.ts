// Request and response heads: the payload of `request` and `response` frames (docs/protocol.md, section 2). Strings carry
// bytes, one character each, so that whatever a server sends survives; the C++ twin is src/tunnel/head.hpp.
import { tunnelLimits } from '../generated/protocol.ts';
import { fromLatin1, latin1 } from '../base/bytes.ts';

export type Field = [name: string, value: string];

export interface RequestHead {
  method: string;
  target: string;
  fields: Field[];
}

export interface ResponseHead {
  status: number;
  reason: string;
  fields: Field[];
}

export type FrameFault = 'malformed' | 'too_large' | 'unsupported';

/** Bytes that are no frame, or a frame that cannot be made. `exchange`: only that exchange is at fault, not the connection. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
  readonly fault: FrameFault;
  exchange = 0;

  constructor(fault: FrameFault, message: string) {
    super(message);
    this.fault = fault;
  }
}

const connectionFields = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// RFC 9110 section 5.5: CR, LF and NUL are dangerous; what else browsers send and take is kept.
const fieldValue = /^[\x01-\x09\x0b\x0c\x0e-\xff]*$/;
const reasonPhrase = /^[\t\x20-\x7e\x80-\xff]*$/;
const targetForm = /^(?:\*|\/[\x21\x22\x24-\x7e\x80-\xff]*)$/;
const contentLengthMax = 2n ** 63n - 1n;

function fail(fault: FrameFault, message: string): never {
  throw new FrameError(fault, message);
}

/** Reads from a frame's payload; every read is checked against its end. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  get left(): number {
    return this.#bytes.length - this.#at;
  }
  take(size: number): Uint8Array {
    if (size > this.left) fail('malformed', 'frame is cut short');
    const bytes = this.#bytes.subarray(this.#at, this.#at + size);
    this.#at += size;
    return bytes;
  }
  #number(size: number): number {
    let value = 0;
    for (const byte of this.take(size)) value = value * 256 + byte;
    return value;
  }
  u8(): number {
    return this.#number(1);
  }
  u16(): number {
    return this.#number(2);
  }
  u32(): number {
    return this.#number(4);
  }
  text(size: number): string {
    return fromLatin1(this.take(size));
  }
  end(): void {
    if (this.left > 0) fail('malformed', 'frame has bytes after its end');
  }
}

function checkLength(what: string, size: number, limit: number): void {
  if (size > limit) fail('too_large', `${what} of ${size} bytes; the limit is ${limit}`);
}

/** The content-length of checked fields; null when there is none. */
export function contentLength(fields: readonly Field[]): number | null {
  for (const [name, value] of fields) if (name.toLowerCase() === 'content-length') return Number(value);
  return null;
}

function checkFields(fields: readonly Field[]): void {
  if (fields.length > tunnelLimits.fields) fail('too_large', `more than ${tunnelLimits.fields} fields`);
  let lengths = 0;
  for (const [name, value] of fields) {
    checkLength('field name', name.length, tunnelLimits.fieldName);
    checkLength('field value', value.length, tunnelLimits.fieldValue);
    if (!token.test(name)) fail('malformed', 'field name that is no token');
    if (!fieldValue.test(value)) fail('malformed', `value of field ${name} has a control character or is not bytes`);
    const lower = name.toLowerCase();
    if (connectionFields.has(lower)) fail('malformed', `connection-level field ${lower}`);
    if (lower !== 'content-length') continue;
    if (++lengths > 1) fail('malformed', 'two content-length fields');
    if (!/^[0-9]+$/.test(value) || value.length > 64 || BigInt(value) > contentLengthMax)
      fail('malformed', 'content-length that is no length');
  }
}

function checkRequest(head: RequestHead): void {
  checkLength('method', head.method.length, tunnelLimits.method);
  checkLength('target', head.target.length, tunnelLimits.target);
  if (!token.test(head.method)) fail('malformed', 'method that is no token');
  if (!targetForm.test(head.target)) fail('malformed', 'target that is neither origin-form nor *');
  checkFields(head.fields);
}

function checkResponse(head: ResponseHead): void {
  if (!Number.isInteger(head.status) || head.status < 100 || head.status > 999)
    fail('malformed', 'status out of range');
  checkLength('reason', head.reason.length, tunnelLimits.reason);
  if (!reasonPhrase.test(head.reason)) fail('malformed', 'reason with a control character');
  checkFields(head.fields);
}

function readFields(reader: Reader): Field[] {
  const count = reader.u16();
  if (count > tunnelLimits.fields) fail('too_large', `more than ${tunnelLimits.fields} fields`);
  const fields: Field[] = [];
  for (let i = 0; i < count; i++) {
    const nameSize = reader.u16();
    checkLength('field name', nameSize, tunnelLimits.fieldName);
    const name = reader.text(nameSize);
    const valueSize = reader.u16();
    checkLength('field value', valueSize, tunnelLimits.fieldValue);
    fields.push([name, reader.text(valueSize)]);
  }
  return fields;
}

export function decodeRequestHead(bytes: Uint8Array): RequestHead {
  const reader = new Reader(bytes);
  const methodSize = reader.u8();
  checkLength('method', methodSize, tunnelLimits.method);
  const method = reader.text(methodSize);
  const targetSize = reader.u16();
  checkLength('target', targetSize, tunnelLimits.target);
  const head = { method, target: reader.text(targetSize), fields: readFields(reader) };
  reader.end();
  checkRequest(head);
  return head;
}

/** `switching`: the head of a socket_accept (status 101 and no other) instead of a response (any status but 101). */
export function decodeResponseHead(bytes: Uint8Array, switching = false): ResponseHead {
  const reader = new Reader(bytes);
  const status = reader.u16();
  const reasonSize = reader.u16();
  checkLength('reason', reasonSize, tunnelLimits.reason);
  const head = { status, reason: reader.text(reasonSize), fields: readFields(reader) };
  reader.end();
  checkResponse(head);
  if ((status === 101) !== switching) fail('malformed', `status ${status} in a frame that cannot carry it`);
  return head;
}

/** Without the connection-level fields, and without those that a Connection field names. */
export function forwardedFields(fields: readonly Field[]): Field[] {
  const dropped = new Set(connectionFields);
  for (const [name, value] of fields) {
    if (name.toLowerCase() !== 'connection') continue;
    for (const named of value.split(',')) dropped.add(named.replace(/^[ \t]+|[ \t]+$/g, '').toLowerCase());
  }
  return fields.filter(([name]) => !dropped.has(name.toLowerCase()));
}

function bytesOf(text: string): Uint8Array {
  return latin1(text) ?? fail('malformed', 'text with characters above U+00FF where bytes are meant');
}

function sizeOf(fields: readonly Field[]): number {
  return fields.reduce((size, [name, value]) => size + 4 + name.length + value.length, 2);
}

class Writer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  #at: number;

  constructor(size: number, reserve: number) {
    this.bytes = new Uint8Array(reserve + size);
    this.#at = reserve;
  }
  u8(value: number): void {
    this.bytes[this.#at++] = value;
  }
  u16(value: number): void {
    this.u8(value >> 8);
    this.u8(value & 0xff);
  }
  text(text: string): void {
    this.bytes.set(bytesOf(text), this.#at);
    this.#at += text.length;
  }
  fields(fields: readonly Field[]): void {
    this.u16(fields.length);
    for (const [name, value] of fields) {
      this.u16(name.length);
      this.text(name);
      this.u16(value.length);
      this.text(value);
    }
  }
}

/** Checked and encoded after `reserve` bytes for the frame's header. Connection-level fields must be gone already. */
export function encodeRequestHead(head: RequestHead, reserve = 0): Uint8Array<ArrayBuffer> {
  checkRequest(head);
  const writer = new Writer(3 + head.method.length + head.target.length + sizeOf(head.fields), reserve);
  writer.u8(head.method.length);
  writer.text(head.method);
  writer.u16(head.target.length);
  writer.text(head.target);
  writer.fields(head.fields);
  return writer.bytes;
}

export function encodeResponseHead(head: ResponseHead, reserve = 0, switching = false): Uint8Array<ArrayBuffer> {
  checkResponse(head);
  if ((head.status === 101) !== switching) fail('malformed', `status ${head.status} in a frame that cannot carry it`);
  const writer = new Writer(4 + head.reason.length + sizeOf(head.fields), reserve);
  writer.u16(head.status);
  writer.u16(head.reason.length);
  writer.text(head.reason);
  writer.fields(head.fields);
  return writer.bytes;
}
