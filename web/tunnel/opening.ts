// The first frame of an exchange, from what the caller asks for.
import type { Bytes } from '../base/bytes.ts';
import { codeName, TunnelError } from './error.ts';
import { codeOf, encodeFrame } from './frames.ts';
import { forwardedFields, FrameError, type Field, type RequestHead } from './head.ts';
import type { Remote, SocketOptions, TunnelRequest } from './types.ts';

export type Opening = { type: 'request'; end: boolean; head: RequestHead } | { type: 'socketOpen'; head: RequestHead };

export function fieldsOf(request: TunnelRequest, body: ReadableStream<Uint8Array> | Uint8Array | undefined): Field[] {
  const fields = forwardedFields(request.fields ?? []);
  const known = fields.some(([name]) => name.toLowerCase() === 'content-length');
  if (body instanceof Uint8Array && !known) fields.push(['content-length', String(body.length)]);
  return fields;
}

export function socketFields(options: SocketOptions): Field[] {
  const fields = forwardedFields(options.headers ?? []);
  const { protocols = [] } = options;
  if (protocols.length > 0) fields.push(['sec-websocket-protocol', protocols.join(', ')]);
  return fields;
}

/** Throws a TunnelError when the other end takes no such head. */
export function encodeOpening(opening: Opening, exchange: number, remote: Remote): Bytes {
  try {
    return encodeFrame({ ...opening, exchange }, Math.min(remote.maxHead, remote.maxFrame));
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    throw new TunnelError(codeName(codeOf(error)), `The request cannot be sent: ${error.message}.`, { cause: error });
  }
}
