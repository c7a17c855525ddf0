// The words of the connection machine (flow.ts): its state, what happens to it and what it asks for.

export type Phase = 'starting' | 'choose' | 'renew' | 'connecting' | 'connected' | 'reconnecting' | 'problem';
export type StepId = 'folder' | 'servers' | 'offer' | 'sync' | 'connect';
export type StepStatus = 'todo' | 'active' | 'done' | 'failed' | 'skipped';

export interface Step {
  readonly id: StepId;
  readonly status: StepStatus;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
}

/** A server's newest presence record. */
export interface Server {
  readonly name: string;
  readonly up: boolean;
  /** By the server's clock, Unix milliseconds: for people and for order only. */
  readonly created: number;
  readonly everyS: number;
  readonly iceServers: readonly string[];
}

/** What ICE had to work with, for the sentence about the network path. */
export interface PathReport {
  /** Candidates by type (host, srflx, relay, prflx). */
  readonly local: Readonly<Record<string, number>>;
  readonly remote: Readonly<Record<string, number>>;
  /** Pairs of candidates that were tried. */
  readonly pairs: number;
  /** STUN gave no address. */
  readonly noPublicAddress: boolean;
  readonly stun: readonly string[];
}

export type Problem =
  | { readonly kind: 'no-webrtc' }
  | { readonly kind: 'wrong-folder'; readonly name: string }
  | { readonly kind: 'permission-refused'; readonly name: string }
  | { readonly kind: 'folder-gone'; readonly name: string }
  | { readonly kind: 'no-server'; readonly directory: boolean }
  | { readonly kind: 'write-failed'; readonly message: string }
  | { readonly kind: 'no-path'; readonly report: PathReport }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'internal'; readonly message: string };

export interface Flow {
  readonly phase: Phase;
  /** `manual`: the person carries the two files. */
  readonly mode: 'folder' | 'manual';
  readonly canPick: boolean;
  readonly folder: string | null;
  readonly attempt: number;
  /** Offers written since the folder was opened. */
  readonly offers: number;
  /** Failed attempts in a row. */
  readonly failures: number;
  readonly everConnected: boolean;
  readonly steps: readonly Step[];
  readonly servers: readonly Server[];
  readonly candidates: readonly string[];
  readonly offerFile: string | null;
  /** Name of the server that answered. */
  readonly server: string | null;
  readonly problem: Problem | null;
  readonly lost: { readonly reason: string; readonly at: number } | null;
  /** When the next attempt starts by itself. */
  readonly wakeAt: number | null;
  /** A problem stays shown while the page looks whether it has passed. */
  readonly looking: boolean;
  /** Write an offer even though no server has announced itself. */
  readonly anyway: boolean;
}

export type FlowEvent =
  | {
      readonly type: 'started';
      readonly canPick: boolean;
      readonly hasPeer: boolean;
      readonly remembered: { readonly name: string; readonly granted: boolean } | null;
    }
  | { readonly type: 'folder'; readonly name: string }
  | { readonly type: 'folder-problem'; readonly problem: Problem }
  | { readonly type: 'forget' }
  | { readonly type: 'manual' }
  | { readonly type: 'automatic' }
  | { readonly type: 'retry'; readonly anyway?: boolean }
  | { readonly type: 'hurry' }
  | { readonly type: 'opened'; readonly attempt: number }
  | { readonly type: 'servers'; readonly attempt: number; readonly servers: readonly Server[] }
  | { readonly type: 'offered'; readonly attempt: number; readonly candidates: readonly string[] }
  | { readonly type: 'written'; readonly attempt: number; readonly file: string }
  | { readonly type: 'answered'; readonly attempt: number; readonly server: string }
  | { readonly type: 'connected'; readonly attempt: number; readonly server?: string }
  | { readonly type: 'expired'; readonly attempt: number }
  | { readonly type: 'failed'; readonly attempt: number; readonly step: StepId; readonly problem: Problem }
  | { readonly type: 'lost'; readonly attempt: number; readonly reason: string }
  | { readonly type: 'wake'; readonly attempt: number };

export type FlowEffect =
  | { readonly do: 'stop' }
  | { readonly do: 'forget' }
  | { readonly do: 'open'; readonly attempt: number }
  | { readonly do: 'presence'; readonly attempt: number }
  | { readonly do: 'offer'; readonly attempt: number; readonly iceServers: readonly string[] }
  | { readonly do: 'exchange'; readonly attempt: number }
  | { readonly do: 'connect'; readonly attempt: number }
  | { readonly do: 'wake'; readonly attempt: number; readonly afterMs: number };

/** An attempt is under way (not merely waited for). */
export function isBusy(flow: Flow): boolean {
  const underWay = flow.phase === 'connecting' || flow.phase === 'reconnecting' || flow.looking;
  return underWay && flow.wakeAt === null;
}
