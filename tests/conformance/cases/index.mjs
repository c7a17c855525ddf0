// All cases: { name: "topic: sentence", run(helper), seconds? }. A case runs in the page under test, returns something that
// JSON can hold and that is the same each time; run.mjs compares it with the direct way's.
import { bodies } from './bodies.mjs';
import { cache } from './cache.mjs';
import { cancel } from './cancel.mjs';
import { codings } from './codings.mjs';
import { cookies } from './cookies.mjs';
import { documents } from './documents.mjs';
import { errors } from './errors.mjs';
import { fields } from './fields.mjs';
import { forms } from './forms.mjs';
import { methods } from './methods.mjs';
import { parallel } from './parallel.mjs';
import { ranges } from './ranges.mjs';
import { redirects } from './redirects.mjs';
import { resources } from './resources.mjs';
import { signIn } from './sign_in.mjs';
import { sse } from './sse.mjs';
import { streaming } from './streaming.mjs';
import { uploads } from './uploads.mjs';
import { webSocket } from './websocket.mjs';
import { xhr } from './xhr.mjs';

const topics = {
  methods, fields, bodies, ranges, streaming, cancel, cookies, redirects, cache, codings, errors, uploads, WebSocket: webSocket, SSE: sse,
  XHR: xhr, 'sign-in': signIn, forms, documents, resources, parallel,
};

export const cases = Object.entries(topics).flatMap(([topic, list]) =>
  Object.entries(list).map(([sentence, value]) => ({ topic, name: `${topic}: ${sentence}`, seconds: 15, ...(typeof value === 'function' ? { run: value } : value) })),
);
