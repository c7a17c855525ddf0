// What the upstream's parts share.
import { Fnv } from '../pattern.mjs';

export function send(res, status, type, body, fields = {}) {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  res.writeHead(status, { 'Content-Type': type, 'Content-Length': bytes.length, 'Cache-Control': 'no-store', ...fields });
  res.end(bytes);
}

export const json = (res, value, fields) => send(res, 200, 'application/json', JSON.stringify(value), fields);

/** The whole request body; `onPiece` sees each piece as it comes. */
export async function readBody(exchange, onPiece = () => {}) {
  const pieces = [];
  const hash = new Fnv();
  let kept = 0;
  for await (const piece of exchange.req) {
    hash.update(piece);
    exchange.entry.bytes += piece.length;
    if (kept < 1_000_000) pieces.push(piece);
    kept += piece.length;
    await onPiece(piece);
  }
  return { bytes: Buffer.concat(pieces), length: hash.length, digest: hash.digest };
}

/** Fields in the order and spelling of the wire: [name in lower case, value]. */
export function rawFields(req) {
  const pairs = [];
  for (let i = 0; i < req.rawHeaders.length; i += 2) pairs.push([req.rawHeaders[i].toLowerCase(), req.rawHeaders[i + 1]]);
  return pairs;
}

/** Response fields that the query asks for: h=Name: value, any number of them, values percent-coded as Latin-1. */
export function askedFields(query) {
  const fields = [];
  for (const line of query.getAll('h')) {
    const colon = line.indexOf(':');
    fields.push([line.slice(0, colon), line.slice(colon + 1).trim()]);
  }
  return fields;
}

/** Sets fields that may come more than once. */
export function setFields(res, fields) {
  const all = new Map();
  for (const [name, value] of fields) all.set(name, [...(all.get(name) ?? []), value]);
  for (const [name, values] of all) res.setHeader(name, values.length === 1 ? values[0] : values);
}

/** Says the answer's every byte itself, instead of Node; the connection ends after it. */
export function raw(exchange, text, { reset = false } = {}) {
  const { socket } = exchange.req;
  const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
  socket.write(bytes, () => (reset ? socket.resetAndDestroy?.() ?? socket.destroy() : socket.end()));
}

export const rawWrite = (exchange, text) => new Promise((resolve) => exchange.req.socket.write(Buffer.from(text, 'latin1'), resolve));

/** Until the response takes more, or nobody wants it any longer. */
export function room(res) {
  return new Promise((resolve) => {
    const done = () => {
      res.off('drain', done).off('close', done);
      resolve();
    };
    res.on('drain', done).on('close', done);
  });
}
