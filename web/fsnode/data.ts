// Everything that can be written, as pieces of bytes.
import { concat, latin1, utf8, type Bytes } from '../base/bytes.ts';
import { FsError } from './error.ts';
import { fsnodeLimits } from './limits.ts';
import type { Pieces } from './types.ts';

type Chunk = string | ArrayBuffer | ArrayBufferView;

/** Strings are encoded (UTF-8 by default); null is no bytes at all. Node's Readable is an async iterable. */
export type WriteData = Chunk | Blob | ReadableStream<unknown> | AsyncIterable<unknown> | Iterable<unknown> | null;

export function isWriteData(value: unknown): value is Exclude<WriteData, null> {
  if (typeof value === 'string') return true;
  if (typeof value !== 'object' || value === null) return false;
  return (
    isBuffer(value) ||
    isBlob(value) ||
    isReadableStream(value) ||
    Symbol.asyncIterator in value ||
    Symbol.iterator in value
  );
}

// By shape and not by class: in Node a value may come out of another realm or package.
function isBuffer(value: object): value is ArrayBuffer | ArrayBufferView {
  return ArrayBuffer.isView(value) || Object.prototype.toString.call(value) === '[object ArrayBuffer]';
}

function isBlob(value: object): value is Blob {
  return typeof Blob !== 'undefined' && value instanceof Blob;
}

function isReadableStream(value: object): value is ReadableStream<unknown> {
  return 'getReader' in value && typeof value.getReader === 'function';
}

function hexBytes(text: string): Bytes | null {
  if (!/^(?:[0-9a-f]{2})*$/i.test(text)) return null;
  return Uint8Array.from(text.match(/../g) ?? [], pair => parseInt(pair, 16));
}

function base64Bytes(text: string): Bytes | null {
  try {
    return latin1(atob(text.replace(/-/g, '+').replace(/_/g, '/')));
  } catch {
    return null;
  }
}

function utf16Bytes(text: string): Bytes {
  const view = new DataView(new ArrayBuffer(text.length * 2));
  for (let i = 0; i < text.length; i++) view.setUint16(2 * i, text.charCodeAt(i), true);
  return new Uint8Array(view.buffer);
}

/** The names of Node's encodings. What a string cannot say in its encoding is an error, not a loss. */
const encoders: Record<string, (text: string) => Bytes | null> = {
  utf8: utf8,
  'utf-8': utf8,
  latin1: latin1,
  binary: latin1,
  ascii: latin1,
  utf16le: utf16Bytes,
  'utf-16le': utf16Bytes,
  ucs2: utf16Bytes,
  'ucs-2': utf16Bytes,
  hex: hexBytes,
  base64: base64Bytes,
  base64url: base64Bytes,
};

type Encode = (chunk: unknown) => Bytes;

function encoderOf(encoding: string): Encode {
  const name = encoding.toLowerCase();
  const encode = Object.hasOwn(encoders, name) ? encoders[name] : undefined;
  if (!encode) throw new FsError(400, `There is no encoding “${encoding}”. Leave it out for UTF-8.`);
  return chunk => {
    if (typeof chunk === 'string') {
      const bytes = encode(chunk);
      if (!bytes) throw new FsError(400, `The text cannot be written as ${encoding}.`);
      return bytes;
    }
    if (typeof chunk !== 'object' || chunk === null || !isBuffer(chunk))
      throw new FsError(400, `Only text and bytes can be written, not ${describe(chunk)}.`);
    if (!ArrayBuffer.isView(chunk)) return new Uint8Array(chunk);
    // Memory that other threads share cannot be sent; a copy can.
    const view = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    return view.buffer instanceof ArrayBuffer ? (view as Bytes) : new Uint8Array(view);
  };
}

function describe(value: unknown): string {
  return value === null ? 'null' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Throws an FsError for what cannot be written; a source that fails later throws out of the iteration. */
export function toPieces(data: WriteData, encoding = 'utf8'): Pieces {
  const encode = encoderOf(encoding);
  if (data === null) return { size: 0, [Symbol.asyncIterator]: () => none() };
  if (!isWriteData(data))
    throw new FsError(400, `Only text, bytes, blobs and streams can be written, not ${describe(data)}.`);
  if (typeof data === 'string' || isBuffer(data)) {
    const bytes = encode(data);
    return { size: bytes.length, [Symbol.asyncIterator]: () => one(bytes) };
  }
  if (isBlob(data)) return { size: data.size, [Symbol.asyncIterator]: () => fromStream(data.stream(), encode) };
  if (isReadableStream(data)) return { size: undefined, [Symbol.asyncIterator]: () => fromStream(data, encode) };
  return { size: undefined, [Symbol.asyncIterator]: () => fromIterable(data, encode) };
}

async function* none(): AsyncGenerator<Bytes, void, undefined> {
  // Nothing to give.
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* one(bytes: Bytes): AsyncGenerator<Bytes, void, undefined> {
  if (bytes.length > 0) yield bytes;
}

function unreadable(error: unknown): FsError {
  if (error instanceof FsError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new FsError(500, `What was to be written could not be read: ${detail}`, error);
}

async function* fromIterable(data: AsyncIterable<unknown> | Iterable<unknown>, encode: Encode) {
  try {
    for await (const chunk of data) yield encode(chunk);
  } catch (error) {
    throw unreadable(error);
  }
}

// Not by the stream's own iterator, which Node 18 and some browsers lack.
async function* fromStream(stream: ReadableStream<unknown>, encode: Encode) {
  const reader = stream.getReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        throw unreadable(error);
      });
      if (done) {
        ended = true;
        return;
      }
      yield encode(value);
    }
  } finally {
    // Whoever stops taking ends the source.
    if (!ended) void reader.cancel().catch(() => undefined);
    reader.releaseLock();
  }
}

/** Cuts large pieces and drops empty ones. */
export async function* cut(pieces: AsyncIterable<Bytes>, size: number = fsnodeLimits.data) {
  for await (const piece of pieces) for (let at = 0; at < piece.length; at += size) yield piece.subarray(at, at + size);
}

/** All bytes of a stream. */
export async function readToEnd(stream: ReadableStream<Bytes>): Promise<Bytes> {
  const reader = stream.getReader();
  const pieces: Bytes[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return concat(pieces);
    pieces.push(value);
  }
}

/** The same, drawn from an iteration; ending the stream ends the iteration. */
export function toStream(pieces: AsyncIterable<Bytes>): ReadableStream<Bytes> {
  const iterator = pieces[Symbol.asyncIterator]();
  return new ReadableStream<Bytes>(
    {
      async pull(controller) {
        const next = await iterator.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
