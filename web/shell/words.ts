// Every sentence about the connection that a person reads: what happens, what went wrong, and what to do. Pure.

import { newest } from './flow.ts';
import type { Flow, PathReport, Problem, Server, Step } from './flow_types.ts';
import { formatAgo, formatCount } from './format.ts';

export type Action = 'choose' | 'renew' | 'retry' | 'anyway' | 'manual' | 'automatic' | 'forget' | 'reload';

export interface Words {
  readonly title: string;
  /** Paragraphs. */
  readonly text: readonly string[];
  /** The first is the one to take. */
  readonly actions: readonly Action[];
}

export interface StepWords {
  readonly title: string;
  readonly detail: string;
  /** What to do if it takes long; empty while there is no reason. */
  readonly hint: string;
}

export interface Place {
  /** The folder's path on this device as the page's address tells, or null. */
  readonly folder: string | null;
  readonly name: string | null;
}

const kHintAfterMs = 30_000;
const kMoreAfterMs = 120_000;
/** A server writes a record hourly; two missed ones and some time for the sync make it old. */
const kStaleSlackMs = 10 * 60_000;

export function actionWords(action: Action, flow: Flow): string {
  switch (action) {
    case 'choose':
      return flow.folder === null ? 'Choose folder…' : 'Choose another folder…';
    case 'renew':
      return `Continue with “${flow.folder ?? 'the folder'}”`;
    case 'retry':
      return 'Try again now';
    case 'anyway':
      return 'Write an offer anyway';
    case 'manual':
      return 'Carry the two files by hand';
    case 'automatic':
      return 'Let the page use the folder';
    case 'forget':
      return 'Forget this folder';
    case 'reload':
      return 'Reload the page';
  }
}

/** Why there are files to carry. */
export function manualWords(canPick: boolean): string {
  return canPick
    ? 'You carry two small files yourself; this page does not use the folder.'
    : 'This browser gives pages no access to folders, so you carry two small files.';
}

export function isStale(server: Server, now: number): boolean {
  return server.up && now - server.created > 2 * server.everyS * 1000 + kStaleSlackMs;
}

function serverWords(flow: Flow, now: number): StepWords {
  const server = newest(flow.servers);
  if (!server) return { title: 'No server has announced itself', detail: 'The offer waits for one.', hint: '' };
  const others = flow.servers.length > 1 ? ` One of ${flow.servers.length} servers.` : '';
  const seen = formatAgo(server.created, now);
  if (!server.up)
    return {
      title: `“${server.name}” was stopped ${seen}`,
      detail: `The offer waits until it runs again.${others}`,
      hint: 'Start it at home with “owndir serve FOLDER”; this page then goes on by itself.',
    };
  if (isStale(server, now))
    return {
      title: `“${server.name}” has not been seen since ${seen}`,
      detail: `It announces itself every ${Math.round(server.everyS / 60)} minutes.${others}`,
      hint: 'That computer may be asleep or offline, or the sync has not moved since. The offer waits for it.',
    };
  return { title: `“${server.name}” was last seen ${seen}`, detail: others.trim(), hint: '' };
}

function syncHint(waited: number, flow: Flow): string {
  if (flow.mode === 'manual' || waited < kHintAfterMs) return '';
  const first = 'Is the sync running on both sides? The offer has to travel home and the answer back.';
  if (waited < kMoreAfterMs) return first;
  return (
    `${first} Look at home whether ${flow.offerFile ?? 'the offer'} has arrived in .owndir/.wrtc-proxy: if not, the sync is paused, ` +
    'offline, or set to ignore hidden files (a rule such as “.*”), or this device only receives.'
  );
}

function stunWords(flow: Flow): string {
  const stun = newest(flow.servers)?.iceServers ?? [];
  if (stun.length === 0) return 'Without a STUN server: finds the server on the same network only.';
  return `Asking ${stun.map(url => url.replace(/^stuns?:/, '')).join(' and ')} (STUN) for this device’s public address.`;
}

