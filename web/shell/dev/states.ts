// Each state that a person can see, with made-up data: states.html?STATE. Made and photographed by states.mjs; not shipped.

import type { AppInfo } from '../../intercept/apps.ts';
import type { Login } from '../../intercept/port.ts';
import type { Challenge } from '../../intercept/sign_in.ts';
import { AppsView } from '../apps_view.ts';
import { h } from '../dom.ts';
import { advance, initialFlow } from '../flow.ts';
import type { Flow, FlowEvent, Problem, Server } from '../flow_types.ts';
import { Explorer } from '../explorer.ts';
import { Frame } from '../frame.ts';
import { FragmentPlace } from '../place.ts';
import { FakeSource } from './fake_source.ts';
import { SignIn } from '../sign_in.ts';
import { inspect } from './inspect.ts';
import { kLongName, sampleFiles } from './sample_files.ts';

const now = Date.now();
const home: Server = {
  name: 'home',
  up: true,
  created: now - 190_000,
  everyS: 3600,
  iceServers: ['stun:stun.l.google.com:19302', 'stun:stun.cloudflare.com:3478'],
};
const offer = {
  name: 'offer-3f29a1b2c4d5e6f7-90ab12cd34ef5678.json',
  text: '{"v":1,"type":"offer"}',
  client: '3f29a1b2c4d5e6f7',
  offer: '90ab12cd34ef5678',
  digest: '',
};
const report = {
  local: { host: 1, srflx: 0, prflx: 0, relay: 0 },
  remote: { host: 2, srflx: 1, prflx: 0, relay: 0 },
  pairs: 3,
  noPublicAddress: true,
  stun: home.iceServers,
};

/** Runs events, each with how many milliseconds it comes before now. */
function flowOf(events: readonly (readonly [FlowEvent, number])[]): Flow {
  return events.reduce((flow, [event, ago]) => advance(flow, event, now - ago).state, initialFlow());
}

const started: FlowEvent = { type: 'started', canPick: true, hasPeer: true, remembered: null };
const manual: FlowEvent = { type: 'started', canPick: false, hasPeer: true, remembered: null };
const a = 1;
function until(
  step: 'servers' | 'offer' | 'sync' | 'connect' | 'done',
  ago: number,
  servers: Server[] = [home],
): [FlowEvent, number][] {
  const all: [FlowEvent, number][] = [
    [started, ago + 4_000],
    [{ type: 'folder', name: 'Photos' }, ago + 3_600],
    [{ type: 'opened', attempt: a }, ago + 3_560],
    [{ type: 'servers', attempt: a, servers }, ago + 3_100],
    [{ type: 'offered', attempt: a, candidates: ['host', 'srflx', 'srflx'] }, ago],
    [{ type: 'written', attempt: a, file: offer.name }, ago - 20],
    [{ type: 'answered', attempt: a, server: 'home' }, 700],
    [{ type: 'connected', attempt: a }, 100],
  ];
  return all.slice(0, { servers: 3, offer: 4, sync: 6, connect: 7, done: 8 }[step]);
}
function problem(step: 'folder' | 'servers' | 'offer' | 'sync' | 'connect', what: Problem): Flow {
  const before = { folder: 2, servers: 3, offer: 4, sync: 6, connect: 7 }[step];
  return flowOf([
    ...until('done', 21_000).slice(0, before),
    [{ type: 'failed', attempt: a, step, problem: what }, 400],
  ]);
}
const chosen = (what: Problem): Flow =>
  flowOf([
    [started, 9_000],
    [{ type: 'folder-problem', problem: what }, 200],
  ]);
const lost: [FlowEvent, number][] = [
  ...until('done', 60_000),
  [{ type: 'lost', attempt: a, reason: 'no sign of life for 30 s' }, 9_000],
  [{ type: 'wake', attempt: a }, 8_000],
  [{ type: 'opened', attempt: 2 }, 7_900],
  [{ type: 'servers', attempt: 2, servers: [home] }, 7_800],
  [{ type: 'offered', attempt: 2, candidates: ['host'] }, 7_000],
];

interface Story {
  readonly flow: Flow;
  readonly hash?: string;
  readonly refused?: boolean;
  readonly stalled?: boolean;
  readonly help?: boolean;
  /** What the apps view is told, and what the frame of an open app tells. */
  readonly apps?:
    'choice' | 'opening' | 'open' | 'shares' | 'failed' | 'elsewhere' | 'advice' | 'sign-in' | 'sign-in-refused';
}

