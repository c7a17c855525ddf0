import type { MessageChannel } from '../tunnel/channel.ts';

export type PeerState = 'new' | 'connecting' | 'connected' | 'disconnected' | 'failed' | 'closed';

export interface PeerOptions {
  /** URLs: `stun:host:port`, `turn:…` with credentials. */
  iceServers?: RTCIceServer[];
}

/** What was tried and what won, for people who wonder why there is no connection. */
export interface CandidateReport {
  /** Numbers of our candidates by type. */
  local: Record<RTCIceCandidateType, number>;
  remote: Record<RTCIceCandidateType, number>;
  /** Pairs by their state (`succeeded`, `failed`, `in-progress`, `waiting`). */
  pairs: Record<string, number>;
  selected: {
    local: RTCIceCandidateType;
    remote: RTCIceCandidateType;
    protocol: string;
    roundTripMs: number | null;
  } | null;
  /** True when the STUN servers gave no address: UDP may be blocked, or the device is offline. */
  noPublicAddress: boolean;
}

/** One RTCPeerConnection on the offering side with the tunnel's channels. Close it, or it lives on. */
export declare class Peer {
  constructor(options?: PeerOptions);
  /** Pass to a TunnelClient, which then owns them. */
  readonly channels: MessageChannel[];
  readonly state: PeerState;
  /** Returns the function that removes the listener. */
  onState(listener: (state: PeerState) => void): () => void;
  /** The complete description, with the candidates that came within `gatherWaitMs` (3000 by default). */
  createOffer(options?: { gatherWaitMs?: number; signal?: AbortSignal }): Promise<string>;
  /** Resolves when the description is accepted; the channels open later. */
  acceptAnswer(sdp: string): Promise<void>;
  candidates(): Promise<CandidateReport>;
  close(): void;
}
