// What the upstream keeps of its visitors: cookies and cached answers.
import { askedFields, json, send, setFields } from './common.mjs';

/** Sets what c= says, as it says it; Domain=HOST becomes the host that the request named. */
function setCookies({ req, res, query }) {
  req.resume();
  const host = (req.headers.host ?? '').replace(/:\d+$/, '');
  const cookies = query.getAll('c').map((cookie) => cookie.replace('Domain=HOST', `Domain=${host}`));
  res.setHeader('Set-Cookie', cookies);
  const fields = query.has('to') ? { Location: query.get('to') } : {};
  send(res, Number(query.get('status') ?? 200), 'text/plain', 'cookies set\n', fields);
}

/** The cookies that came, in a stable order; only those whose name begins so. */
function showCookies({ req, res, query }) {
  const prefix = query.get('prefix') ?? '';
  const all = (req.headers.cookie ?? '').split('; ').filter((pair) => pair.startsWith(prefix) && pair !== '');
  json(res, all.map((pair) => pair.slice(prefix.length)).sort());
}

/**
 * A resource of which the upstream counts the readings: the body is "reading N". h=: its fields. etag=, modified=: it answers
 * conditional requests; the record keeps the conditions. turn=N: from the Nth reading on it has another ETag.
 */
function counted({ req, res, query, id, up, entry }) {
  req.resume();
  const n = up.count(`counted ${id} ${query.get('name') ?? ''}`);
  entry.ifNoneMatch = req.headers['if-none-match'] ?? '';
  entry.ifModifiedSince = req.headers['if-modified-since'] ?? '';
  entry.cacheControl = req.headers['cache-control'] ?? '';
  const turned = query.has('turn') && n >= Number(query.get('turn'));
  const etag = query.has('etag') ? `"${query.get('etag')}${turned ? '-turned' : ''}"` : '';
  const modified = query.get('modified') ?? '';
  if (etag) res.setHeader('ETag', etag);
  if (modified) res.setHeader('Last-Modified', modified);
  setFields(res, askedFields(query));
  if (query.has('redirect')) {
    res.writeHead(Number(query.get('redirect')), { Location: `/respond?body=arrived&cached=1`, 'Content-Length': 0 });
    return void res.end();
  }
  const same = entry.ifNoneMatch ? entry.ifNoneMatch === etag : modified !== '' && entry.ifModifiedSince === modified;
  if (same) {
    res.setHeader('X-Reading', String(n));
    res.writeHead(304);
    return void res.end();
  }
  const vary = query.has('by') ? ` for ${req.headers[query.get('by')] ?? 'nobody'}` : '';
  const body = Buffer.from(`reading ${n}${vary}`);
  res.writeHead(Number(query.get('status') ?? 200), { 'Content-Type': 'text/plain', 'Content-Length': body.length, 'X-Reading': String(n) });
  res.end(req.method === 'HEAD' ? undefined : body);
}

export const state = {
  '/cookies/set': setCookies,
  '/cookies/set/*': setCookies,
  '/cookies/show': showCookies,
  '/cookies/show/*': showCookies,
  '/counted': counted,
  '/counted/*': counted,
};
