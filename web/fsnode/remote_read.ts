import type { Bytes } from '../base/bytes.ts';
import { Deferred } from '../base/deferred.ts';
import type { Call, CallHandlers, Connection } from './connection.ts';
import { asFsError, cancelled, FsError, throwIfAborted } from './error.ts';
import { fsnodeLimits } from './limits.ts';
import { encodePath } from './path.ts';
import { malformed, parseReadHead } from './wire.ts';
import type { OpenRead, ReadHead, ReadOptions } from './types.ts';

/** Credit is given back in pieces of this size, so that small reads cost few messages. */
const creditStep = fsnodeLimits.readWindow / 4;

/** One read: holds at most the window, and ends with an error rather than short. */
class Reading {
  readonly opened = new Deferred<OpenRead>();
  readonly #queue: Bytes[] = [];
  readonly #stopListening: () => void;
  #head: ReadHead | null = null;
  #controller: ReadableStreamDefaultController<Bytes> | null = null;
  #wanted: Deferred<void> | null = null;
  #ended = false;
  #received = 0;
  #credit: number = fsnodeLimits.readWindow;
  #taken = 0;
  call: Call | null = null;

  constructor(signal: AbortSignal | undefined) {
    const abort = () => this.#abandon(cancelled(signal?.reason));
    signal?.addEventListener('abort', abort, { once: true });
    this.#stopListening = () => signal?.removeEventListener('abort', abort);
  }

  readonly handlers: CallHandlers = {
    head: value => this.#begin(parseReadHead(value)),
    data: bytes => this.#receive(bytes),
    done: outcome => this.#finish(outcome),
  };

  #begin(head: ReadHead | null): void {
    if (!head || this.#head) return this.#abandon(malformed());
    this.#head = head;
    const stream = new ReadableStream<Bytes>(
      {
        start: controller => void (this.#controller = controller),
        pull: () => this.#pull(),
        cancel: () => this.#abandon(cancelled('the stream was cancelled')),
      },
      // Nothing is taken, and no credit given back, before someone reads.
      { highWaterMark: 0 },
    );
    this.opened.resolve({ head, stream });
  }

  #receive(bytes: Bytes): void {
    this.#received += bytes.length;
    this.#credit -= bytes.length;
    if (!this.#head || this.#credit < 0) return this.#abandon(malformed());
    this.#queue.push(bytes);
    this.#wanted?.resolve();
  }

  async #pull(): Promise<void> {
    if (this.#queue.length === 0 && !this.#ended) {
      this.#wanted = new Deferred<void>();
      await this.#wanted.promise;
    }
    const bytes = this.#queue.shift();
    if (bytes) {
      this.#controller?.enqueue(bytes);
      this.#giveBack(bytes.length);
    }
    if (this.#ended && this.#queue.length === 0) this.#close();
  }

  #giveBack(bytes: number): void {
    this.#taken += bytes;
    if (this.#ended || this.#taken < creditStep) return;
    this.#credit += this.#taken;
    this.call?.send({ credit: this.#taken });
    this.#taken = 0;
  }

  #finish(outcome: { ok: unknown } | FsError): void {
    this.#stopListening();
    if (outcome instanceof FsError) return this.#fail(outcome);
    if (!this.#head || this.#received !== this.#head.end - this.#head.start + 1)
      return this.#fail(new FsError(500, 'The server sent less of the file than it announced. Read it again.'));
    this.#ended = true;
    // With nothing left to give, the reader that waits gets the end; else it comes after the last piece.
    if (this.#wanted) this.#wanted.resolve();
    else if (this.#queue.length === 0) this.#close();
  }

  #fail(error: FsError): void {
    this.#queue.length = 0;
    this.#controller?.error(error);
    this.#controller = null;
    this.#wanted?.resolve();
    this.opened.reject(error);
  }

  #close(): void {
    this.#controller?.close();
    this.#controller = null;
  }

  #abandon(error: FsError): void {
    if (!this.call || this.call.over) this.#fail(error);
    else this.call.cancel(error);
  }
}

export async function readRemote(connection: Connection, path: string, options: ReadOptions): Promise<OpenRead> {
  const { start, end, signal } = options;
  throwIfAborted(signal);
  if (start !== undefined && end !== undefined && end < start)
    throw new FsError(400, 'A read ends before it begins: end must not be below start.');
  const reading = new Reading(signal);
  try {
    const request = { op: 'read', path: encodePath(path), start, end, credit: fsnodeLimits.readWindow };
    reading.call = connection.call('stream', request, reading.handlers);
  } catch (error) {
    throw asFsError(error);
  }
  return reading.opened.promise;
}
