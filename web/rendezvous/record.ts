// Handshake records (docs/protocol.md, section 1): values, names, and the parser for bytes that came through the sync.
// Pure functions; the C++ twin is src/rendezvous/record.hpp.

export interface Offer {
  client: string;
  offer: string;
  nonce: string;
  created: number;
  validS: number;
  name: string;
  to?: string;
  sdp: string;
}

export interface Answer {
  client: string;
  offer: string;
  server: string;
  nonce: string;
  /** Of the file name. */
  n: number;
  created: number;
  validS: number;
  name: string;
  offerDigest: string;
  sdp: string;
}

export interface Presence {
  server: string;
  /** Of the file name. */
  n: number;
  name: string;
  state: 'up' | 'down';
  created: number;
  everyS: number;
  iceServers: string[];
}
