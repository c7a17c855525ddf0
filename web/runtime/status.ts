// The few words in the corner of an app: whether what it shows is live, from disk, or waiting, and for what. Pure.

import type { Flow } from '../shell/flow_types.ts';
import { newest } from '../shell/flow.ts';
import { formatElapsed } from '../shell/format.ts';
import { bannerWords, isStale, problemWords, type Action, type Place } from '../shell/words.ts';

export type Mode = 'none' | 'disk' | 'live';
/** `server`: a page that the owndir server itself has answered. */
export type Where = 'server' | 'file' | 'static';

/** The link to the server that the page came from. */
export type Hosted =
  | { readonly state: 'connecting'; readonly since: number }
  /** `server`: the other computer, where the page comes through `owndir connect`. */
  | { readonly state: 'open'; readonly server?: string | null }
  | { readonly state: 'refused' }
  | { readonly state: 'away'; readonly retryAt: number | null };

export interface Status {
  readonly tone: 'live' | 'busy' | 'disk' | 'problem';
  readonly text: string;
  /** A whole sentence. */
  readonly detail: string;
  /** What a click does: one of the flow's actions, or the panel. */
  readonly action: Action | 'panel';
}

/** Shown over an app that has nothing to show yet. */
export interface Invitation {
  readonly text: string;
  /** The button that brings the folder; null where that is done elsewhere. */
  readonly button: { readonly action: Action; readonly label: string } | null;
}

/** What to do is seen without a click. */
export function hostedInvitation(hosted: Hosted): Invitation | null {
  if (hosted.state !== 'refused') return null;
  return {
    text: 'This browser is not signed in, so the folder stays closed. Open the link that owndir printed when it started; this page then goes on by itself.',
    button: null,
  };
}

export function hostedStatus(hosted: Hosted, mode: Mode, now: number): Status {
  const panel = 'panel' as const;
  switch (hosted.state) {
    case 'open':
      if (mode === 'live')
        return {
          tone: 'live',
          text: 'Live',
          detail: hosted.server
            ? `Connected to “${hosted.server}” over the channel of “owndir connect”.`
            : 'Connected to the owndir server.',
          action: panel,
        };
      return { tone: 'busy', text: 'Connecting…', detail: 'Connecting to the owndir server.', action: panel };
    case 'connecting': {
      const waited = now - hosted.since;
      const text = waited < 2_000 ? 'Connecting…' : `Connecting… ${formatElapsed(waited)}`;
      return { tone: 'busy', text, detail: 'Connecting to the owndir server.', action: panel };
    }
    case 'refused':
      return {
        tone: 'problem',
        text: 'Not signed in',
        detail: 'This browser is not signed in. Open the link that owndir printed, or get another: owndir link DIR.',
        action: panel,
      };
    case 'away': {
      const left = hosted.retryAt === null ? 0 : Math.max(0, hosted.retryAt - now);
      const again = left < 1_000 ? 'Trying again.' : `Trying again in ${formatElapsed(left + 999)}.`;
      return {
        tone: 'problem',
        text: 'Server away',
        detail: `The owndir server does not answer. ${again}`,
        action: panel,
      };
    }
  }
}

