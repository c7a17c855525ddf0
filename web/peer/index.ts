export { Peer, type OfferOptions, type PeerOptions, type PeerState } from './peer.ts';
export type { CandidateCounts, CandidateReport } from './candidates.ts';
