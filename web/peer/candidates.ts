// What an RTCPeerConnection tried and what won, for people who wonder why there is no connection.

export type CandidateCounts = { [type in RTCIceCandidateType]: number };

export interface CandidateReport {
  /** Numbers of candidates by type: `host` (this network), `srflx` (public address, by STUN), `prflx`, `relay` (TURN). */
  local: CandidateCounts;
  remote: CandidateCounts;
  /** Pairs that were tried, by state: `succeeded`, `failed`, `in-progress`, `waiting`. */
  pairs: { [state: string]: number };
  selected: {
    local: RTCIceCandidateType;
    remote: RTCIceCandidateType;
    protocol: string;
    roundTripMs: number | null;
  } | null;
  /** STUN or TURN servers were given and none gave an address: UDP may be blocked, or the device is offline. */
  noPublicAddress: boolean;
  /** What STUN and TURN servers said, or that they said nothing. */
  serverErrors: string[];
}

interface PairStats {
  id: string;
  type: 'candidate-pair';
  state: string;
  nominated?: boolean;
  localCandidateId: string;
  remoteCandidateId: string;
  currentRoundTripTime?: number;
}

interface CandidateStats {
  id: string;
  type: 'local-candidate' | 'remote-candidate';
  candidateType: RTCIceCandidateType;
  protocol?: string;
}

interface TransportStats {
  id: string;
  type: 'transport';
  selectedCandidatePairId?: string;
}

type Stats = PairStats | CandidateStats | TransportStats;

/** The candidates that a description names, by type. */
export function countCandidates(sdp: string | undefined): CandidateCounts {
  const counts: CandidateCounts = { host: 0, srflx: 0, prflx: 0, relay: 0 };
  for (const [, type] of (sdp ?? '').matchAll(/^a=candidate:.* typ (host|srflx|prflx|relay)/gm))
    counts[type as RTCIceCandidateType]++;
  return counts;
}

export async function reportCandidates(
  connection: RTCPeerConnection,
  hasServers: boolean,
  serverErrors: readonly string[],
): Promise<CandidateReport> {
  const stats = new Map<string, Stats>();
  (await connection.getStats()).forEach((entry: Stats) => stats.set(entry.id, entry));
  const local = countCandidates(connection.localDescription?.sdp);
  const remote = countCandidates(connection.remoteDescription?.sdp);
  const pairs: { [state: string]: number } = {};
  for (const entry of stats.values()) {
    // Peer-reflexive ones come up during the checks and are in no description.
    if (entry.type === 'local-candidate' && entry.candidateType === 'prflx') local.prflx++;
    if (entry.type === 'remote-candidate' && entry.candidateType === 'prflx') remote.prflx++;
    if (entry.type === 'candidate-pair') pairs[entry.state] = (pairs[entry.state] ?? 0) + 1;
  }
  const noPublicAddress = hasServers && local.srflx + local.relay === 0;
  return { local, remote, pairs, selected: selectedPair(stats), noPublicAddress, serverErrors: [...serverErrors] };
}

function selectedPair(stats: Map<string, Stats>): CandidateReport['selected'] {
  let pair: PairStats | undefined;
  for (const entry of stats.values()) {
    // Firefox has no transport entry that names it.
    if (entry.type === 'candidate-pair' && entry.nominated && entry.state === 'succeeded') pair ??= entry;
    if (entry.type !== 'transport' || entry.selectedCandidatePairId === undefined) continue;
    const named = stats.get(entry.selectedCandidatePairId);
    if (named?.type === 'candidate-pair') pair = named;
  }
  const local = pair && stats.get(pair.localCandidateId);
  const remote = pair && stats.get(pair.remoteCandidateId);
  if (local?.type !== 'local-candidate' || remote?.type !== 'remote-candidate') return null;
  const seconds = pair?.currentRoundTripTime;
  return {
    local: local.candidateType,
    remote: remote.candidateType,
    protocol: local.protocol ?? 'udp',
    roundTripMs: seconds === undefined ? null : seconds * 1000,
  };
}
