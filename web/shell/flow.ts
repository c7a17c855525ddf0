// The connection as a machine without I/O: (state, event, now) to the next state and the effects that the driver starts. Every
// effect belongs to an attempt; what an earlier attempt still reports is ignored.

import {
  isBusy,
  type Flow,
  type FlowEffect,
  type FlowEvent,
  type Problem,
  type Server,
  type Step,
  type StepId,
} from './flow_types.ts';

export const kSteps: readonly StepId[] = ['folder', 'servers', 'offer', 'sync', 'connect'];

const kBackoff = [1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000];
/** How often a folder without a server is looked at again. */
export const kLookAgainMs = 5_000;

export interface Outcome {
  readonly state: Flow;
  readonly effects: readonly FlowEffect[];
}

function freshSteps(): Step[] {
  return kSteps.map(id => ({ id, status: 'todo', startedAt: null, endedAt: null }));
}

export function initialFlow(): Flow {
  return {
    phase: 'starting',
    mode: 'folder',
    canPick: false,
    folder: null,
    attempt: 0,
    offers: 0,
    failures: 0,
    everConnected: false,
    steps: freshSteps(),
    servers: [],
    candidates: [],
    offerFile: null,
    server: null,
    problem: null,
    lost: null,
    wakeAt: null,
    looking: false,
    anyway: false,
  };
}

function withStep(flow: Flow, id: StepId, change: Partial<Step>): Flow {
  return { ...flow, steps: flow.steps.map(step => (step.id === id ? { ...step, ...change } : step)) };
}

function begin(flow: Flow, id: StepId, now: number): Flow {
  return withStep(flow, id, { status: 'active', startedAt: now, endedAt: null });
}

function end(flow: Flow, id: StepId, now: number, status: Step['status'] = 'done'): Flow {
  return withStep(flow, id, { status, endedAt: now });
}

/** A new attempt from its first step; whatever the previous one still does is stopped. */
function attempt(flow: Flow, now: number, looking = false): Outcome {
  const next: Flow = {
    ...flow,
    phase: looking ? 'problem' : flow.everConnected ? 'reconnecting' : 'connecting',
    looking,
    attempt: flow.attempt + 1,
    steps: freshSteps(),
    candidates: [],
    offerFile: null,
    problem: looking ? flow.problem : null,
    wakeAt: null,
  };
  if (flow.mode === 'manual') {
    const waiting = begin(end(begin(next, 'folder', now), 'folder', now, 'skipped'), 'servers', now);
    // The record was asked for once; later offers of this page use what it said.
    if (flow.attempt > 0 && flow.offers > 0) return offer(end(waiting, 'servers', now), now, [{ do: 'stop' }]);
    return { state: waiting, effects: [{ do: 'stop' }] };
  }
  return { state: begin(next, 'folder', now), effects: [{ do: 'stop' }, { do: 'open', attempt: next.attempt }] };
}

function offer(known: Flow, now: number, before: readonly FlowEffect[] = []): Outcome {
  const flow: Flow = {
    ...known,
    phase: known.everConnected ? 'reconnecting' : 'connecting',
    looking: false,
    problem: null,
  };
  const iceServers = newest(flow.servers)?.iceServers ?? [];
  return {
    state: begin(flow, 'offer', now),
    effects: [...before, { do: 'offer', attempt: flow.attempt, iceServers }],
  };
}

/** The record that counts: a server that is up before one that is down, then the latest. */
export function newest(servers: readonly Server[]): Server | null {
  let best: Server | null = null;
  for (const server of servers) {
    const better = !best || (server.up === best.up ? server.created > best.created : server.up);
    if (better) best = server;
  }
  return best;
}

/** Problems that may pass without the person doing something here: tried again by itself. */
function retryDelay(problem: Problem, failures: number): number | null {
  switch (problem.kind) {
    case 'no-server':
      return kLookAgainMs;
    case 'no-path':
      return Math.max(20_000, kBackoff[Math.min(failures, kBackoff.length) - 1] ?? 60_000);
    case 'internal':
    case 'refused':
      return kBackoff[Math.min(failures, kBackoff.length - 1)] ?? 60_000;
    case 'no-webrtc':
    case 'wrong-folder':
    case 'permission-refused':
    case 'folder-gone':
      return null;
    case 'write-failed':
      // A virus scanner or the sync may hold a file for a moment; a full disk does not pass by itself.
      return failures < 3 ? 2_000 : null;
  }
}

function fail(flow: Flow, step: StepId, problem: Problem, now: number): Outcome {
  const failures = flow.failures + 1;
  const delay = retryDelay(problem, failures);
  const wakeAt = delay === null ? null : now + delay;
  const state: Flow = {
    ...end(flow, step, now, 'failed'),
    phase: 'problem',
    problem,
    failures,
    wakeAt,
    looking: false,
  };
  const effects: FlowEffect[] = [{ do: 'stop' }];
  if (delay !== null) effects.push({ do: 'wake', attempt: flow.attempt, afterMs: delay });
  return { state, effects };
}