/** "3 h", "5 min", "2 days": short enough for the corner. */
export function formatSpan(ms: number): string {
  const minutes = Math.max(1, Math.floor(ms / 60_000));
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h`;
  return `${Math.floor(hours / 24)} days`;
}

function absence(flow: Flow, now: number): string | null {
  const server = newest(flow.servers);
  const waiting = flow.steps.some(step => step.id === 'sync' && step.status === 'active');
  if (!server || !waiting) return null;
  if (!server.up) return `Home server stopped ${formatSpan(now - server.created)} ago`;
  return isStale(server, now) ? `Home server not seen for ${formatSpan(now - server.created)}` : null;
}

function startOf(flow: Flow): number | null {
  const starts = flow.steps.map(step => step.startedAt).filter(at => at !== null);
  return starts.length === 0 ? null : Math.min(...starts);
}

/** The words of the page that goes home by the folder's sync. */
export function flowStatus(flow: Flow, mode: Mode, place: Place, now: number): Status {
  const fromDisk = mode === 'disk';
  const tone = fromDisk ? 'disk' : 'busy';
  const name = flow.folder ?? place.name ?? 'the folder';
  const prefix = fromDisk ? 'From disk · ' : '';
  const lower = (text: string) => (fromDisk ? text.charAt(0).toLowerCase() + text.slice(1) : text);
  switch (flow.phase) {
    case 'starting':
      return { tone, text: 'Starting…', detail: 'Looking at what this page remembers.', action: 'panel' };
    case 'choose':
      return {
        tone: 'problem',
        text: 'Open folder…',
        detail: `Click to choose ${place.folder ?? 'the synced folder'}.`,
        action: 'choose',
      };
    case 'renew':
      return {
        tone: 'problem',
        text: `Open “${name}”`,
        detail: 'The browser asks again after each start. One click brings the folder back.',
        action: 'renew',
      };
    case 'connected':
      if (mode === 'live')
        return {
          tone: 'live',
          text: 'Live',
          detail: `Connected to “${flow.server ?? 'home'}”, directly from device to device.`,
          action: 'panel',
        };
      return {
        tone,
        text: `${prefix}${lower('Connecting…')}`,
        detail: 'Connected; opening the folder.',
        action: 'panel',
      };
    case 'problem':
      return problemStatus(flow, mode, place);
    case 'connecting':
    case 'reconnecting': {
      const detail = flow.everConnected ? bannerWords(flow, now) : 'Connecting to the server at home.';
      const away = absence(flow, now);
      if (away) return { tone, text: `${prefix}${lower(away)}`, detail, action: 'panel' };
      const since = startOf(flow) ?? flow.lost?.at ?? null;
      const waited = since === null ? 0 : now - since;
      const word = flow.everConnected ? 'Reconnecting…' : 'Connecting…';
      const text = waited < 2_000 ? word : `${word} ${formatElapsed(waited)}`;
      return { tone, text: `${prefix}${lower(text)}`, detail, action: 'panel' };
    }
  }
}

function problemStatus(flow: Flow, mode: Mode, place: Place): Status {
  const words = flow.problem ? problemWords(flow.problem, flow, place) : null;
  const detail = words ? `${words.title}. ${words.text[0] ?? ''}`.trim() : '';
  const quiet = flow.problem?.kind === 'no-server' || flow.problem?.kind === 'no-path';
  if (mode === 'disk' && quiet) {
    const why = flow.problem.kind === 'no-server' ? 'no server yet' : 'no network path';
    return { tone: 'disk', text: `From disk · ${why}`, detail, action: 'panel' };
  }
  if (flow.problem?.kind === 'permission-refused' || flow.problem?.kind === 'wrong-folder')
    return { tone: 'problem', text: 'Open folder…', detail, action: 'panel' };
  return { tone: 'problem', text: mode === 'disk' ? 'From disk · needs you' : 'Needs you', detail, action: 'panel' };
}

/** The sentence that says what to click, while there is nothing to show. */
export function invitationOf(flow: Flow, mode: Mode, place: Place): Invitation | null {
  if (mode !== 'none') return null;
  const name = flow.folder ?? place.name;
  switch (flow.phase) {
    case 'choose':
      return {
        text:
          name === null
            ? 'Choose the synced folder once, and this page shows what it holds.'
            : `Choose the folder “${name}” once, and this page shows what it holds.`,
        button: { action: 'choose', label: 'Choose folder…' },
      };
    case 'renew':
      return {
        text: 'The browser asks again after each start whether this page may use the folder.',
        button: { action: 'renew', label: `Open “${name ?? 'the folder'}”` },
      };
    default:
      return null;
  }
}