export const stories: Record<string, Story> = {
  choose: { flow: flowOf([[started, 0]]) },
  'choose-refused': { flow: flowOf([[started, 0]]), refused: true },
  renew: { flow: flowOf([[{ ...started, remembered: { name: 'Photos', granted: false } }, 0]]) },
  looking: { flow: flowOf(until('servers', 0)) },
  offer: { flow: flowOf(until('offer', -1_500)) },
  sync: { flow: flowOf(until('sync', 12_000)) },
  'sync-30s': { flow: flowOf(until('sync', 41_000)) },
  'sync-3min': { flow: flowOf(until('sync', 185_000)) },
  'server-down': { flow: flowOf(until('sync', 12_000, [{ ...home, up: false, created: now - 3 * 3_600_000 }])) },
  'server-stale': { flow: flowOf(until('sync', 12_000, [{ ...home, created: now - 3 * 86_400_000 }])) },
  connecting: { flow: flowOf(until('connect', 19_000)) },
  'wrong-folder': { flow: chosen({ kind: 'wrong-folder', name: 'Holiday' }) },
  'permission-refused': { flow: chosen({ kind: 'permission-refused', name: 'Photos' }) },
  'no-server': { flow: problem('folder', { kind: 'no-server', directory: false }) },
  'no-record': { flow: problem('servers', { kind: 'no-server', directory: true }) },
  'write-failed': { flow: problem('sync', { kind: 'write-failed', message: 'The disk is full.' }) },
  'no-path': { flow: problem('connect', { kind: 'no-path', report }) },
  'folder-gone': { flow: problem('folder', { kind: 'folder-gone', name: 'Photos' }) },
  refused: {
    flow: problem('connect', {
      kind: 'refused',
      message: 'The server speaks version 2 of the protocol, this page version 1.',
    }),
  },
  'no-webrtc': { flow: flowOf([[{ ...started, hasPeer: false }, 0]]) },
  'manual-server': { flow: flowOf([[manual, 7_000]]) },
  'manual-chosen': {
    flow: flowOf([
      [started, 9_000],
      [{ type: 'manual' }, 7_000],
    ]),
  },
  'manual-carry': {
    flow: flowOf([
      [manual, 37_000],
      [{ type: 'servers', attempt: a, servers: [home] }, 20_000],
      [{ type: 'offered', attempt: a, candidates: ['host', 'srflx'] }, 19_000],
      [{ type: 'written', attempt: a, file: offer.name }, 18_900],
    ]),
  },
  listing: { flow: flowOf(until('done', 19_000)), hash: '#/' },
  'listing-deep': { flow: flowOf(until('done', 19_000)), hash: '#/Travel/Iceland%202024/' },
  'listing-help': { flow: flowOf(until('done', 19_000)), hash: '#/', help: true },
  'not-found': { flow: flowOf(until('done', 19_000)), hash: '#/nothing/here/' },
  image: { flow: flowOf(until('done', 19_000)), hash: '#/Travel/Iceland%202024/Sk%C3%B3gafoss.svg' },
  text: { flow: flowOf(until('done', 19_000)), hash: '#/Notes/packing%20list.md' },
  'text-cut': { flow: flowOf(until('done', 19_000)), hash: '#/Notes/server.log' },
  html: { flow: flowOf(until('done', 19_000)), hash: '#/Notes/recipe.html' },
  audio: { flow: flowOf(until('done', 19_000)), hash: '#/memo.wav' },
  'too-large': { flow: flowOf(until('done', 19_000)), hash: '#/Travel/Iceland%202024/drone.mp4' },
  'long-name': { flow: flowOf(until('done', 19_000)), hash: `#${kLongName}` },
  'long-path': {
    flow: flowOf(until('done', 19_000)),
    hash: `#/Travel/Iceland%202024/deep%20in%20the%20highlands/of%20the%20south/${'x'.repeat(60)}/`,
  },
  'bad-name': { flow: flowOf(until('done', 19_000)), hash: '#/bad%FF.txt' },
  loading: { flow: flowOf(until('done', 19_000)), hash: '#/Travel/Iceland%202024/volcano.webm' },
  unknown: { flow: flowOf(until('done', 19_000)), hash: '#/backup.tar.zst' },
  reconnecting: { flow: flowOf(lost), hash: '#/' },
  apps: { flow: flowOf(until('done', 19_000)), apps: 'choice' },
  'app-opening': { flow: flowOf(until('done', 19_000)), apps: 'opening' },
  'app-open': { flow: flowOf(until('done', 19_000)), apps: 'open' },
  'app-shares': { flow: flowOf(until('done', 19_000)), apps: 'shares' },
  'app-failed': { flow: flowOf(until('done', 19_000)), apps: 'failed' },
  'app-elsewhere': { flow: flowOf(until('done', 19_000)), apps: 'elsewhere' },
  'app-advice': { flow: flowOf(until('done', 19_000)), apps: 'advice' },
  'app-sign-in': { flow: flowOf(until('done', 19_000)), apps: 'sign-in' },
  'app-sign-in-refused': { flow: flowOf(until('done', 19_000)), apps: 'sign-in-refused' },
  'app-reconnecting': { flow: flowOf(lost), apps: 'open' },
  'reconnect-problem': {
    flow: flowOf([
      ...lost,
      [{ type: 'failed', attempt: 2, step: 'sync', problem: { kind: 'permission-refused', name: 'Photos' } }, 10],
    ]),
    hash: '#/',
  },
};