function stay(flow: Flow): Outcome {
  return { state: flow, effects: [] };
}

function onServers(flow: Flow, servers: readonly Server[], now: number): Outcome {
  const seen: Flow = { ...flow, servers };
  if (servers.length === 0 && flow.mode === 'folder' && !flow.anyway)
    return fail(seen, 'servers', { kind: 'no-server', directory: true }, now);
  return offer(end(seen, 'servers', now), now);
}

function onLost(flow: Flow, reason: string, now: number): Outcome {
  const delay = flow.mode === 'manual' ? 0 : (kBackoff[0] ?? 1000);
  const state: Flow = {
    ...flow,
    phase: 'reconnecting',
    steps: freshSteps(),
    failures: 0,
    lost: { reason, at: now },
    wakeAt: now + delay,
  };
  return { state, effects: [{ do: 'stop' }, { do: 'wake', attempt: flow.attempt, afterMs: delay }] };
}

/** Events that belong to an attempt. */
function onAttempt(flow: Flow, event: Extract<FlowEvent, { attempt: number }>, now: number): Outcome {
  if (event.attempt !== flow.attempt) return stay(flow);
  if (event.type === 'wake')
    return flow.wakeAt === null ? stay(flow) : attempt(flow, now, flow.problem?.kind === 'no-server');
  if (event.type === 'lost') return flow.phase === 'connected' ? onLost(flow, event.reason, now) : stay(flow);
  if (!isBusy(flow)) return stay(flow);
  switch (event.type) {
    case 'opened':
      return {
        state: begin(end(flow, 'folder', now), 'servers', now),
        effects: [{ do: 'presence', attempt: flow.attempt }],
      };
    case 'servers':
      return onServers(flow, event.servers, now);
    case 'offered':
      return {
        state: { ...begin(end(flow, 'offer', now), 'sync', now), candidates: event.candidates },
        effects: [{ do: 'exchange', attempt: flow.attempt }],
      };
    case 'written':
      return stay({ ...flow, offerFile: event.file, offers: flow.offers + 1 });
    case 'answered':
      return {
        state: { ...begin(end(flow, 'sync', now), 'connect', now), server: event.server },
        effects: [{ do: 'connect', attempt: flow.attempt }],
      };
    case 'connected':
      return stay({
        ...end(flow, 'connect', now),
        phase: 'connected',
        everConnected: true,
        server: event.server ?? flow.server,
        failures: 0,
        lost: null,
        problem: null,
        anyway: false,
      });
    case 'expired':
      return attempt(flow, now);
    case 'failed':
      return fail(flow, event.step, event.problem, now);
  }
}

export function advance(flow: Flow, event: FlowEvent, now: number): Outcome {
  switch (event.type) {
    case 'started': {
      const next: Flow = { ...flow, canPick: event.canPick, mode: event.canPick ? 'folder' : 'manual' };
      if (!event.hasPeer) return stay({ ...next, phase: 'problem', problem: { kind: 'no-webrtc' } });
      if (!event.canPick) return attempt(next, now);
      if (!event.remembered) return stay({ ...next, phase: 'choose' });
      const known: Flow = { ...next, folder: event.remembered.name };
      return event.remembered.granted ? attempt(known, now) : stay({ ...known, phase: 'renew' });
    }
    case 'folder':
      return attempt({ ...flow, mode: 'folder', folder: event.name, failures: 0, anyway: false }, now);
    case 'folder-problem': {
      // While something is shown or under way a wrong choice changes nothing but the sentence.
      const keep = flow.phase === 'connected' || isBusy(flow);
      return keep
        ? stay(flow)
        : { state: { ...flow, phase: 'problem', problem: event.problem, wakeAt: null }, effects: [{ do: 'stop' }] };
    }
    case 'forget':
      return {
        state: { ...initialFlow(), phase: 'choose', canPick: flow.canPick, attempt: flow.attempt + 1 },
        effects: [{ do: 'stop' }, { do: 'forget' }],
      };
    case 'manual':
      return attempt({ ...flow, mode: 'manual', failures: 0, offers: 0 }, now);
    case 'automatic':
      return {
        state: {
          ...initialFlow(),
          phase: flow.folder ? 'renew' : 'choose',
          folder: flow.folder,
          canPick: flow.canPick,
          attempt: flow.attempt + 1,
        },
        effects: [{ do: 'stop' }],
      };
    case 'retry':
      if (flow.phase !== 'problem' && flow.wakeAt === null) return stay(flow);
      return attempt({ ...flow, anyway: event.anyway ?? flow.anyway }, now);
    case 'hurry':
      // The tab is visible again, or the network is back: no reason to sit out a pause.
      return flow.wakeAt === null ? stay(flow) : attempt(flow, now);
    default:
      return onAttempt(flow, event, now);
  }
}
