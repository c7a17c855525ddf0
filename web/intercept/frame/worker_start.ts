// The first messages of a worker, from the document or file that has made it.

export const kStartWorker = 'owndir-worker';
/** Brings a port of somebody who shares it. */
export const kConnectWorker = 'owndir-connect';

export interface WorkerStart {
  readonly type: typeof kStartWorker;
  readonly origin: string;
  readonly url: string;
  readonly source: string;
  readonly module: boolean;
  /** Null: it is to be loaded from the address. */
  readonly text: string | null;
  /** Of the document, which a worker without an address inherits. */
  readonly policy: string;
  readonly shared?: boolean;
}
