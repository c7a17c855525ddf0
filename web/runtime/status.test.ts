import { describe, expect, it } from 'vitest';
import { advance, initialFlow } from '../shell/flow.ts';
import type { Flow, FlowEvent, Server } from '../shell/flow_types.ts';
import { flowStatus, formatSpan, hostedStatus, invitationOf } from './status.ts';

const kNow = 1_700_000_000_000;
const place = { folder: '/home/anna/Notes', name: 'Notes' };
const home: Server = { name: 'home', up: true, created: kNow - 60_000, everyS: 3600, iceServers: [] };
const kHour = 3_600_000;

function flowOf(...events: (readonly [FlowEvent, number])[]): Flow {
  return events.reduce((flow, [event, ago]) => advance(flow, event, kNow - ago).state, initialFlow());
}
const started = (granted: boolean | null): FlowEvent => ({
  type: 'started',
  canPick: true,
  hasPeer: true,
  remembered: granted === null ? null : { name: 'Notes', granted },
});
const waiting = (server: Server): (readonly [FlowEvent, number])[] => [
  [started(true), 12_400],
  [{ type: 'opened', attempt: 1 }, 12_300],
  [{ type: 'servers', attempt: 1, servers: [server] }, 12_200],
  [{ type: 'offered', attempt: 1, candidates: ['host'] }, 12_000],
];
const connected: (readonly [FlowEvent, number])[] = [
  ...waiting(home),
  [{ type: 'answered', attempt: 1, server: 'home' }, 9_500],
  [{ type: 'connected', attempt: 1 }, 9_000],
];
const words = (flow: Flow, mode: 'none' | 'disk' | 'live') => flowStatus(flow, mode, place, kNow).text;

describe('the words in the corner', () => {
  it('ask for the folder with the click that brings it', () => {
    expect(flowStatus(flowOf([started(null), 0]), 'none', place, kNow)).toMatchObject({
      text: 'Open folder…',
      action: 'choose',
    });
    expect(flowStatus(flowOf([started(false), 0]), 'none', place, kNow)).toMatchObject({
      text: 'Open “Notes”',
      action: 'renew',
    });
  });

  it('tell how long it has been connecting, and that what is seen comes from disk', () => {
    expect(words(flowOf(...waiting(home)), 'disk')).toBe('From disk · connecting… 12 s');
    expect(words(flowOf(...waiting(home)), 'none')).toBe('Connecting… 12 s');
  });

  it('tell of a server that was stopped or not seen', () => {
    const stopped = { ...home, up: false, created: kNow - 2 * kHour };
    const silent = { ...home, created: kNow - 3 * kHour };
    expect(words(flowOf(...waiting(stopped)), 'disk')).toBe('From disk · home server stopped 2 h ago');
    expect(words(flowOf(...waiting(silent)), 'none')).toBe('Home server not seen for 3 h');
  });

  it('say live only when the folder is', () => {
    expect(words(flowOf(...connected), 'live')).toBe('Live');
    expect(words(flowOf(...connected), 'disk')).toBe('From disk · connecting…');
  });

  it('say that the connection is lost', () => {
    const lost = flowOf(...connected, [{ type: 'lost', attempt: 1, reason: 'gone' }, 4_000]);
    const status = flowStatus(lost, 'disk', place, kNow);
    expect(status).toMatchObject({ tone: 'disk', text: 'From disk · reconnecting… 4 s' });
    expect(status.detail).toMatch(/connection is lost/);
  });

  it('keep problems that need nobody quiet while the disk is shown', () => {
    const none = flowOf(
      [started(true), 10],
      [{ type: 'failed', attempt: 1, step: 'folder', problem: { kind: 'no-server', directory: false } }, 0],
    );
    expect(flowStatus(none, 'disk', place, kNow)).toMatchObject({ tone: 'disk', text: 'From disk · no server yet' });
    expect(flowStatus(none, 'none', place, kNow)).toMatchObject({ tone: 'problem', text: 'Needs you' });
  });
});

describe('the words on the server’s own origin', () => {
  it.each([
    [{ state: 'open' }, 'live', 'Live'],
    [{ state: 'open' }, 'none', 'Connecting…'],
    [{ state: 'connecting', since: kNow - 5_200 }, 'none', 'Connecting… 5 s'],
    [{ state: 'refused' }, 'none', 'Not signed in'],
    [{ state: 'away', retryAt: kNow + 4_000 }, 'none', 'Server away'],
  ] as const)('%j in mode %s: %s', (hosted, mode, text) => expect(hostedStatus(hosted, mode, kNow).text).toBe(text));

  it('say when the next try is', () => {
    expect(hostedStatus({ state: 'away', retryAt: kNow + 4_000 }, 'none', kNow).detail).toMatch(/again in 4 s/);
  });
});

describe('the invitation', () => {
  it('is there only while there is nothing to show and a click would help', () => {
    expect(invitationOf(flowOf([started(null), 0]), 'none', place)).toMatchObject({ button: { action: 'choose' } });
    expect(invitationOf(flowOf([started(false), 0]), 'none', place)).toMatchObject({
      button: { label: 'Open “Notes”' },
    });
    expect(invitationOf(flowOf([started(null), 0]), 'disk', place)).toBe(null);
    expect(invitationOf(flowOf(...waiting(home)), 'none', place)).toBe(null);
  });
});

it('spans of time are short', () => {
  expect([30_000, 5 * 60_000, 3 * kHour, 50 * kHour].map(formatSpan)).toEqual(['1 min', '5 min', '3 h', '2 days']);
});
