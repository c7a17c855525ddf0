// Server-sent events.
import { room } from './common.mjs';

const events = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' };

const scripts = {
  plain: 'data: one\n\ndata: two\n\ndata: three\n\n',
  named: 'event: news\ndata: a\n\nevent: weather\ndata: b\n\ndata: c\n\n',
  lines: 'data: first\ndata: second\ndata:\ndata: fourth\n\n',
  comments: ': nothing\n\n:\ndata: after a comment\n: within\n\nunknown: field\ndata: after an unknown field\n\n',
  endings: 'data: lf\n\ndata: crlf\r\n\r\ndata: cr\r\rdata: last\n\n',
  ids: 'id: 7\ndata: seven\n\ndata: still seven\n\nid\ndata: none\n\n',
  json: `data: {"text":"Grüße, 世界 🌍"}\n\n`,
  bom: '\ufeffdata: after a mark\n\n',
  unfinished: 'data: whole\n\ndata: never ended',
};

/** The script's events, then whatever waits behind gates ("1", "2" …, one event each), open until the page closes. */
async function sse({ req, res, query, id, up, entry }) {
  entry.lastEventId = req.headers['last-event-id'] ?? '';
  entry.accept = req.headers.accept ?? '';
  entry.cookie = req.headers.cookie ?? '';
  res.writeHead(200, events);
  res.flushHeaders();
  const text = Buffer.from(scripts[query.get('script') ?? ''] ?? '');
  if (query.has('split')) {
    for (const byte of text) {
      res.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
  } else if (text.length > 0) res.write(text);
  if (query.has('end')) return void res.end();
  const gone = new Promise((resolve) => res.once('close', resolve));
  for (let i = 1; i <= Number(query.get('gated') ?? 0); i++) {
    await Promise.race([up.gate(id, String(i)).opened, gone]);
    if (res.destroyed) return;
    res.write(`id: ${i}\ndata: gated ${i}\n\n`);
  }
}

/** The first connection ends after one event, the next is told what the first one's id was, then 204 ends it all. */
function sseAgain({ req, res, id, up, entry }) {
  entry.lastEventId = req.headers['last-event-id'] ?? '';
  const n = up.count(`sse ${id}`);
  if (n > 2) {
    res.writeHead(204);
    return void res.end();
  }
  res.writeHead(200, events);
  res.end(`retry: 20\nid: event-${n}\ndata: connection ${n} after ${entry.lastEventId || 'nothing'}\n\n`);
}

/** n events as fast as they go. */
async function sseMany({ res, query }) {
  res.writeHead(200, events);
  for (let i = 0; i < Number(query.get('n')); i++) {
    if (!res.write(`data: ${i}\n\n`)) await room(res);
  }
}

export const live = { '/sse': sse, '/sse/again': sseAgain, '/sse/many': sseMany };