const homeApps: readonly AppInfo[] = [
  { name: 'notes', title: 'Notes and a rather long title for such a small app', kind: 'http', transparent: false },
  { name: 'localhost-8384', title: 'localhost-8384', kind: 'http', transparent: false },
  { name: 'ssh', title: 'ssh', kind: 'tcp', transparent: false },
];

function showApps(state: NonNullable<Story['apps']>): HTMLElement {
  history.replaceState(null, '', state === 'choice' ? '#/' : '#@notes');
  const view = new AppsView({
    folder: () => '/home/anna/Photos',
    open: (container, _app, events) => {
      const frame = document.createElement('iframe');
      frame.className = 'app-document';
      frame.title = 'Notes';
      frame.srcdoc = '<body style="font: 16px sans-serif"><h1>Shopping</h1><p>Rye flour, syrup.</p>';
      queueMicrotask(() => {
        if (state === 'failed') events.failed('The browser does not allow service workers in frames of other sites.');
        else if (state === 'elsewhere') events.elsewhere();
        else if (state !== 'opening') {
          container.append(frame);
          events.started(state === 'shares');
          events.at('Shopping', '/lists/shopping');
        }
      });
      return { reload: () => undefined, close: () => frame.remove() };
    },
  });
  setTimeout(() => {
    view.set(homeApps, 'Photos');
    if (state === 'sign-in' || state === 'sign-in-refused') showSignIn(state === 'sign-in-refused');
    if (state === 'advice') view.element.querySelector<HTMLElement>('[aria-expanded]')?.click();
  });
  return view.element;
}

const signIn = new SignIn();
let signInStop = new AbortController();

/** As that app asks for it; `stopAsking` ends it. */
function askSignIn(challenge: Challenge, app = 'notes'): Promise<Login | null> {
  const info = homeApps.find(({ name }) => name === app) ?? { name: app, title: app, kind: 'http', transparent: false };
  return signIn.askerFor(() => 'Photos', info)(challenge, signInStop.signal);
}

function stopAsking(): void {
  signInStop.abort();
  signInStop = new AbortController();
}

function showSignIn(refused: boolean): void {
  const realm = refused ? `A realm that is rather long, with ${kLongName} in it` : 'Notes of the family';
  void askSignIn({ realm, refused });
}

let shown: { readonly source: FakeSource; readonly explorer: Explorer } | null = null;

/** Another file at home; the page looks again. */
function arrive(path: string): void {
  shown?.source.add(path, { mime: 'text/plain', content: 'new\n' });
  shown?.explorer.refresh();
}

export function show(name: string): void {
  const story = stories[name];
  if (!story) return;
  if (story.hash) history.replaceState(null, '', story.hash);
  const source = new FakeSource(sampleFiles(), now);
  source.stalled = story.stalled ?? false;
  const explorer = new Explorer({ source, place: new FragmentPlace(), rootName: () => 'Photos' });
  shown = { source, explorer };
  const home = story.apps ? h('div', { class: 'home' }, showApps(story.apps)) : explorer.element;
  delete document.documentElement.dataset.view;
  const frame = new Frame(
    { element: home },
    {
      place: { folder: '/home/anna/Photos', name: 'Photos' },
      deviceName: () => 'Chrome on Linux',
      setDeviceName: () => undefined,
      act: () => undefined,
      pickerRefused: () => story.refused ?? false,
      offerText: () => offer,
      submitServer: () => 'This is not a server’s record: its name begins with server-.',
      submitAnswer: () => 'This answer belongs to an older offer.',
    },
  );
  frame.mount('Photos');
  frame.update(story.flow, now, null, 'Photos');
  if (story.flow.everConnected && !story.apps) explorer.start();
  if (story.help) dispatchEvent(new KeyboardEvent('keydown', { key: '?' }));
}

(window as unknown as { stories: unknown }).stories = {
  names: Object.keys(stories),
  show,
  arrive,
  inspect,
  askSignIn,
  stopAsking,
};
