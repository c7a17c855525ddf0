// The server's side of docs/fsnode.md over any backing, for tests: small, and strict about what a client may send.
import { concat, type Bytes } from '../../base/bytes.ts';
import { Deferred } from '../../base/deferred.ts';
import { asFsError, FsError } from '../error.ts';
import { fsnodeLimits } from '../limits.ts';
import { decodePath, encodeName, encodePath } from '../path.ts';
import type { Message, Transport } from '../transport.ts';
import type { Backing, Info, SubEvent, Told, UploadSource, WriteFlags } from '../types.ts';

interface Open {
  op: string;
  abort: AbortController;
  credit: number;
  more: Deferred<void> | null;
  /** Data and its end as they came. */
  pieces: Bytes[];
  /** What the client may still send. */
  window: number;
  ended: boolean;
  digest: string;
}

type Request = Record<string, unknown>;

export interface ReferenceOptions {
  root?: string;
  version?: number;
  /** Says nothing at the beginning. */
  mute?: boolean;
}

export class ReferenceServer {
  readonly #backing: Backing;
  readonly #transport: Transport;
  readonly #open = new Map<number, Open>();
  /** What the client did against the protocol. */
  readonly faults: string[] = [];
  /** The largest number of open calls, of open subs, and of bytes held for reads. */
  readonly most = { calls: 0, subs: 0 };

  constructor(transport: Transport, backing: Backing, options: ReferenceOptions = {}) {
    this.#transport = transport;
    this.#backing = backing;
    transport.onmessage = message => this.#receive(message);
    transport.onclose = () => {
      for (const call of this.#open.values()) call.abort.abort();
      this.#open.clear();
    };
    const { root = '', version = 1, mute = false } = options;
    if (!mute) this.#send({ hello: version, name: backing.name, root, writable: backing.writable });
  }

  get openCalls(): number {
    return this.#open.size;
  }

  #send(message: Request): void {
    void this.#transport.send(JSON.stringify(message));
  }