function stunNote(flow: Flow): string {
  const names = stunNames(newest(flow.servers)?.iceServers ?? []);
  return names === '' ? 'No STUN server was used.' : `STUN: ${names}.`;
}

/** What a person reads of the servers that are asked for this device's address. */
export function stunNames(urls: readonly string[]): string {
  return urls.map(url => url.replace(/^stuns?:/, '')).join(', ');
}

const kOrdinals = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth', 'tenth'];

function offerNumber(flow: Flow): string {
  if (flow.offers < 2) return '';
  return ` This is the ${kOrdinals[flow.offers - 1] ?? `${flow.offers}th`} offer: the earlier ones were used or expired.`;
}

export function stepWords(step: Step, flow: Flow, now: number): StepWords {
  const waited = step.startedAt === null ? 0 : (step.endedAt ?? now) - step.startedAt;
  const none = { detail: '', hint: '' };
  const server = flow.server ?? newest(flow.servers)?.name ?? 'the server';
  switch (step.id) {
    case 'folder':
      if (step.status === 'done') return { ...none, title: `Folder “${flow.folder ?? ''}” is open` };
      return { ...none, title: step.status === 'todo' ? 'Open the folder' : 'Opening the folder' };
    case 'servers':
      if (step.status === 'done') return serverWords(flow, now);
      return {
        ...none,
        title:
          step.status === 'active'
            ? flow.mode === 'manual'
              ? 'Waiting for the server’s record'
              : 'Looking for a server'
            : step.status === 'failed'
              ? 'No server found'
              : 'Find the server',
      };
    case 'offer':
      if (step.status === 'done')
        return { title: 'Offer prepared', detail: `${candidateWords(flow.candidates)} ${stunNote(flow)}`, hint: '' };
      if (step.status === 'active') return { title: 'Preparing the offer', detail: stunWords(flow), hint: '' };
      return { ...none, title: step.status === 'failed' ? 'The offer could not be made' : 'Prepare an offer' };
    case 'sync':
      if (step.status === 'done') return { ...none, title: `The answer of “${server}” has arrived` };
      if (step.status === 'active')
        return {
          title:
            flow.mode === 'manual' ? 'Waiting for the answer file' : 'Offer written; waiting for the folder’s sync',
          detail: `Usually 10 to 40 seconds there and back.${offerNumber(flow)}`,
          hint: syncHint(waited, flow),
        };
      return {
        ...none,
        title: step.status === 'failed' ? 'The offer could not be written' : 'Wait for the folder’s sync',
      };
    case 'connect':
      if (step.status === 'done') return { ...none, title: `Connected to “${server}”` };
      if (step.status === 'active')
        return {
          title: `Connecting to “${server}”`,
          detail: 'Directly from device to device, encrypted.',
          hint:
            waited > 10_000 ? 'Trying every network path between the two devices; this ends after half a minute.' : '',
        };
      return { ...none, title: step.status === 'failed' ? 'No connection came up' : 'Connect' };
  }
}

export function candidateWords(types: readonly string[]): string {
  const parts = [
    count(types, 'host', 'address of this device', 'addresses of this device'),
    count(types, 'srflx', 'public address', 'public addresses'),
    count(types, 'relay', 'relay', 'relays'),
  ].filter(part => part !== '');
  return parts.length === 0 ? 'No address was found: is this device offline?' : `With ${parts.join(' and ')}.`;
}

function count(types: readonly string[], type: string, one: string, many: string): string {
  const n = types.filter(other => other === type).length;
  return n === 0 ? '' : formatCount(n, one, many);
}

