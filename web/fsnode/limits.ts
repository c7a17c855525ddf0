// What docs/fsnode.md limits.
export const fsnodeVersion = 1;
export const fsnodeProtocol = 'owndir.fs.1';

export const fsnodeLimits = {
  calls: 128,
  subs: 16,
  messageIn: 65_536,
  messageOut: 1_048_576,
  data: 65_536,
  readWindow: 1_048_576,
  writeWindow: 1_048_576,
  part: 500,
  path: 4095,
  name: 255,
  subPaths: 256,
  watched: 1_000_000,
  editCopy: 67_108_864,
  children: 1_000_000,
} as const;

/** Open reads, writes and uploads at once; fewer than calls, so that streams nobody reads cannot hold up the rest. */
export const maxStreams = 96;
/** Calls waiting for a free place. */
export const maxWaitingCalls = 65_536;
export const helloWaitMs = 15_000;
/** Silence after which a connection is asked for a sign of life, and after the same again given up. */
export const silenceMs = 20_000;
