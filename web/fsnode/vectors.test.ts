import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FsError } from './error.ts';
import { decodePath, encodePath } from './path.ts';
import { parseError, parseEvents, parseHello, parseInfo, parseMessage, parsePart, parseReadHead } from './wire.ts';

interface Vectors {
  paths: { name: string; bytes: string; text: string; wire: string }[];
  bad_paths: { name: string; wire: string; status: number }[];
  bad_texts: { name: string; text: string }[];
  hello: { text: string }[];
  server_text: { name: string; text: string; means: Record<string, unknown> }[];
}

const file = new URL('../../protocol/vectors/fsnode.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors;

describe('the vectors of the folder API', () => {
  it.each(vectors.paths)('a path: $name', ({ bytes, text, wire }) => {
    expect(encodePath(text)).toBe(wire);
    expect(decodePath(wire)).toBe(text);
    expect(decodeURIComponentBytes(wire)).toBe(bytes);
  });

  it.each(vectors.bad_paths.filter(({ wire }) => wire.length < 255))('no path: $name', ({ wire }) => {
    expect(decodePath(wire)).toBeNull();
  });

  it.each(vectors.bad_texts)('no text of a path: $name', ({ text }) => {
    expect(() => encodePath(text)).toThrow(FsError);
  });

  it.each(vectors.hello)('a hello: $text', ({ text }) => {
    const message = parseMessage(text) ?? {};
    expect(parseHello(message)).toEqual({
      version: message.hello,
      name: message.name,
      root: message.root,
      writable: message.writable,
    });
  });

  it.each(vectors.server_text)('a message of the server: $name', ({ text, means }) => {
    const message = parseMessage(text) ?? {};
    expect(message).toEqual(means);
    if (message.ok !== null && typeof message.ok === 'object') expect(parseInfo(message.ok)).toEqual(message.ok);
    if ('part' in message) expect(parsePart(message.part)).not.toBeNull();
    if ('events' in message) expect(parseEvents(message.events)).toHaveLength((message.events as unknown[]).length);
    if ('error' in message) expect({ ...parseError(message.error) }).toEqual(message.error);
    if (typeof message.head === 'object' && message.head && 'start' in message.head)
      expect(parseReadHead(message.head)).toEqual(message.head);
  });
});

function decodeURIComponentBytes(wire: string): string {
  let hex = '';
  for (let at = 0; at < wire.length; at++) {
    if (wire[at] === '%') hex += wire.slice(at + 1, (at += 2) + 1).toLowerCase();
    else hex += wire.charCodeAt(at).toString(16).padStart(2, '0');
  }
  return hex;
}