  #fault(text: string): void {
    this.faults.push(text);
    this.#transport.close();
  }

  #receive(message: Message): void {
    if (typeof message !== 'string') return this.#receiveData(message);
    if (message.length > fsnodeLimits.messageIn) return this.#fault('a message that is too large');
    const request = JSON.parse(message) as Request;
    const { id } = request;
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 1 || id > 0x7fff_ffff)
      return this.#fault(`id ${String(id)}`);
    const call = this.#open.get(id);
    if ('op' in request) {
      if (call) return this.#fault(`id ${id} is in use`);
      return this.#begin(id, request);
    }
    if (!call) return;
    if (request.cancel === true) {
      call.abort.abort();
      if (call.op === 'sub') this.#finish(id, { ok: true });
      else this.#finish(id, { error: { success: false, status: 499, error: 'cancelled' } });
    } else if (typeof request.credit === 'number') {
      call.credit += request.credit;
      if (call.credit > fsnodeLimits.readWindow) this.#fault('more credit than the window');
      call.more?.resolve();
    } else if (request.end === true) {
      call.ended = true;
      call.digest = String(request.sha256);
      call.more?.resolve();
    }
  }

  #receiveData(bytes: Bytes): void {
    const id = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    const call = this.#open.get(id);
    if (bytes.length < 5 || bytes.length > 4 + fsnodeLimits.data)
      return this.#fault(`${bytes.length} bytes in a message`);
    if (!call) return;
    call.window -= bytes.length - 4;
    if (call.window < 0) return this.#fault('more data than credit');
    call.pieces.push(bytes.subarray(4));
    call.more?.resolve();
  }

  #finish(id: number, answer: Request): void {
    if (this.#open.delete(id)) this.#send({ id, ...answer });
  }

  #begin(id: number, request: Request): void {
    const op = String(request.op);
    const call: Open = {
      ...{ op, abort: new AbortController(), credit: Number(request.credit ?? fsnodeLimits.readWindow) },
      ...{ more: null, pieces: [], window: 0, ended: false, digest: '' },
    };
    this.#open.set(id, call);
    const subs = [...this.#open.values()].filter(open => open.op === 'sub').length;
    this.most.calls = Math.max(this.most.calls, this.#open.size);
    this.most.subs = Math.max(this.most.subs, subs);
    const fail = (error: unknown) => {
      const { success, status, error: sentence } = asFsError(error);
      this.#finish(id, { error: { success, status, error: sentence } });
    };
    if (this.#open.size > fsnodeLimits.calls || subs > fsnodeLimits.subs)
      return fail(new FsError(429, 'too many calls'));
    try {
      this.#run(id, call, request).then(ok => ok !== undefined && this.#finish(id, { ok }), fail);
    } catch (error) {
      fail(error);
    }
  }

  async #run(id: number, call: Open, request: Request): Promise<unknown> {
    const path = pathOf(request.path);
    const { signal } = call.abort;
    const overwrite = typeof request.overwrite === 'boolean' ? request.overwrite : undefined;
    switch (call.op) {
      case 'info':
        return this.#backing.info(path);
      case 'children':
        return this.#children(id, path, request.info === true);
      case 'read':
        return this.#read(id, call, path, request);
      case 'write':
        this.#allow(id, call, fsnodeLimits.writeWindow);
        return this.#backing.write(
          path,
          { size: undefined, [Symbol.asyncIterator]: () => this.#take(id, call) },
          {
            ...{ flags: (request.flags ?? 'w+') as WriteFlags, start: request.start as number | undefined },
            ...{ overwrite, signal },
          },
        );
      case 'upload':
        return this.#backing.upload?.(path, this.#uploadSource(id, call), {
          ...{ upload: String(request.upload), size: Number(request.size), overwrite, signal },
        });
      case 'move':
        return encodePath(await this.#backing.move(path, pathOf(request.to), { overwrite }));
      case 'delete':
        await this.#backing.delete(path);
        return true;
      case 'makeDir':
        await this.#backing.makeDir(path);
        return true;
      case 'touch':
        await this.#backing.touch(path);
        return true;
      case 'sub':
        return this.#sub(id, call, path, request);
      default:
        throw new FsError(400, `There is no operation ${call.op}`);
    }
  }

  async #children(id: number, path: string, info: boolean): Promise<number> {
    const entries = await this.#backing.children(path, { info });
    for (let at = 0; at < entries.length; at += fsnodeLimits.part)
      this.#send({
        id,
        part: entries.slice(at, at + fsnodeLimits.part).map(entry => [encodeName(entry.name), entry.info]),
      });
    return entries.length;
  }

  async #read(id: number, call: Open, path: string, request: Request): Promise<number> {
    const { head, stream } = await this.#backing.read(path, {
      start: request.start as number | undefined,
      end: request.end as number | undefined,
    });
    if (!this.#open.has(id)) return 0;
    this.#send({ id, head: { ...head } });
    const reader = stream.getReader();
    let sent = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return sent;
      for (let rest = value; rest.length > 0;) {
        while (call.credit === 0 && this.#open.has(id)) await this.#wait(call);
        if (!this.#open.has(id)) return sent;
        const piece = rest.subarray(0, Math.min(call.credit, fsnodeLimits.data));
        rest = rest.subarray(piece.length);
        call.credit -= piece.length;
        sent += piece.length;
        const header = new Uint8Array(4);
        new DataView(header.buffer).setUint32(0, id);
        void this.#transport.send(concat([header, piece]));
        await Promise.resolve();
      }
    }
  }

  #allow(id: number, call: Open, bytes: number): void {
    call.window += bytes;
    this.#send({ id, credit: bytes });
  }

  async #wait(call: Open): Promise<void> {
    call.more = new Deferred<void>();
    const abort = () => call.more?.resolve();
    call.abort.signal.addEventListener('abort', abort, { once: true });
    await call.more.promise;
    call.abort.signal.removeEventListener('abort', abort);
    call.more = null;
  }

  async *#take(id: number, call: Open): AsyncGenerator<Bytes, void, undefined> {
    for (;;) {
      const piece = call.pieces.shift();
      if (piece) {
        yield piece;
        this.#allow(id, call, piece.length);
      } else if (call.ended) return;
      else if (call.abort.signal.aborted) throw new FsError(499, 'cancelled');
      else await this.#wait(call);
    }
  }

  #uploadSource(id: number, call: Open): UploadSource {
    const self = this.#take.bind(this);
    const begin = (offset: number) => {
      this.#send({ id, head: { offset } });
      this.#allow(id, call, fsnodeLimits.writeWindow);
    };
    return {
      from: offset => {
        begin(offset);
        return self(id, call);
      },
      digest: async () => call.digest,
      progress: () => undefined,
    };
  }

  #sub(id: number, call: Open, path: string, request: Request): undefined {
    const paths = (request.paths as string[] | undefined) ?? [''];
    const options = {
      paths: paths.map(pathOf),
      events: (request.events as SubEvent[] | undefined) ?? (['all'] satisfies SubEvent[]),
      ignoreInitial: request.ignoreInitial === true,
      depth: request.depth as number | undefined,
    };
    const off = this.#backing.sub(path, options, told => this.#send({ id, events: [wireEvent(told)] }));
    call.abort.signal.addEventListener('abort', off);
    return undefined;
  }
}

function wireEvent(told: Told): [string, string, (Info | string | null)?] {
  if (told.event === 'ready') return ['ready', ''];
  if (told.event === 'error') return ['error', '', told.error.message];
  if (told.event === 'raw') return ['raw', encodePath(told.path)];
  return [told.event, encodePath(told.path), told.info];
}

function pathOf(value: unknown): string {
  const path = typeof value === 'string' ? decodePath(value) : null;
  if (path === null) throw new FsError(400, 'The path is malformed.');
  return path;
}
