// Content codings, taken off exactly once: DecompressionStream does not exist for what is not asked for.

import type { Bytes } from '../base/bytes.ts';
import { valueOf } from './cache.ts';
import type { Field } from './port.ts';

export const acceptEncoding = 'gzip, deflate';
const codingsMax = 3;

/** The codings in the order in which they were put on; null when one of them is none that can be taken off here. */
function codingsOf(fields: readonly Field[]): string[] | null {
  const names = (valueOf(fields, 'content-encoding') ?? '').split(',').map(name => name.trim().toLowerCase());
  const codings = names.filter(name => name !== '' && name !== 'identity').map(name => name.replace(/^x-/, ''));
  const known = codings.every(name => name === 'gzip' || name === 'deflate');
  return known && codings.length <= codingsMax ? codings : null;
}

export interface Decoded {
  readonly fields: Field[];
  readonly body: ReadableStream<Bytes> | null;
}

/** As the application sees it: the fields still say what they were on the way, as a browser shows them. */
export function decoded(fields: readonly Field[], status: number, body: ReadableStream<Bytes> | null): Decoded {
  const codings = codingsOf(fields);
  if (!body || status === 206 || codings === null || codings.length === 0) return { fields: [...fields], body };
  const plain = codings.reverse().reduce((stream, coding) => takenOff(stream, coding), body);
  return { fields: [...fields], body: plain };
}

function takenOff(body: ReadableStream<Bytes>, coding: string): ReadableStream<Bytes> {
  if (coding === 'gzip') return body.pipeThrough(new DecompressionStream('gzip'));
  return inflated(body);
}

/** RFC 9110 means zlib's format; some servers send the bare one, which browsers take too. */
function inflated(body: ReadableStream<Bytes>): ReadableStream<Bytes> {
  let reader: ReadableStreamDefaultReader<Bytes> | null = null;
  const start = async () => {
    const source = body.getReader();
    const { done, value } = await source.read();
    const first = value?.[0] ?? 0;
    const isZlib = (first & 0x0f) === 8 && first >> 4 <= 7;
    const whole = new ReadableStream<Bytes>({
      start: controller => {
        if (value) controller.enqueue(value);
        if (done) controller.close();
      },
      pull: async controller => {
        const next = await source.read();
        if (next.done) controller.close();
        else controller.enqueue(next.value);
      },
      cancel: reason => source.cancel(reason),
    });
    const format = isZlib ? 'deflate' : 'deflate-raw';
    return (whole.pipeThrough(new DecompressionStream(format)) as ReadableStream<Bytes>).getReader();
  };
  return new ReadableStream<Bytes>(
    {
      pull: async controller => {
        reader ??= await start();
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: reason => (reader ? reader.cancel(reason) : body.cancel(reason)),
    },
    { highWaterMark: 0 },
  );
}
