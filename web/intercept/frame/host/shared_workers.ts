// Shared workers of an app. Its documents have an origin each and could share none, so the file around them holds the browser's
// workers; each has a port to the broker and ends with the last document that uses it. What a worker says here is not heard.

import { kConnectWorker, kStartWorker, type WorkerStart } from '../worker_start.ts';
import type { SharedWorkerAsk } from '../control.ts';

export interface SharedWorkersParts {
  /** Of the script that a worker begins with. */
  readonly source: string;
  readonly origin: string;
  /** Another client of the broker, which ends with `gone`. */
  client(number: number): MessagePort;
  gone(number: number): void;
}

interface Shared {
  readonly worker: Worker;
  readonly number: number;
  readonly documents: Set<number>;
}

const kMost = 16;

export class SharedWorkers {
  readonly #parts: SharedWorkersParts;
  readonly #workers = new Map<string, Shared>();
  #program: string | null = null;

  constructor(parts: SharedWorkersParts) {
    this.#parts = parts;
  }

  /** `number`: for a new worker, unlike any document's. */
  connect(document: number, ask: SharedWorkerAsk, port: MessagePort, number: number): void {
    // One from a blob is its document's alone.
    const key = JSON.stringify([ask.url, ask.name, ask.text === null ? null : document]);
    const known = this.#workers.get(key) ?? this.#start(ask, number);
    if (!known) return port.close();
    this.#workers.set(key, known);
    known.documents.add(document);
    known.worker.postMessage({ type: kConnectWorker }, [port]);
  }

  /** The document is no more. */
  leave(document: number): void {
    for (const [key, { worker, number, documents }] of this.#workers) {
      if (!documents.delete(document) || documents.size > 0) continue;
      worker.terminate();
      this.#workers.delete(key);
      this.#parts.gone(number);
    }
  }

  #start({ url, name, module, text, policy }: SharedWorkerAsk, number: number): Shared | null {
    if (this.#workers.size >= kMost) return null;
    const { source, origin } = this.#parts;
    this.#program ??= URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
    const worker = new Worker(this.#program, { name });
    const start: WorkerStart = { type: kStartWorker, origin, url, source, module, text, policy, shared: true };
    worker.postMessage(start, [this.#parts.client(number)]);
    return { worker, number, documents: new Set() };
  }
}
