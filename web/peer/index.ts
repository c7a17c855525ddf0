export { Peer, type CandidateReport, type PeerOptions, type PeerState } from './peer.ts';
