// What a service worker has beyond the DOM library of TypeScript, as much of it as is used here.

export interface Extendable extends Event {
  waitUntil(promise: Promise<unknown>): void;
}

export interface FetchEventLike extends Extendable {
  readonly request: Request;
  readonly clientId: string;
  readonly resultingClientId: string;
  respondWith(response: Promise<Response> | Response): void;
}

export interface ClientLike {
  readonly id: string;
  readonly url: string;
  readonly type: 'window' | 'worker' | 'sharedworker' | 'all';
  readonly frameType?: 'auxiliary' | 'top-level' | 'nested' | 'none';
  postMessage(message: unknown, transfer?: Transferable[]): void;
}

export interface MessageEventLike extends Extendable {
  readonly data: unknown;
  readonly ports: readonly MessagePort[];
  readonly source: ClientLike | null;
}

export interface WorkerScope {
  readonly location: Location;
  readonly clients: {
    get(id: string): Promise<ClientLike | undefined>;
    matchAll(options: { includeUncontrolled?: boolean; type?: 'window' | 'all' }): Promise<ClientLike[]>;
    claim(): Promise<void>;
  };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'fetch', listener: (event: FetchEventLike) => void): void;
  addEventListener(type: 'message', listener: (event: MessageEventLike) => void): void;
  addEventListener(type: 'install' | 'activate', listener: (event: Extendable) => void): void;
}
