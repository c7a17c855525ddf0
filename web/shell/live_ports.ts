// The real ports of a connection: directory handle, handshake files, peer and tunnel. Owns the peer and the tunnel of the
// running attempt.

import { sleep } from '../base/time.ts';
import { Peer } from '../peer/index.ts';
import {
  RendezvousClient,
  RendezvousError,
  locate,
  makeOfferText,
  patientSleep,
  readAnswerText,
  startTicker,
  stayAwake,
  type Answer,
  type OfferText,
} from '../rendezvous/index.ts';
import { TunnelError, type Tunnel } from '../tunnel/index.ts';
import { CurrentTunnel, TunnelHost } from '../tunnel_host/index.ts';
import { rendezvousLimits } from '../generated/protocol.ts';
import { FlowFailure, OfferExpired, type Ports } from './connection.ts';
import type { Flow, PathReport, Server } from './flow_types.ts';

/** ICE, DTLS, SCTP and hello from the answer on; the server has been checking all the while. */
const kConnectMs = 30_000;
/** When it is looked whether the path has survived a change of this device's network; one that has is back within seconds. */
const kAfterChangeMs = [3_000, 6_000, 9_000];

export interface Identity {
  readonly clientId: string;
  deviceName: string;
}

/** What the page shows beside the steps. */
export interface Extras {
  /** What was seen and refused while waiting. */
  note: string | null;
  /** In manual mode, the file that the person carries. */
  offerText: OfferText | null;
}

function canUse(permission: PermissionState | undefined): boolean {
  return permission === undefined || permission === 'granted';
}

export class LivePorts implements Ports {
  readonly #identity: Identity;
  readonly #onExtras: () => void;
  readonly #onForget: () => Promise<void>;
  handle: FileSystemDirectoryHandle | null = null;
  readonly extras: Extras = { note: null, offerText: null };
  #rendezvous: RendezvousClient | null = null;
  #peer: Peer | null = null;
  #sdp = '';
  #answer: Answer | null = null;
  #stun: readonly string[] = [];
  #giveAnswer: ((answer: Answer) => void) | null = null;
  readonly #current = new CurrentTunnel<Tunnel>();
  readonly tunnels = new TunnelHost();

  constructor(identity: Identity, hooks: { onExtras: () => void; onForget: () => Promise<void> }) {
    this.#identity = identity;
    this.#onExtras = hooks.onExtras;
    this.#onForget = hooks.onForget;
  }

  now(): number {
    return Date.now();
  }

  wait(ms: number, signal: AbortSignal): Promise<void> {
    return patientSleep(ms, signal);
  }

