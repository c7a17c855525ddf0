import { describe, expect, it } from 'vitest';
import { countCandidates, reportCandidates } from './candidates.ts';

const sdp = [
  'v=0',
  'a=candidate:1 1 udp 2113937151 0b1f.local 54321 typ host generation 0',
  'a=candidate:2 1 udp 1677729535 203.0.113.7 40000 typ srflx raddr 0.0.0.0 rport 0',
  'a=candidate:3 1 udp 1677729535 203.0.113.7 40001 typ srflx raddr 0.0.0.0 rport 0',
  'a=candidate:4 1 tcp 1 203.0.113.9 9 typ typhoon',
  '',
].join('\r\n');

function connection(local: string, remote: string, stats: { id: string; [key: string]: unknown }[]): RTCPeerConnection {
  const fake = {
    localDescription: { sdp: local },
    remoteDescription: remote === '' ? null : { sdp: remote },
    getStats: () => Promise.resolve(new Map(stats.map(entry => [entry.id, entry]))),
  };
  return fake as unknown as RTCPeerConnection;
}

describe('the candidate report', () => {
  it('counts the candidates of a description by type', () => {
    expect(countCandidates(sdp)).toEqual({ host: 1, srflx: 2, prflx: 0, relay: 0 });
    expect(countCandidates(undefined)).toEqual({ host: 0, srflx: 0, prflx: 0, relay: 0 });
  });

  const stats = [
    { id: 'L1', type: 'local-candidate', candidateType: 'srflx', protocol: 'udp' },
    { id: 'R1', type: 'remote-candidate', candidateType: 'host', protocol: 'udp' },
    { id: 'R2', type: 'remote-candidate', candidateType: 'prflx', protocol: 'udp' },
    { id: 'P1', type: 'candidate-pair', state: 'failed', localCandidateId: 'L1', remoteCandidateId: 'R1' },
    {
      ...{ id: 'P2', type: 'candidate-pair', state: 'succeeded', nominated: true, currentRoundTripTime: 0.02 },
      ...{ localCandidateId: 'L1', remoteCandidateId: 'R2' },
    },
  ];
  const selected = { local: 'srflx', remote: 'prflx', protocol: 'udp', roundTripMs: 20 };

  it('names the pair that won, as Chromium tells it and as Firefox does', async () => {
    const transport = { id: 'T', type: 'transport', selectedCandidatePairId: 'P2' };
    for (const all of [stats, [...stats, transport]]) {
      const report = await reportCandidates(connection(sdp, sdp, all), true, []);
      expect(report.selected).toEqual(selected);
      expect(report.remote.prflx).toBe(1);
      expect(report.pairs).toEqual({ failed: 1, succeeded: 1 });
      expect(report.noPublicAddress).toBe(false);
    }
  });

  it('says that no server gave an address', async () => {
    const host = sdp.split('\r\n').slice(0, 2).join('\r\n');
    const errors = ['stun:stun.example.org: timed out (701)'];
    const report = await reportCandidates(connection(host, '', []), true, errors);
    expect(report).toMatchObject({ selected: null, pairs: {}, noPublicAddress: true, serverErrors: errors });
    expect((await reportCandidates(connection(host, '', []), false, [])).noPublicAddress).toBe(false);
  });
});
