import { describe, expect, it } from 'vitest';
import { advance, initialFlow } from './flow.ts';
import type { Flow, FlowEvent, Problem, Server } from './flow_types.ts';
import { cleanDeviceName, guessDeviceName } from './device.ts';
import { serverOfText } from './server_text.ts';
import { candidateWords, isStale, manualWords, problemWords, stepWords } from './words.ts';

const home: Server = { name: 'home', up: true, created: 0, everyS: 3600, iceServers: ['stun:stun.example:3478'] };
const place = { folder: '/home/anna/Photos', name: 'Photos' };

function waiting(servers: readonly Server[]): Flow {
  const events: FlowEvent[] = [
    { type: 'started', canPick: true, hasPeer: true, remembered: null },
    { type: 'folder', name: 'Photos' },
    { type: 'opened', attempt: 1 },
    { type: 'servers', attempt: 1, servers },
    { type: 'offered', attempt: 1, candidates: ['host'] },
    { type: 'written', attempt: 1, file: 'offer-1-2.json' },
  ];
  return events.reduce((flow, event) => advance(flow, event, 0).state, initialFlow());
}
function words(flow: Flow, id: string, now: number) {
  const step = flow.steps.find(other => other.id === id);
  if (!step) throw new Error(id);
  return stepWords(step, flow, now);
}

describe('steps', () => {
  it('hint at the sync after half a minute and say more after two minutes', () => {
    const flow = waiting([home]);
    expect(words(flow, 'sync', 12_000).hint).toBe('');
    expect(words(flow, 'sync', 31_000).hint).toMatch(/running on both sides/);
    expect(words(flow, 'sync', 31_000).hint).not.toMatch(/offer-1-2/);
    expect(words(flow, 'sync', 151_000).hint).toMatch(/offer-1-2\.json.*ignore hidden/);
  });

  it('say when the server was last seen, stopped or has been away', () => {
    expect(words(waiting([home]), 'servers', 190_000).title).toBe('“home” was last seen 3 minutes ago');
    expect(words(waiting([{ ...home, up: false }]), 'servers', 7_200_000).title).toBe('“home” was stopped 2 hours ago');
    expect(words(waiting([home]), 'servers', 3 * 86_400_000).title).toBe('“home” has not been seen since 3 days ago');
    expect(isStale(home, 2 * 3_600_000)).toBe(false);
    expect(isStale(home, 2 * 3_600_000 + 11 * 60_000)).toBe(true);
  });

  it('count what the browser found', () => {
    expect(candidateWords(['host', 'srflx', 'srflx'])).toBe('With 1 address of this device and 2 public addresses.');
    expect(candidateWords([])).toMatch(/offline/);
  });
});

describe('carrying the files by hand', () => {
  it('is put down to the browser only where the browser has no access to folders', () => {
    expect(manualWords(false)).toMatch(/browser gives pages no access/);
    expect(manualWords(true)).not.toMatch(/browser/);
    expect(manualWords(true)).toMatch(/carry two small files/);
  });
});

describe('every dead end', () => {
  const report = {
    local: { host: 1 },
    remote: { host: 2, srflx: 1 },
    pairs: 4,
    noPublicAddress: false,
    stun: ['stun:stun.example:3478'],
  };
  const problems: Problem[] = [
    { kind: 'no-webrtc' },
    { kind: 'wrong-folder', name: 'Holiday' },
    { kind: 'permission-refused', name: 'Photos' },
    { kind: 'folder-gone', name: 'Photos' },
    { kind: 'no-server', directory: false },
    { kind: 'no-server', directory: true },
    { kind: 'write-failed', message: 'The disk is full.' },
    { kind: 'no-path', report },
    { kind: 'refused', message: 'x' },
    { kind: 'internal', message: 'x' },
  ];
  it.each(problems)('$kind has a sentence and a way out', problem => {
    const { title, text, actions } = problemWords(problem, waiting([home]), place);
    expect(title.length).toBeGreaterThan(10);
    expect(text.length).toBeGreaterThan(0);
    expect(actions.length).toBeGreaterThan(0);
  });

  it('names what was chosen and what should have been', () => {
    const { title, text } = problemWords({ kind: 'wrong-folder', name: 'Holiday' }, waiting([home]), place);
    expect(title).toContain('Holiday');
    expect(text.join(' ')).toContain('/home/anna/Photos');
  });

  it('says which candidates were tried, and why without STUN', () => {
    const text = problemWords({ kind: 'no-path', report }, waiting([home]), place).text.join(' ');
    expect(text).toContain(
      'Tried 4 paths. This device: 1 local. The server: 2 local, 1 public (STUN). STUN: stun.example:3478.',
    );
    expect(problemWords({ kind: 'no-path', report: { ...report, stun: [] } }, waiting([home]), place).text[0]).toMatch(
      /same network only/,
    );
  });
});

describe('names of devices', () => {
  it.each([
    [
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Safari/537.36',
      'Chrome on Linux',
    ],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/150.0 Safari/537.36 Edg/150.0',
      'Edge on Windows',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18 Mobile Safari/604',
      'Safari on iPhone',
    ],
    ['', 'Browser on a device'],
  ])('%s', (agent, name) => expect(guessDeviceName(agent)).toBe(name));

  it('fit into a record', () => {
    expect(cleanDeviceName('  a\u0000b\n c ')).toBe('a b c');
    expect(new TextEncoder().encode(cleanDeviceName('ä'.repeat(100))).length).toBe(64);
  });
});

describe('a server’s record by hand', () => {
  it('is read', () => {
    const text = JSON.stringify({
      v: 1,
      type: 'presence',
      name: 'home',
      state: 'up',
      created: 5,
      every_s: 60,
      ice_servers: ['stun:a', 'turn:b', 7],
    });
    expect(serverOfText(` ${text}\n`)).toEqual({
      name: 'home',
      up: true,
      created: 5,
      everyS: 60,
      iceServers: ['stun:a'],
    });
  });
  it.each([['{"v":'], ['[]'], ['{"type":"answer"}'], ['{"type":"offer"}'], ['7']])('%s is told from it', text =>
    expect(typeof serverOfText(text)).toBe('string'),
  );
});
