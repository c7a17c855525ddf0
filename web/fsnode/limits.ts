// What docs/fsnode.md limits, and what we hold ourselves to.
export { fsnodeLimits, fsnodeSubprotocol, fsnodeVersion } from '../generated/protocol.ts';

/** Open reads, writes and uploads at once; fewer than calls, so that streams nobody reads cannot hold up the rest. */
export const maxStreams = 96;
/** Calls waiting for a free place. */
export const maxWaitingCalls = 65_536;
export const helloWaitMs = 15_000;
/** Silence after which a connection is asked for a sign of life, and after the same again given up. */
export const silenceMs = 20_000;
