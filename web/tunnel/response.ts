import { concat, type Bytes } from '../base/bytes.ts';
import { contentLength, type ResponseHead } from './head.ts';
import { TunnelError } from './error.ts';

export interface TunnelResponse {
  readonly status: number;
  readonly reason: string;
  readonly fields: [name: string, value: string][];
  /** The values of all fields of this name (any case), joined by ", "; null when there is none. */
  header(name: string): string | null;
  /** Null when the response has none. The other end may send only as much as is read; cancel it when it is not wanted. */
  readonly body: ReadableStream<Bytes> | null;
  /** Reads the whole body; rejects with `tooLarge` and cancels beyond `limit` bytes (64 MiB by default). */
  bytes(limit?: number): Promise<Bytes>;
  text(limit?: number): Promise<string>;
  json(limit?: number): Promise<unknown>;
}

const defaultLimit = 64 * 1024 * 1024;

export class StreamedResponse implements TunnelResponse {
  readonly status: number;
  readonly reason: string;
  readonly fields: [name: string, value: string][];
  readonly body: ReadableStream<Bytes> | null;

  constructor(head: ResponseHead, body: ReadableStream<Bytes> | null) {
    this.status = head.status;
    this.reason = head.reason;
    this.fields = head.fields;
    this.body = body;
  }

  header(name: string): string | null {
    const lower = name.toLowerCase();
    const values = this.fields.filter(([field]) => field.toLowerCase() === lower).map(([, value]) => value);
    return values.length === 0 ? null : values.join(', ');
  }

  async bytes(limit: number = defaultLimit): Promise<Bytes> {
    if (!this.body) return new Uint8Array();
    const length = contentLength(this.fields);
    const reader = this.body.getReader();
    if (length !== null && length > limit) throw await tooLarge(reader, limit);
    // The other end has promised this much and is held to it; without a promise the pieces are joined at the end.
    const whole = length === null ? null : new Uint8Array(length);
    const pieces: Bytes[] = [];
    let size = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (size + value.length > limit) throw await tooLarge(reader, limit);
      if (whole) whole.set(value, size);
      else pieces.push(value);
      size += value.length;
    }
    return whole ?? concat(pieces);
  }

  async text(limit?: number): Promise<string> {
    return new TextDecoder().decode(await this.bytes(limit));
  }

  async json(limit?: number): Promise<unknown> {
    return JSON.parse(await this.text(limit)) as unknown;
  }
}

async function tooLarge(reader: ReadableStreamDefaultReader<Bytes>, limit: number): Promise<TunnelError> {
  const error = new TunnelError('tooLarge', `The response is larger than ${limit} bytes.`);
  await reader.cancel(error);
  return error;
}
