// One RTCPeerConnection on the offering side, with its tunnel. A complete description each way: all candidates
// that come in time are in it, none follow.
import { Emitter } from '../base/emitter.ts';
import { asError } from '../base/time.ts';
import { createTunnelChannels, fromDataChannel, TunnelClient, type Tunnel } from '../tunnel/index.ts';
import { reportCandidates, type CandidateReport } from './candidates.ts';

export type PeerState = RTCPeerConnectionState;

export interface PeerOptions {
  /** `{ urls: 'stun:host:port' }`, or TURN servers with their credentials. */
  iceServers?: RTCIceServer[];
  /** Makes the tunnel of new channels, at once; on this thread unless told otherwise. */
  openTunnel?: (channels: RTCDataChannel[]) => Tunnel;
}

export interface OfferOptions {
  /** How long to wait for candidates; 3000 milliseconds by default. What came by then is used. */
  gatherWaitMs?: number;
  signal?: AbortSignal;
}

/** Close it, or it lives on. */
export class Peer {
  readonly #connection: RTCPeerConnection;
  readonly #states = new Emitter<PeerState>();
  readonly #iceServers: RTCIceServer[];
  /** Ready some time after `acceptAnswer`. */
  readonly tunnel: Tunnel;
  #state: PeerState = 'new';
  #serverErrors: string[] = [];

  constructor(options: PeerOptions = {}) {
    this.#iceServers = options.iceServers ?? [];
    this.#connection = new RTCPeerConnection({ iceServers: this.#iceServers });
    const { openTunnel = channels => new TunnelClient(channels.map(fromDataChannel)) } = options;
    this.tunnel = openTunnel(createTunnelChannels(this.#connection));
    this.#connection.onconnectionstatechange = () => this.#setState(this.#connection.connectionState);
    this.#connection.onicecandidateerror = event => {
      const text = `${event.url}: ${event.errorText || 'error'} (${event.errorCode})`;
      if (this.#serverErrors.length < 16 && !this.#serverErrors.includes(text)) this.#serverErrors.push(text);
    };
  }

  get state(): PeerState {
    return this.#state;
  }

  /** Returns the function that removes the listener. */
  onState(listener: (state: PeerState) => void): () => void {
    return this.#states.on(listener);
  }

  /** The complete description, with the candidates that came in time. Rejects with the signal's reason after an abort. */
  async createOffer({ gatherWaitMs = 3000, signal }: OfferOptions = {}): Promise<string> {
    const connection = this.#connection;
    await connection.setLocalDescription(await connection.createOffer());
    await gathered(connection, gatherWaitMs, signal);
    const sdp = connection.localDescription?.sdp;
    if (!sdp) throw new Error('The browser made no connection offer.');
    return sdp;
  }

  /** Resolves when the description is accepted; the channels open later. */
  async acceptAnswer(sdp: string): Promise<void> {
    await this.#connection.setRemoteDescription({ type: 'answer', sdp });
  }

  /** What has been tried and what won so far; also after a failure. */
  candidates(): Promise<CandidateReport> {
    return reportCandidates(this.#connection, this.#iceServers.length > 0, this.#serverErrors);
  }

  close(): void {
    this.tunnel.close();
    this.#connection.close();
    // A connection that is closed by its own page reports nothing.
    this.#setState('closed');
    this.#states.clear();
  }

  #setState(state: PeerState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#states.emit(state);
  }
}

/** Resolves when all candidates are there, or the wait is over. */
function gathered(connection: RTCPeerConnection, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error) => {
      clearTimeout(timer);
      connection.removeEventListener('icegatheringstatechange', onChange);
      signal?.removeEventListener('abort', onAbort);
      if (error) reject(error);
      else resolve();
    };
    const onChange = () => connection.iceGatheringState === 'complete' && done();
    const onAbort = () => done(asError(signal?.reason));
    const timer = setTimeout(() => done(), ms);
    connection.addEventListener('icegatheringstatechange', onChange);
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted) onAbort();
    else onChange();
  });
}