function list(found: Readonly<Record<string, number>>): string {
  const names: Record<string, string> = { host: 'local', srflx: 'public (STUN)', prflx: 'discovered', relay: 'relay' };
  const parts = Object.entries(found)
    .filter(([, n]) => n > 0)
    .map(([type, n]) => `${n} ${names[type] ?? type}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}

export function pathWords(report: PathReport): string[] {
  const tried =
    `Tried ${formatCount(report.pairs, 'path')}. This device: ${list(report.local)}. The server: ${list(report.remote)}. ` +
    `STUN: ${report.stun.length === 0 ? 'none' : report.stun.map(url => url.replace(/^stuns?:/, '')).join(', ')}.`;
  const why =
    report.stun.length === 0
      ? 'Without a STUN server the two devices find each other on the same network only: start the server at home with --stun, or join its network.'
      : report.noPublicAddress
        ? 'STUN gave no address: this network blocks UDP, or the device is offline. Another network (a phone’s hotspot) usually works.'
        : 'Both networks seem to hide their devices too well. Another network on this side, IPv6, or port forwarding (UPnP) at home usually helps; so does a TURN server.';
  return [why, tried];
}

export function problemWords(problem: Problem, flow: Flow, place: Place): Words {
  const folder = place.folder ?? 'the synced folder';
  switch (problem.kind) {
    case 'no-webrtc':
      return {
        title: 'This browser cannot connect to other devices',
        text: [
          'It has no WebRTC (RTCPeerConnection): it is too old, or a setting or extension has turned it off.',
          'Open this page in a current Chrome, Edge, Brave, Firefox or Safari, or use “owndir connect” in a terminal.',
        ],
        actions: ['reload'],
      };
    case 'wrong-folder':
      return {
        title: `“${problem.name}” is not the synced folder`,
        text: [
          `There is no .owndir in “${problem.name}”. Choose the folder that this page lies in: ${folder}. Its .owndir, or .owndir/.wrtc-proxy, is right too.`,
        ],
        actions: ['choose', 'manual'],
      };
    case 'permission-refused':
      return {
        title: `The browser may not use “${problem.name}”`,
        text: [
          'The page needs to read and write in the folder: it leaves its offer there and finds the answer. Nothing else in the folder is touched.',
          'If the browser no longer asks, open the site settings left of the address, and reset the permission for files.',
        ],
        actions: ['renew', 'choose', 'manual'],
      };
    case 'folder-gone':
      return {
        title: `“${problem.name}” is not where it was`,
        text: ['The folder was moved, renamed or is on a disk that is not connected. Choose it again where it is now.'],
        actions: ['choose', 'retry', 'forget'],
      };
    case 'no-server':
      return {
        title: 'No server has ever been here',
        text: [
          problem.directory
            ? 'The folder has its handshake directory, but no server has left a record in it.'
            : 'There is no .owndir/.wrtc-proxy in the folder: the server makes it at its first start.',
          `Run “owndir serve FOLDER” on the computer at home, in its copy of “${flow.folder ?? 'the folder'}”, and let the sync bring .owndir here. This page looks again every few seconds.`,
        ],
        actions: problem.directory ? ['retry', 'anyway', 'choose'] : ['retry', 'choose'],
      };
    case 'write-failed':
      return {
        title: 'The offer cannot be written',
        text: [
          `The browser could not write into .owndir/.wrtc-proxy: ${problem.message}`,
          'The disk may be full, or the folder read-only here. When that is solved, try again.',
        ],
        actions: ['retry', 'manual', 'choose'],
      };
    case 'no-path':
      return { title: 'No network path to the server', text: pathWords(problem.report), actions: ['retry'] };
    case 'refused':
      return {
        title: 'The server ended the connection',
        text: [
          problem.message,
          'If the page and the server are of different versions, let the sync bring the newer page and reload it.',
        ],
        actions: ['retry', 'reload'],
      };
    case 'internal':
      return { title: 'Something went wrong here', text: [problem.message], actions: ['retry', 'reload'] };
  }
}

/** One line for the banner above a folder that is shown while the connection is away. */
export function bannerWords(flow: Flow, now: number): string {
  if (flow.phase === 'problem' && flow.problem)
    return problemWords(flow.problem, flow, { folder: null, name: null }).title;
  const active = flow.steps.find(step => step.status === 'active');
  if (!active) return 'The connection is lost. Reconnecting…';
  const words = stepWords(active, flow, now);
  return `The connection is lost. ${words.title}…`;
}
