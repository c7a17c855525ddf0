// Each thing that the runtime shows over an app, with made-up data, over a page whose style is as different as can be. Made
// and photographed by states.mjs; not shipped.

import { advance, initialFlow } from '../../shell/flow.ts';
import type { Flow, FlowEvent, Server } from '../../shell/flow_types.ts';
import { inspectIn } from '../../shell/dev/inspect.ts';
import type { Uplink } from '../../shell/uplink.ts';
import { kArriving, type Notice } from '../live.ts';
import { Panel } from '../panel.ts';
import { HostedContent, UplinkContent } from '../panel_content.ts';
import { flowStatus, hostedInvitation, hostedStatus, invitationOf, type Hosted, type Mode } from '../status.ts';
import { StatusModel, defineStatusElement } from '../status_element.ts';

const now = Date.now();
const kHour = 3_600_000;
const home: Server = { name: 'home', up: true, created: now - 190_000, everyS: 3600, iceServers: [] };
const place = { folder: '/home/anna/Notes', name: 'Notes', key: '' };

const flowOf = (events: readonly (readonly [FlowEvent, number])[]): Flow =>
  events.reduce((flow, [event, ago]) => advance(flow, event, now - ago).state, initialFlow());
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
const lost: [FlowEvent, number] = [{ type: 'lost', attempt: 1, reason: 'gone' }, 4_000];
const refused: (readonly [FlowEvent, number])[] = [
  [started(true), 100],
  [{ type: 'failed', attempt: 1, step: 'folder', problem: { kind: 'folder-gone', name: 'Notes' } }, 0],
];

interface Story {
  readonly flow?: Flow;
  readonly hosted?: Hosted;
  readonly mode: Mode;
  readonly notice?: Notice;
  readonly open?: boolean;
  /** The app has a place for the status. */
  readonly placed?: boolean;
}

const stories: Record<string, Story> = {
  live: { flow: flowOf(connected), mode: 'live' },
  'live-placed': { flow: flowOf(connected), mode: 'live', placed: true },
  'live-panel': { flow: flowOf(connected), mode: 'live', open: true },
  choose: { flow: flowOf([[started(null), 0]]), mode: 'none' },
  'choose-panel': { flow: flowOf([[started(null), 0]]), mode: 'none', open: true },
  renew: { flow: flowOf([[started(false), 0]]), mode: 'none' },
  connecting: { flow: flowOf(waiting(home)), mode: 'disk' },
  'connecting-panel': { flow: flowOf(waiting(home)), mode: 'disk', open: true },
  'connecting-none': { flow: flowOf(waiting(home)), mode: 'none' },
  stale: { flow: flowOf(waiting({ ...home, created: now - 3 * kHour })), mode: 'disk' },
  stopped: { flow: flowOf(waiting({ ...home, up: false, created: now - 50 * kHour })), mode: 'disk' },
  lost: { flow: flowOf([...connected, lost]), mode: 'disk' },
  problem: { flow: flowOf(refused), mode: 'none' },
  'problem-panel': { flow: flowOf(refused), mode: 'none', open: true },
  hosted: { hosted: { state: 'open' }, mode: 'live' },
  'hosted-panel': { hosted: { state: 'open' }, mode: 'live', open: true },
  'hosted-away': { hosted: { state: 'away', retryAt: now + 4_000 }, mode: 'none' },
  'hosted-refused': { hosted: { state: 'refused' }, mode: 'none' },
  'hosted-refused-panel': { hosted: { state: 'refused' }, mode: 'none', open: true },
  'connect-panel': { hosted: { state: 'open', server: 'nas' }, mode: 'live', open: true },
  failed: {
    flow: flowOf(connected),
    mode: 'live',
    notice: {
      kind: 'failed',
      title: 'The changed app could not be built; this is the last one that worked.',
      text: '.owndir/index.jsx:12:8: Expected ")" but found "}"\n\n    12 │   return <Notes />}\n       ╵                  ^',
    },
  },
  unapproved: {
    flow: flowOf(connected),
    mode: 'live',
    notice: {
      kind: 'unapproved',
      title: 'The app’s code has changed and waits for approval.',
      text: 'At home, “owndir trust FOLDER” shows what changed and asks.',
    },
  },
  arriving: { flow: flowOf(connected), mode: 'live', notice: kArriving },
};

const kAppStyle = `
  * { box-sizing: content-box; letter-spacing: 2px; }
  body { margin: 0; font: italic 22px serif; background: repeating-linear-gradient(45deg, #864, #864 20px, #975 20px, #975 40px); min-height: 100vh; }
  button { all: unset; background: red !important; font-size: 40px; }
  p, h1, div, span { color: magenta; text-transform: uppercase; }
  header { display: flex; justify-content: space-between; align-items: center; padding: 8px; background: #210; }
`;

function show(name: string): void {
  const story = stories[name];
  if (!story) return;
  const style = document.createElement('style');
  style.textContent = kAppStyle;
  const top = document.createElement('header');
  top.append('An app');
  document.head.append(style);
  document.body.append(top);
  const model = new StatusModel();
  defineStatusElement(model);
  const badge = document.createElement('owndir-status');
  if (!story.placed) badge.setAttribute('floating', '');
  (story.placed ? top : document.documentElement).append(badge);
  const status = story.flow
    ? flowStatus(story.flow, story.mode, place, now)
    : hostedStatus(story.hosted ?? { state: 'open' }, story.mode, now);
  const panel = new Panel({ act: () => undefined, reload: () => undefined });
  const uplink = {
    place,
    flow: story.flow,
    note: null,
    deviceName: () => 'Chrome on Linux',
    setDeviceName: () => undefined,
    act: () => undefined,
    pickerRefused: () => false,
    offerText: () => null,
    submitServer: () => null,
    submitAnswer: () => null,
  };
  panel.mount(story.flow ? new UplinkContent(uplink as unknown as Uplink) : new HostedContent(() => status));
  model.clicked.on(() => panel.open());
  model.set(status);
  panel.update(status);
  panel.invite(
    story.flow ? invitationOf(story.flow, story.mode, place) : hostedInvitation(story.hosted ?? { state: 'open' }),
  );
  panel.notify(story.notice ?? null);
  if (story.open) panel.open();
  panel.update(status);
}

function shadows(): ShadowRoot[] {
  return [...document.querySelectorAll('owndir-status, owndir-panel')]
    .map(host => host.shadowRoot)
    .filter(root => root !== null);
}

function inspect(): string[] {
  const wide = document.documentElement.scrollWidth > innerWidth ? [`wider than ${innerWidth} px`] : [];
  const outside = shadows()
    .flatMap(root => [...root.querySelectorAll('button, p')])
    .filter(element => element.getClientRects().length > 0 && !element.closest('dialog'))
    .map(element => element.getBoundingClientRect())
    .filter(box => box.left < 0 || box.right > innerWidth || box.bottom > innerHeight)
    .map(box => `outside of the window: ${JSON.stringify(box)}`);
  return [...shadows().flatMap(inspectIn), ...wide, ...outside];
}

(window as unknown as { stories: unknown }).stories = { names: Object.keys(stories), show, inspect };
