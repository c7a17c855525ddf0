// A presence record that a person opened by hand. Pure.

import type { Server } from './flow_types.ts';

const kMaxIceServers = 8;

/** The server, or a sentence that says why the text is none. */
export function serverOfText(text: string): Server | string {
  let value: unknown;
  try {
    value = JSON.parse(text.trim());
  } catch {
    return 'This is not a whole record: open the file server-….json, or paste all of its text.';
  }
  if (typeof value !== 'object' || value === null) return 'This is not a server’s record.';
  const { type, name, state, created, every_s: everyS, ice_servers: ice } = value as Record<string, unknown>;
  if (type === 'answer') return 'This is an answer. The first file is the server’s record, server-….json.';
  if (type !== 'presence' || typeof name !== 'string' || typeof created !== 'number')
    return 'This is not a server’s record: its name begins with server-.';
  const urls = Array.isArray(ice)
    ? ice.filter((url): url is string => typeof url === 'string' && url.startsWith('stun:'))
    : [];
  return {
    name,
    up: state === 'up',
    created,
    everyS: typeof everyS === 'number' ? everyS : 3600,
    iceServers: urls.slice(0, kMaxIceServers),
  };
}
