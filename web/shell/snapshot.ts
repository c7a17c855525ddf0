// What tests and curious people may read of the page: window.owndir.state().

import type { Flow, Problem } from './flow_types.ts';

export interface Snapshot {
  readonly phase: Flow['phase'];
  readonly mode: Flow['mode'];
  readonly connected: boolean;
  readonly error: { readonly kind: Problem['kind']; readonly title: string } | null;
  readonly steps: readonly { readonly id: string; readonly status: string; readonly elapsed_ms: number }[];
  readonly folder: string | null;
  readonly server: string | null;
  readonly offers: number;
  readonly offer_file: string | null;
  readonly attempt: number;
  /** The app that is open, on the page that shows apps. */
  readonly app: string | null;
}

declare global {
  interface Window {
    owndir?: { state(): Snapshot };
  }
}

export function snapshotOf(flow: Flow, errorTitle: string | null, now: number): Snapshot {
  return {
    phase: flow.phase,
    mode: flow.mode,
    connected: flow.phase === 'connected',
    error: flow.problem ? { kind: flow.problem.kind, title: errorTitle ?? '' } : null,
    steps: flow.steps.map(step => ({
      id: step.id,
      status: step.status,
      elapsed_ms: step.startedAt === null ? 0 : (step.endedAt ?? now) - step.startedAt,
    })),
    folder: flow.folder,
    server: flow.server,
    offers: flow.offers,
    offer_file: flow.offerFile,
    attempt: flow.attempt,
    app: null,
  };
}
