// What asks for a name and a password (HTTP Basic): /auth/… takes one of each, which cases/sign_in.mjs and ways.mjs know too.
import { readBody, send } from './common.mjs';

export const login = { name: 'anna ü', password: 'a pass: wörd' };
const expected = `Basic ${Buffer.from(`${login.name}:${login.password}`).toString('base64')}`;
const picture = '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="5"/>';

/** realm: of the challenge; never: nobody comes in; bearer: another scheme; svg, page: what is behind it. */
async function guarded(exchange) {
  const { req, res, query, entry } = exchange;
  const { bytes } = await readBody(exchange);
  const { authorization } = req.headers;
  entry.authorization = authorization === undefined ? 'none' : authorization === expected ? 'right' : 'wrong';
  if (authorization === expected && !query.has('never')) {
    if (query.has('svg')) return send(res, 200, 'image/svg+xml', picture);
    if (query.has('page')) return send(res, 200, 'text/html', '<!doctype html><script>parent.postMessage({ told: "inside" }, "*")</script>');
    return send(res, 200, 'text/plain', `in: ${bytes.toString()}`);
  }
  const challenge = query.has('bearer') ? 'Bearer realm="tokens"' : `Basic realm="${query.get('realm') ?? exchange.id}", charset="UTF-8"`;
  if (query.has('page')) return send(res, 401, 'text/html', '<!doctype html><script>parent.postMessage({ told: "outside" }, "*")</script>', { 'WWW-Authenticate': challenge });
  send(res, 401, 'text/plain', 'not in', { 'WWW-Authenticate': challenge });
}

export const signIn = { '/auth/*': guarded };
