import { describe, expect, it } from 'vitest';
import { advance, initialFlow, newest } from './flow.ts';
import type { Flow, FlowEffect, FlowEvent, Problem, Server } from './flow_types.ts';

const home: Server = { name: 'home', up: true, created: 1000, everyS: 3600, iceServers: ['stun:a:1'] };
const report = { local: {}, remote: {}, pairs: 0, noPublicAddress: false, stun: [] };

/** Runs events one second apart; returns the last state and the effects of the last event. */
function run(
  events: readonly FlowEvent[],
  from: Flow = initialFlow(),
): { flow: Flow; effects: readonly FlowEffect[]; steps: string } {
  let flow = from;
  let effects: readonly FlowEffect[] = [];
  events.forEach((event, at) => {
    const outcome = advance(flow, event, 10_000 + at * 1000);
    flow = outcome.state;
    effects = outcome.effects;
  });
  return { flow, effects, steps: flow.steps.map(step => step.status[0]).join('') };
}

const started: FlowEvent = { type: 'started', canPick: true, hasPeer: true, remembered: null };
const folder: FlowEvent = { type: 'folder', name: 'Photos' };
const opened = (attempt = 1): FlowEvent => ({ type: 'opened', attempt });
const servers = (list: readonly Server[] = [home], attempt = 1): FlowEvent => ({
  type: 'servers',
  attempt,
  servers: list,
});
const offered = (attempt = 1): FlowEvent => ({ type: 'offered', attempt, candidates: ['host'] });
const written = (attempt = 1): FlowEvent => ({ type: 'written', attempt, file: 'offer.json' });
const answered = (attempt = 1): FlowEvent => ({ type: 'answered', attempt, server: 'home' });
const connected = (attempt = 1): FlowEvent => ({ type: 'connected', attempt });
const failed = (problem: Problem, attempt = 1): FlowEvent => ({ type: 'failed', attempt, step: 'sync', problem });
const toSync = [started, folder, opened(), servers(), offered(), written()];
const toConnected = [...toSync, answered(), connected()];
const lost: FlowEvent = { type: 'lost', attempt: 1, reason: 'gone' };

describe('the way to the folder', () => {
  it.each<[string, FlowEvent[], Flow['phase'], string, FlowEffect['do'][]]>([
    ['asks for the folder at first', [started], 'choose', 'ttttt', []],
    [
      'asks for the permission of a folder it knows',
      [{ ...started, remembered: { name: 'Photos', granted: false } }],
      'renew',
      'ttttt',
      [],
    ],
    [
      'goes on by itself where the permission is still there',
      [{ ...started, remembered: { name: 'Photos', granted: true } }],
      'connecting',
      'atttt',
      ['stop', 'open'],
    ],
    ['says at once that a browser has no WebRTC', [{ ...started, hasPeer: false }], 'problem', 'ttttt', []],
    [
      'lets the person carry files where there is no picker',
      [{ ...started, canPick: false }],
      'connecting',
      'sattt',
      ['stop'],
    ],
    ['opens the folder', [started, folder], 'connecting', 'atttt', ['stop', 'open']],
    ['looks for servers', [started, folder, opened()], 'connecting', 'dattt', ['presence']],
    ['makes an offer', [started, folder, opened(), servers()], 'connecting', 'ddatt', ['offer']],
    ['hands it to the sync', [started, folder, opened(), servers(), offered()], 'connecting', 'dddat', ['exchange']],
    ['waits', toSync, 'connecting', 'dddat', []],
    ['connects with the answer', [...toSync, answered()], 'connecting', 'dddda', ['connect']],
    ['is connected', toConnected, 'connected', 'ddddd', []],
  ])('%s', (_, events, phase, steps, effects) => {
    const result = run(events);
    expect(result.flow.phase).toBe(phase);
    expect(result.steps).toBe(steps);
    expect(result.effects.map(effect => effect.do)).toEqual(effects);
  });

  it('offers with the STUN servers of the newest record', () => {
    const { effects } = run([
      started,
      folder,
      opened(),
      servers([{ ...home, created: 1, iceServers: ['stun:old:1'] }, home]),
    ]);
    expect(effects).toEqual([{ do: 'offer', attempt: 1, iceServers: ['stun:a:1'] }]);
  });

  it('prefers a server that is up to a newer record of one that is down', () => {
    expect(newest([{ ...home, name: 'off', up: false, created: 9000 }, home])?.name).toBe('home');
    expect(newest([])).toBeNull();
  });

  it('measures each step', () => {
    const { flow } = run([...toSync, answered()]);
    const sync = flow.steps.find(step => step.id === 'sync');
    expect((sync?.endedAt ?? 0) - (sync?.startedAt ?? 0)).toBe(2000);
  });
});

