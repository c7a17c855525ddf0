// What is made to be looked at: the page under test, its files in site/, forms, media, downloads.
import { existsSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { require, root } from '../../support/paths.mjs';
import { json, readBody, send } from './common.mjs';
import { sendRanges } from './bodies.mjs';

const here = new URL('..', import.meta.url).pathname;
const types = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css', '.json': 'application/json',
  '.svg': 'image/svg+xml', '.png': 'image/png', '.jpg': 'image/jpeg', '.webm': 'video/webm', '.wasm': 'application/wasm', '.ttf': 'font/ttf', '.txt': 'text/plain; charset=utf-8',
};

/** All cases in one classic script, as the page loads it. */
let bundled;
function casesScript({ res }) {
  bundled ??= require('esbuild').buildSync({ entryPoints: [join(here, 'page.mjs')], bundle: true, format: 'iife', target: 'es2022', write: false, charset: 'utf8' }).outputFiles[0].text;
  send(res, 200, 'text/javascript; charset=utf-8', bundled);
}

const index = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Conformance</title><link rel="icon" href="data:,">
<h1>Conformance</h1><p id="at">ready</p><div id="stage"></div><script src="/cases.js"></script></html>`;

async function file(exchange) {
  const { req, res, url, entry } = exchange;
  entry.cookie = req.headers.cookie ?? '';
  const path = join(here, url.pathname);
  if (url.pathname.includes('..') || !existsSync(path) || extname(path) === '') return send(res, 404, 'text/html; charset=utf-8', '<!doctype html><title>Not here</title><p>nothing</p>');
  await readBody(exchange);
  return send(res, 200, types[extname(path)] ?? 'application/octet-stream', readFileSync(path));
}

/** A page that tells its parent what it is and what it was asked with. */
const telling = (told, more = '') => `<!doctype html><html lang="en"><meta charset="utf-8"><title>${told.title ?? 'Telling'}</title>${more}
<pre id="told">${JSON.stringify(told).replace(/[<&]/g, (c) => `&#${c.charCodeAt(0)};`)}</pre>
<script>parent.postMessage({ told: JSON.parse(document.getElementById('told').textContent), title: document.title, path: location.pathname, search: location.search, hash: location.hash, referrer: document.referrer !== '' }, '*');</script></html>`;

function parts(bytes, type) {
  const boundary = /boundary=(?:"([^"]+)"|([^;]+))/.exec(type);
  const text = bytes.toString('latin1');
  const utf8 = (value) => Buffer.from(value, 'latin1').toString('utf8');
  return text.split(`--${boundary[1] ?? boundary[2]}`).slice(1, -1).map((part) => {
    const [head, ...rest] = part.replace(/^\r\n/, '').split('\r\n\r\n');
    const body = rest.join('\r\n\r\n').replace(/\r\n$/, '');
    return {
      name: utf8(/ name="([^"]*)"/.exec(head)?.[1] ?? ''), file: utf8(/filename="([^"]*)"/.exec(head)?.[1] ?? ''),
      type: /content-type: (.*)/i.exec(head)?.[1] ?? '', value: body.length < 500 ? utf8(body) : `${body.length} bytes`,
    };
  });
}

/** What a form sent, in the order it was sent. */
async function form(exchange) {
  const { req, res, url, query } = exchange;
  const type = req.headers['content-type'] ?? '';
  const { bytes } = await readBody(exchange);
  const told = { title: 'Form', method: req.method, type: type.replace(/boundary=.*/, 'boundary'), query: url.search.replace(/id=[^&]*&?/, '') };
  if (type.startsWith('multipart/form-data')) told.parts = parts(bytes, type);
  else told.body = bytes.toString('utf8');
  if (query.has('json')) return json(res, told);
  return send(res, 200, 'text/html; charset=utf-8', telling(told));
}

async function formThenSee(exchange) {
  await readBody(exchange);
  exchange.res.writeHead(303, { Location: `/nav/page?title=after+the+form&id=${exchange.id}`, 'Content-Length': 0 });
  exchange.res.end();
}

function page({ req, res, query, entry }) {
  entry.dest = req.headers['sec-fetch-dest'] ?? '';
  entry.cookie = req.headers.cookie ?? '';
  entry.referer = (req.headers.referer ?? '').replace(/^[a-z]+:\/\/[^/]+/, '');
  const fields = Object.fromEntries(query.getAll('h').map((line) => line.split(/:\s*/, 2)));
  const html = telling({ title: query.get('title') ?? 'A page', method: req.method }, query.get('more') ?? '');
  send(res, Number(query.get('status') ?? 200), 'text/html; charset=utf-8', query.has('gzip') ? gzipSync(html) : html, { ...(query.has('gzip') ? { 'Content-Encoding': 'gzip' } : {}), ...fields });
}

let sound;
function wav(exchange) {
  if (!sound) {
    const [rate, seconds] = [44_100, 120];
    sound = Buffer.alloc(44 + rate * seconds * 2);
    sound.write('RIFF', 0); sound.writeUInt32LE(sound.length - 8, 4); sound.write('WAVEfmt ', 8);
    sound.writeUInt32LE(16, 16); sound.writeUInt16LE(1, 20); sound.writeUInt16LE(1, 22);
    sound.writeUInt32LE(rate, 24); sound.writeUInt32LE(rate * 2, 28); sound.writeUInt16LE(2, 32); sound.writeUInt16LE(16, 34);
    sound.write('data', 36); sound.writeUInt32LE(sound.length - 44, 40);
    for (let i = 0; i < rate * seconds; i++) sound.writeInt16LE(Math.round(Math.sin(i / 16) * 500), 44 + i * 2);
  }
  sendRanges(exchange, sound, 'audio/wav');
}

const film = (exchange) => sendRanges(exchange, readFileSync(join(root, 'examples/photos/Harbour/A boat leaves.webm')), 'video/webm');

export const site = {
  '/': ({ res }) => send(res, 200, types['.html'], index),
  '/cases.js': casesScript,
  '/site/*': file,
  '/site/font.ttf': ({ res }) => send(res, 200, types['.ttf'], readFileSync('/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf')),
  '/form': form,
  '/form/then-see': formThenSee,
  '/nav/page': page,
  '/nav/sub/page': page,
  '/media/sound.wav': wav,
  '/media/film.webm': film,
  '/download': ({ res, query }) => send(res, 200, 'application/octet-stream', query.get('body') ?? 'downloaded\n', { 'Content-Disposition': query.get('disposition') ?? 'attachment; filename="named by the server.txt"' }),
  /** A picture whose cookies and fields the record keeps. */
  '/picture': ({ req, res, entry }) => {
    entry.cookie = req.headers.cookie ?? '';
    send(res, 200, 'image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect width="40" height="30" fill="#284"/></svg>');
  },
};
