// What the page and its worker (host_worker.ts) say to each other beside the ports of apps' clients: two parts of one program, so
// nothing here is parsed.

import type { Cookie } from '../intercept/jar.ts';
import type { Fault, Login } from '../intercept/port.ts';
import type { Identity } from '../intercept/request.ts';
import type { Challenge } from '../intercept/sign_in.ts';

export type ToWorker =
  | { readonly type: 'tunnel'; readonly id: number; readonly channels: RTCDataChannel[] }
  /** Of the tunnel's session (intercept/port.ts). */
  | { readonly type: 'message'; readonly id: number; readonly message: unknown }
  | { readonly type: 'close'; readonly id: number }
  | { readonly type: 'broker'; readonly id: number; readonly identity: Identity; readonly cookies: unknown }
  | { readonly type: 'attach'; readonly id: number; readonly session: number; readonly port: MessagePort }
  | { readonly type: 'detach'; readonly id: number; readonly session: number }
  /** The person's answer. */
  | { readonly type: 'login'; readonly id: number; readonly question: number; readonly login: Login | null }
  | { readonly type: 'closeBroker'; readonly id: number };

/** Several go as one message (outbox.ts). */
export type FromWorker =
  /** The first. `able`: data channels may be sent to it. */
  | { readonly type: 'up'; readonly able: boolean }
  /** Requests can be made. */
  | { readonly type: 'ready'; readonly id: number }
  | { readonly type: 'closed'; readonly id: number; readonly fault: Fault }
  | { readonly type: 'message'; readonly id: number; readonly message: unknown }
  /** The tunnel's session has ended: no more messages. */
  | { readonly type: 'over'; readonly id: number }
  /** To be kept. */
  | { readonly type: 'cookies'; readonly id: number; readonly cookies: Cookie[] }
  /** The app wants a name and a password. */
  | { readonly type: 'challenge'; readonly id: number; readonly question: number; readonly challenge: Challenge }
  /** Nobody waits for the answer any more. */
  | { readonly type: 'unasked'; readonly id: number; readonly question: number }
  /** `broken`: nobody knows what still works. */
  | { readonly type: 'fault'; readonly message: string; readonly broken: boolean };