describe('what goes wrong', () => {
  it('says that no server has been here, and looks again by itself', () => {
    const { flow, effects } = run([started, folder, opened(), servers([])]);
    expect(flow.problem).toEqual({ kind: 'no-server', directory: true });
    expect(effects.at(-1)).toEqual({ do: 'wake', attempt: 1, afterMs: 5000 });
    const again = run([{ type: 'wake', attempt: 1 }], flow);
    expect(again.flow.attempt).toBe(2);
    expect(again.effects.map(effect => effect.do)).toEqual(['stop', 'open']);
  });

  it('keeps the problem shown while it looks again, until there is a server', () => {
    const { flow } = run([started, folder, opened(), servers([]), { type: 'wake', attempt: 1 }, opened(2)]);
    expect(flow).toMatchObject({ phase: 'problem', looking: true, problem: { kind: 'no-server' } });
    expect(run([servers([], 2)], flow).flow).toMatchObject({ phase: 'problem', looking: false });
    expect(run([servers([home], 2)], flow).flow).toMatchObject({ phase: 'connecting', looking: false, problem: null });
  });

  it('writes an offer without a server if the person wants it', () => {
    const { flow } = run([
      started,
      folder,
      opened(),
      servers([]),
      { type: 'retry', anyway: true },
      opened(2),
      servers([], 2),
    ]);
    expect(flow.phase).toBe('connecting');
    expect(flow.steps.find(step => step.status === 'active')?.id).toBe('offer');
  });

  it('writes a new offer when one has expired, and counts', () => {
    const { flow, effects } = run([...toSync, { type: 'expired', attempt: 1 }]);
    expect(effects.map(effect => effect.do)).toEqual(['stop', 'open']);
    expect(run([opened(2), servers([home], 2), offered(2), written(2)], flow).flow.offers).toBe(2);
  });

  it.each<[Problem, boolean]>([
    [{ kind: 'no-path', report }, true],
    [{ kind: 'refused', message: 'x' }, true],
    [{ kind: 'internal', message: 'x' }, true],
    [{ kind: 'write-failed', message: 'x' }, true],
    [{ kind: 'permission-refused', name: 'x' }, false],
    [{ kind: 'folder-gone', name: 'x' }, false],
  ])('after %o tries again by itself: %s', (problem, byItself) => {
    const { flow, effects } = run([...toSync, failed(problem)]);
    expect(flow.phase).toBe('problem');
    expect(flow.wakeAt !== null).toBe(byItself);
    expect(effects.some(effect => effect.do === 'wake')).toBe(byItself);
    expect(run([{ type: 'retry' }], flow).flow.phase).toBe('connecting');
  });

  it('stops writing offers by itself after three that could not be written', () => {
    let flow = run([started, folder]).flow;
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      expect(flow.phase).toBe('connecting');
      flow = advance(flow, failed({ kind: 'write-failed', message: 'full' }, attempt), 0).state;
      flow = advance(flow, { type: 'wake', attempt }, 0).state;
    }
    expect(flow).toMatchObject({ phase: 'problem', wakeAt: null });
  });

  it('waits longer after each failure, up to a minute', () => {
    let flow = run([started, folder]).flow;
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 9; attempt += 1) {
      const outcome = advance(flow, failed({ kind: 'internal', message: 'x' }, attempt), 0);
      waits.push(outcome.state.wakeAt ?? -1);
      flow = advance(outcome.state, { type: 'wake', attempt }, 0).state;
    }
    expect(waits).toEqual([2000, 5000, 10000, 20000, 30000, 60000, 60000, 60000, 60000]);
  });

  it('ignores what an earlier attempt still reports', () => {
    const { flow } = run([...toSync, { type: 'expired', attempt: 1 }]);
    for (const event of [
      answered(),
      connected(),
      failed({ kind: 'internal', message: 'x' }),
      lost,
      { type: 'wake', attempt: 1 } as FlowEvent,
    ])
      expect(advance(flow, event, 0)).toEqual({ state: flow, effects: [] });
  });

  it('keeps a wrong choice from disturbing what is under way', () => {
    const problem: Problem = { kind: 'wrong-folder', name: 'x' };
    expect(run([started, { type: 'folder-problem', problem }]).flow.problem).toEqual(problem);
    expect(run([...toConnected, { type: 'folder-problem', problem }]).flow.phase).toBe('connected');
    expect(run([...toSync, { type: 'folder-problem', problem }]).flow.phase).toBe('connecting');
  });

  it('forgets the folder', () => {
    const { flow, effects } = run([...toSync, { type: 'forget' }]);
    expect(flow).toMatchObject({ phase: 'choose', folder: null, attempt: 2 });
    expect(effects.map(effect => effect.do)).toEqual(['stop', 'forget']);
  });
});

describe('a lost connection', () => {
  it('comes back by a new offer, after a second', () => {
    const { flow, effects } = run([...toConnected, lost]);
    expect(flow).toMatchObject({ phase: 'reconnecting', everConnected: true });
    expect(effects).toEqual([{ do: 'stop' }, { do: 'wake', attempt: 1, afterMs: 1000 }]);
    expect(run([{ type: 'wake', attempt: 1 }], flow).effects.map(effect => effect.do)).toEqual(['stop', 'open']);
  });

  it('comes back at once when the tab is seen again or the network is back', () => {
    const { flow } = run([...toConnected, lost, { type: 'hurry' }]);
    expect(flow).toMatchObject({ phase: 'reconnecting', attempt: 2, wakeAt: null });
    expect(run([{ type: 'hurry' }], flow).flow.attempt).toBe(2);
  });

  it('is connected again with nothing left of the failure', () => {
    const { flow } = run([
      ...toConnected,
      lost,
      { type: 'hurry' },
      opened(2),
      servers([home], 2),
      offered(2),
      written(2),
      answered(2),
      connected(2),
    ]);
    expect(flow).toMatchObject({ phase: 'connected', lost: null, problem: null, failures: 0, offers: 2 });
  });

  it('asks for the answer only, when files are carried by hand', () => {
    const manual: FlowEvent = { ...started, canPick: false };
    const { flow } = run([
      manual,
      servers(),
      offered(),
      written(),
      answered(),
      connected(),
      lost,
      { type: 'wake', attempt: 1 },
    ]);
    expect(flow.steps.map(step => step.status)).toEqual(['skipped', 'done', 'active', 'todo', 'todo']);
  });
});
