// Bodies: of any size, in pieces, in ranges, coded, and those that come up.
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { digest, pattern } from '../pattern.mjs';
import { json, raw, readBody, room, send } from './common.mjs';

const made = new Map();
function patternOf(length) {
  if (made.size > 8) made.clear();
  if (!made.has(length)) made.set(length, Buffer.from(pattern(length)));
  return made.get(length);
}

/** n bytes of the pattern; chunked=N: without a length, N bytes at a time. */
async function bytes({ req, res, query }) {
  const body = patternOf(Number(query.get('n')));
  const piece = Number(query.get('chunked') ?? 0);
  const fields = { 'Content-Type': query.get('type') ?? 'application/octet-stream', 'Cache-Control': 'no-store' };
  if (!piece) fields['Content-Length'] = body.length;
  res.writeHead(200, fields);
  if (req.method === 'HEAD' || !piece) return void res.end(req.method === 'HEAD' ? undefined : body);
  for (let at = 0; at < body.length; at += piece) {
    if (!res.write(body.subarray(at, at + piece))) await room(res);
    if (res.destroyed) return;
  }
  res.end();
}

/** The end of the connection is the end of the body. */
const untilClose = (exchange) =>
  raw(exchange, Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n'), patternOf(Number(exchange.query.get('n')))]));

const withTrailers = (exchange) =>
  raw(exchange, 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nTrailer: X-After\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n6;ext=1\r\nbefore\r\n0\r\nX-After: trailer\r\n\r\n');

/** Pieces, each after its gate; the first at once. Tells what was sent, so that a page can see what it got early. */
async function stream(exchange) {
  const { res, query, id, up } = exchange;
  const pieces = Number(query.get('pieces') ?? 3);
  res.writeHead(200, { 'Content-Type': query.get('type') ?? 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' });
  res.flushHeaders();
  const gone = new Promise((resolve) => res.once('close', resolve));
  for (let i = 0; i < pieces; i++) {
    if (i > 0 || query.has('holdfirst')) await Promise.race([up.gate(id, String(i)).opened, gone]);
    if (res.destroyed) return;
    res.write(`piece ${i}\n`);
  }
  res.end();
}

/** The head at once (with held=1: after the gate "head"), then nothing, until the other side goes. */
async function stall({ res, query, id, up }) {
  if (query.has('held')) await Promise.race([up.gate(id, 'head').opened, new Promise((resolve) => res.once('close', resolve))]);
  if (res.destroyed) return;
  res.writeHead(200, { 'Content-Type': query.get('type') ?? 'text/plain', 'Cache-Control': 'no-store' });
  res.write(query.get('first') ?? '');
  res.flushHeaders();
}

/** Bytes for as long as somebody takes them; the record says how many were given. */
function endless({ res, entry }) {
  res.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Cache-Control': 'no-store' });
  const block = patternOf(65536);
  entry.sent = 0;
  const more = () => {
    while (!res.destroyed && entry.sent < 512 * 1024 * 1024) {
      entry.sent += block.length;
      if (!res.write(block)) return void res.once('drain', more);
    }
    res.end();
  };
  more();
}

// ------------------------------------------------------------------------------------------- ranges

function parseRanges(field, size) {
  const match = /^bytes=(.+)$/.exec(field ?? '');
  if (!match) return undefined;
  const ranges = [];
  for (const spec of match[1].split(',')) {
    const parts = /^\s*(\d*)-(\d*)\s*$/.exec(spec);
    if (!parts || (parts[1] === '' && parts[2] === '')) return undefined;
    const from = parts[1] === '' ? Math.max(0, size - Number(parts[2])) : Number(parts[1]);
    const to = parts[1] === '' || parts[2] === '' ? size - 1 : Math.min(size - 1, Number(parts[2]));
    if (from <= to && from < size) ranges.push([from, to]);
  }
  return ranges;
}

/** Answers with that body or the asked part of it, as RFC 9110 says; the record keeps each Range field. */
export function sendRanges(exchange, body, type, { etag = `"${digest(body.subarray(0, 4096))}-${body.length}"`, fields = {} } = {}) {
  const { req, res, entry } = exchange;
  const field = req.headers.range;
  entry.range = field ?? '';
  const all = { 'Content-Type': type, ETag: etag, 'Accept-Ranges': 'bytes', 'Cache-Control': 'no-store', ...fields };
  const condition = req.headers['if-range'];
  const ranges = condition && condition !== etag ? undefined : parseRanges(field, body.length);
  const end = (data) => res.end(req.method === 'HEAD' ? undefined : data);
  if (!ranges) {
    res.writeHead(200, { ...all, 'Content-Length': body.length });
    return end(body);
  }
  if (ranges.length === 0) {
    res.writeHead(416, { ...all, 'Content-Range': `bytes */${body.length}`, 'Content-Length': 0 });
    return end();
  }
  if (ranges.length === 1) {
    const [[from, to]] = ranges;
    res.writeHead(206, { ...all, 'Content-Range': `bytes ${from}-${to}/${body.length}`, 'Content-Length': to - from + 1 });
    return end(body.subarray(from, to + 1));
  }
  const parts = ranges.flatMap(([from, to]) => [
    Buffer.from(`--conformance\r\nContent-Type: ${type}\r\nContent-Range: bytes ${from}-${to}/${body.length}\r\n\r\n`),
    body.subarray(from, to + 1), Buffer.from('\r\n'),
  ]);
  const whole = Buffer.concat([...parts, Buffer.from('--conformance--\r\n')]);
  res.writeHead(206, { ...all, 'Content-Type': 'multipart/byteranges; boundary=conformance', 'Content-Length': whole.length });
  end(whole);
}

// ------------------------------------------------------------------------------------------- codings

const coders = { gzip: gzipSync, 'x-gzip': gzipSync, deflate: deflateSync, 'raw-deflate': deflateRawSync, br: brotliCompressSync, identity: (data) => data };

/** enc: the codings in the order they are applied; broken: cuts or spoils the coded body. */
function coded({ req, res, query, entry }) {
  const codings = (query.get('enc') ?? 'gzip').split(',');
  entry.accepts = req.headers['accept-encoding'] ?? '';
  let body = Buffer.from(query.get('n') ? pattern(Number(query.get('n'))) : query.get('body') ?? 'coded text: Grüße\n'.repeat(50));
  for (const coding of codings) body = coders[coding](body);
  if (query.get('broken') === 'cut') body = body.subarray(0, Math.floor(body.length / 2));
  if (query.get('broken') === 'garbage') body = Buffer.from('this was never compressed by anybody at all');
  const fields = { 'Content-Encoding': query.get('says') ?? codings.join(', ').replace('raw-', '') };
  if (query.has('chunked')) res.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store', ...fields });
  else return send(res, 200, 'text/plain; charset=utf-8', req.method === 'HEAD' ? Buffer.alloc(body.length) : body, fields);
  for (let at = 0; at < body.length; at += 37) res.write(body.subarray(at, at + 37));
  res.end();
}

// ------------------------------------------------------------------------------------------- what comes up

async function upload(exchange) {
  const { length, digest: name } = await readBody(exchange);
  json(exchange.res, { length, digest: name, type: exchange.req.headers['content-type'] ?? '', said: exchange.req.headers['content-length'] ?? '' });
}

/** Reads nothing until the gate "read" is open. */
async function uploadHeld(exchange) {
  exchange.req.pause();
  await Promise.race([exchange.up.gate(exchange.id, 'read').opened, new Promise((resolve) => exchange.res.once('close', resolve))]);
  if (!exchange.res.destroyed) await upload(exchange);
}

/** Answers before it reads, then takes the rest all the same. */
function uploadEarly(exchange) {
  const { req, res, query } = exchange;
  req.on('data', (piece) => (exchange.entry.bytes += piece.length));
  send(res, Number(query.get('status') ?? 413), 'text/plain', 'answered early\n');
}

export const bodies = {
  '/bytes': bytes,
  '/until-close': untilClose,
  '/trailers': withTrailers,
  '/stream': stream,
  '/stall': stall,
  '/endless': endless,
  '/ranges': (exchange) => sendRanges(exchange, patternOf(Number(exchange.query.get('n') ?? 1000)), exchange.query.get('type') ?? 'application/octet-stream'),
  '/coded': coded,
  '/upload': upload,
  '/upload/held': uploadHeld,
  '/upload/early': uploadEarly,
};
