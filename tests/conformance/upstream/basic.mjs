// What a request was, status codes, redirects, the record, the gates.
import { askedFields, json, rawFields, readBody, send, setFields } from './common.mjs';

async function echo(exchange) {
  const { req, res } = exchange;
  const body = await readBody(exchange);
  json(res, {
    method: req.method, target: req.url, fields: rawFields(req), length: body.length, digest: body.digest,
    text: body.length <= 4096 ? body.bytes.toString('latin1') : '',
  }, { 'X-Echo-Method': req.method, 'X-Echo-Length': String(body.length) });
}

/** status, reason, type, body and any fields as the query says. */
async function respond(exchange) {
  const { req, res, query } = exchange;
  await readBody(exchange);
  const status = Number(query.get('status') ?? 200);
  if (!query.has('cached')) res.setHeader('Cache-Control', 'no-store');
  res.setHeader('Content-Type', query.get('type') ?? 'text/plain');
  setFields(res, askedFields(query));
  const body = Buffer.from(query.get('body') ?? '', query.has('latin1') ? 'latin1' : 'utf8');
  if (query.has('reason')) res.statusMessage = query.get('reason');
  if (!query.has('chunked') && status !== 204 && status !== 304) res.setHeader('Content-Length', body.length);
  res.writeHead(status);
  res.end(req.method === 'HEAD' ? undefined : body);
}

/** As many fields as asked, of that size each. */
function manyFields({ res, query }) {
  const count = Number(query.get('count') ?? 1);
  const size = Number(query.get('size') ?? 10);
  for (let i = 0; i < count; i++) res.setHeader(`X-Field-${i}`, `${i}-`.padEnd(size, 'v'));
  send(res, 200, 'text/plain', 'many fields\n');
}

/** Where a redirect leads: `to`, with the upstream's own origin before it when `absolute` (or scheme-relative) is asked. */
async function redirect(exchange) {
  const { req, res, query } = exchange;
  await readBody(exchange);
  const before = { absolute: `http://${req.headers.host}`, scheme: `//${req.headers.host}` }[query.get('form')] ?? '';
  res.setHeader('Cache-Control', 'no-store');
  setFields(res, askedFields(query));
  if (query.has('to')) res.setHeader('Location', Buffer.from(before + query.get('to'), 'utf8').toString('latin1'));
  const body = Buffer.from('moved\n');
  res.writeHead(Number(query.get('status') ?? 302), { 'Content-Length': body.length, 'Content-Type': 'text/plain' });
  res.end(req.method === 'HEAD' ? undefined : body);
}

function chain({ req, res, query, url, id }) {
  const left = Number(query.get('left'));
  req.resume();
  if (left === 0) return json(res, { arrived: true, method: req.method });
  res.writeHead(302, { Location: `${url.pathname}?id=${id}&left=${left - 1}`, 'Cache-Control': 'no-store', 'Content-Length': 0 });
  res.end();
}

function loop({ req, res, up, id }) {
  up.count(`loop ${id}`);
  res.writeHead(302, { Location: req.url, 'Cache-Control': 'no-store', 'Content-Length': 0 });
  res.end();
}

const earlyHints = (exchange) => {
  exchange.res.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
  send(exchange.res, 200, 'text/plain', 'after early hints\n', { 'X-Final': 'yes' });
};

export const basic = {
  '/echo': echo,
  '/echo/*': echo,
  '/respond': respond,
  '/respond/*': respond,
  '/many-fields': manyFields,
  '/redirect': redirect,
  '/redirect/*': redirect,
  '/chain': chain,
  '/loop': loop,
  '/early-hints': earlyHints,
  '/seen': ({ res, query, up }) => json(res, up.seen(query.get('id'))),
  '/gate/open': (exchange) => {
    exchange.req.resume();
    exchange.up.gate(exchange.id, exchange.query.get('step')).open();
    json(exchange.res, { open: true });
  },
};