  async open(signal: AbortSignal): Promise<void> {
    const handle = this.handle;
    if (!handle) throw new FlowFailure({ kind: 'folder-gone', name: 'the folder' });
    if (!canUse(await handle.queryPermission?.({ mode: 'readwrite' })))
      throw new FlowFailure({ kind: 'permission-refused', name: handle.name });
    const found = await locate(handle);
    signal.throwIfAborted();
    if (!found.ok) throw new FlowFailure(await problemOfLocate(found.reason, handle));
    this.#rendezvous = new RendezvousClient(found.handshake, {
      clientId: this.#identity.clientId,
      name: this.#identity.deviceName,
    });
    await this.#rendezvous.removeLeftovers().catch(() => undefined);
  }

  async presence(): Promise<readonly Server[]> {
    if (!this.#rendezvous) return [];
    try {
      const records = await this.#rendezvous.presence();
      return records.map(({ name, state, created, everyS, iceServers }) => ({
        name,
        up: state === 'up',
        created,
        everyS,
        iceServers,
      }));
    } catch (error) {
      throw await this.#failure(error);
    }
  }

  async offer(iceServers: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    this.#stun = iceServers.filter(url => url.startsWith('stun:'));
    this.#answer = null;
    await this.tunnels.ready;
    signal.throwIfAborted();
    this.#peer = new Peer({
      iceServers: this.#stun.map(urls => ({ urls })),
      openTunnel: channels => this.tunnels.openTunnel(channels),
    });
    this.#sdp = await this.#peer.createOffer({ signal });
    return [...this.#sdp.matchAll(/^a=candidate:.* typ (\w+)/gm)].map(match => match[1] ?? '');
  }

  async exchange(mode: Flow['mode'], signal: AbortSignal, onWritten: (file: string) => void): Promise<string> {
    const release = stayAwake();
    try {
      const answer =
        mode === 'manual' ? await this.#byHand(signal, onWritten) : await this.#throughFolder(signal, onWritten);
      this.#answer = answer;
      return answer.name;
    } catch (error) {
      if (error instanceof RendezvousError && error.code === 'timeout') {
        await this.#rendezvous?.spent().catch(() => undefined);
        throw new OfferExpired();
      }
      throw await this.#failure(error);
    } finally {
      release();
      this.#note(null);
    }
  }

  async #throughFolder(signal: AbortSignal, onWritten: (file: string) => void): Promise<Answer> {
    if (!this.#rendezvous) throw new Error('the folder is not open');
    let written = false;
    return this.#rendezvous.exchange(this.#sdp, {
      signal,
      onProgress: progress => {
        if (progress.state !== 'waiting') return;
        if (!written) onWritten(progress.fileName);
        written = true;
        this.#note(progress.note);
      },
    });
  }

  async #byHand(signal: AbortSignal, onWritten: (file: string) => void): Promise<Answer> {
    // Carrying files takes a person longer than it takes a sync.
    const validS = rendezvousLimits.offerValidMaxS;
    const text = await makeOfferText(this.#sdp, {
      clientId: this.#identity.clientId,
      name: this.#identity.deviceName,
      validS,
    });
    this.extras.offerText = text;
    onWritten(text.name);
    this.#onExtras();
    try {
      return await new Promise<Answer>((resolve, reject) => {
        this.#giveAnswer = resolve;
        const fail = () => reject(new DOMException('stopped', 'AbortError'));
        signal.addEventListener('abort', fail, { once: true });
        sleep((validS + 60) * 1000, signal).then(() => reject(new OfferExpired()), fail);
      });
    } finally {
      this.#giveAnswer = null;
      this.extras.offerText = null;
    }
  }

  /** The person brings the answer. Throws a RendezvousError whose message says why it does not fit. */
  submitAnswer(text: string): void {
    const expected = this.extras.offerText;
    if (!expected || !this.#giveAnswer) throw new Error('No offer is waiting for an answer just now.');
    this.#giveAnswer(readAnswerText(text, expected));
  }

  async connect(signal: AbortSignal): Promise<{ server: string | null; closed: Promise<string> }> {
    const peer = this.#peer;
    const answer = this.#answer;
    if (!peer || !answer) throw new Error('there is no answer to connect with');
    const { tunnel } = peer;
    const deadline = new AbortController();
    const stop = () => deadline.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    try {
      await peer.acceptAnswer(answer.sdp);
      await Promise.race([tunnel.ready, this.#failed(peer, deadline.signal), this.#timeUp(deadline.signal)]);
    } catch (error) {
      if (error instanceof TunnelError && error.code !== 'closed' && error.code !== 'timeout')
        throw new FlowFailure({ kind: 'refused', message: error.message });
      throw new FlowFailure({ kind: 'no-path', report: await this.#report(peer) }, error);
    } finally {
      signal.removeEventListener('abort', stop);
      deadline.abort();
      void this.#rendezvous?.spent().catch(() => undefined);
    }
    this.#keepAwake(tunnel);
    this.#current.set(tunnel);
    return { server: null, closed: Promise.race([tunnel.closed.then(error => error.message), brokenPath(peer)]) };
  }

  /** The tunnel's liveness timers must keep their pace in a hidden tab: a worker's ticks keep the page from being frozen. */
  #keepAwake(tunnel: Tunnel): void {
    const release = stayAwake();
    const ticker = startTicker(5_000, () => undefined);
    void tunnel.closed.then(() => {
      ticker.close();
      release();
    });
  }

  #failed(peer: Peer, signal: AbortSignal): Promise<never> {
    return new Promise((_, reject) => {
      const off = peer.onState(state => {
        if (state === 'failed' || state === 'closed') reject(new Error('ICE failed'));
      });
      signal.addEventListener('abort', off, { once: true });
    });
  }

  async #timeUp(signal: AbortSignal): Promise<never> {
    await patientSleep(kConnectMs, signal);
    throw new Error('no connection in time');
  }

  async #report(peer: Peer): Promise<PathReport> {
    const { local, remote, pairs, noPublicAddress } = await peer.candidates();
    const sum = Object.values(pairs).reduce((all, n) => all + n, 0);
    return { local: { ...local }, remote: { ...remote }, pairs: sum, noPublicAddress, stun: this.#stun };
  }

  /** The tunnel of the moment, or the next one. */
  connected(signal: AbortSignal): Promise<Tunnel> {
    return this.#current.get(signal);
  }

  drop(): void {
    this.#current.set(null);
    void this.#rendezvous?.spent().catch(() => undefined);
    this.#peer?.close();
    this.#peer = null;
    this.#answer = null;
  }

  async forget(): Promise<void> {
    this.handle = null;
    this.#rendezvous = null;
    await this.#onForget();
  }

  #note(note: string | null): void {
    if (this.extras.note === note) return;
    this.extras.note = note;
    this.#onExtras();
  }

  async #failure(error: unknown): Promise<unknown> {
    if (!(error instanceof RendezvousError)) return error;
    const name = this.handle?.name ?? 'the folder';
    if (this.handle && !canUse(await this.handle.queryPermission?.({ mode: 'readwrite' })))
      return new FlowFailure({ kind: 'permission-refused', name }, error);
    switch (error.code) {
      case 'gone':
        return new FlowFailure({ kind: 'no-server', directory: false }, error);
      case 'denied':
      case 'io':
      case 'too_large':
        return new FlowFailure({ kind: 'write-failed', message: error.message }, error);
      default:
        return new FlowFailure({ kind: 'internal', message: `${error.message} (${name})` }, error);
    }
  }
}

async function problemOfLocate(reason: string, handle: FileSystemDirectoryHandle) {
  if (reason === 'denied') return { kind: 'permission-refused', name: handle.name } as const;
  if (reason === 'no_handshake_directory') return { kind: 'no-server', directory: false } as const;
  if (reason === 'not_owndir' && !(await stillThere(handle)))
    return { kind: 'folder-gone', name: handle.name } as const;
  return { kind: 'wrong-folder', name: handle.name } as const;
}

async function stillThere(handle: FileSystemDirectoryHandle): Promise<boolean> {
  try {
    await handle.keys().next();
    return true;
  } catch {
    return false;
  }
}

/** Resolves to the reason. By itself a browser hopes for a quarter of a minute; after a change of the network that is rarely of use. */
function brokenPath(peer: Peer): Promise<string> {
  return new Promise(resolve => {
    const stop = new AbortController();
    const end = (reason: string) => {
      stop.abort();
      resolve(reason);
    };
    const look = () => peer.state === 'disconnected' && end('the network has changed');
    const onOnline = () => {
      for (const ms of kAfterChangeMs) sleep(ms, stop.signal).then(look, () => undefined);
    };
    addEventListener('online', onOnline, { signal: stop.signal });
    peer.onState(state => {
      if (state === 'failed' || state === 'closed') end('the network path broke');
    });
  });
}
