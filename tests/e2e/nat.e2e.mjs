// Both ends behind NATs, the handshake files carried by a sync that takes its time. Host a is the client's, host b is home.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { openBrowser, openPage } from '../support/chromium.mjs';
import { Courier } from '../support/courier.mjs';
import { twoCopies, waitForPage } from '../support/folders.mjs';
import { suite } from '../support/harness.mjs';
import { kinds, natBed } from '../support/natbed.mjs';
import { connect, serve } from '../support/owndir.mjs';
import { chooseFolder, connected, readInPage, whatThePageSays } from '../support/page.mjs';
import { capture } from '../support/processes.mjs';
import { pageOf } from '../support/paths.mjs';
import { homeOnly } from '../support/sample.mjs';

const clients = ['native', 'chromium'];
const connectWithin = 30; // seconds from the answer's delivery, on a loaded machine

/** Waits for `up`, then says how long after the answer's delivery it was. */
async function whenConnected(t, courier, up) {
  const at = (await up) ?? Date.now();
  const answer = courier.delivered.filter(({ name }) => name.startsWith('answer-')).at(-1);
  assert.ok(answer, 'connected without an answer');
  t.step(`connected ${((at - answer.at) / 1000).toFixed(2)} s after the answer was delivered`);
}

async function nativeClient(t, { bed, away, courier, answerDelay, turn }) {
  const client = await connect(t, away, { stun: bed.stun, prefix: bed.a, args: turn ? ['--turn', bed.turn] : [] });
  t.step('offer on its way');
  await whenConnected(t, courier, client.event('connected', { seconds: answerDelay + connectWithin }).then(({ at }) => at));
  const target = `http://127.0.0.1:${client.port}/${homeOnly.path.split('/').map(encodeURIComponent).join('/')}`;
  const { code, stdout, stderr } = await capture([...bed.a, 'curl', '-sS', '--max-time', '20', target]);
  assert.equal(code, 0, stderr);
  assert.equal(`${stdout}\n`, homeOnly.text);
}

async function chromiumClient(t, { bed, away, courier, answerDelay }) {
  const context = await openBrowser(t, { directories: [away], prefix: bed.a });
  const page = await openPage(t, context, pageOf(away));
  await chooseFolder(page, away);
  t.step('folder chosen');
  try {
    await whenConnected(t, courier, connected(page, { seconds: answerDelay + connectWithin }).then(() => Date.now()));
  } catch (error) {
    await page.screenshot({ path: t.artefact(`${t.test.title.replace(/[^a-z0-9]+/gi, '-')}.png`) });
    throw new Error(`${error.message}\nThe page says: ${await whatThePageSays(page)}`);
  }
  assert.equal(await readInPage(page, homeOnly.path), homeOnly.text);
}

async function cell(t, { a, b, answerDelay, client, turn }) {
  const { home, away } = twoCopies(t);
  const bed = await natBed(t, { a, b, lifetime: 30 });
  if ([a, b].includes('blocked')) bed.turn += '?transport=tcp';
  t.step('both NATs are up');
  const server = await serve(t, home, { stun: bed.stun, prefix: bed.b, args: turn ? ['--turn', bed.turn] : [] });
  await waitForPage(home, away);
  const courier = new Courier(t, { home, away, answerDelay });
  t.step('home serves');
  try {
    await (client === 'native' ? nativeClient : chromiumClient)(t, { bed, away, courier, answerDelay, turn });
  } catch (error) {
    for (const line of server.tail(25).split('\n')) t.log(`home: ${line}`);
    throw error;
  }
  t.step('read the file that exists only at home');
}

const needs = { native: ['owndir', 'namespaces'], chromium: ['owndir', 'namespaces', 'chromium'] };

/** The tests of one cell, for ./dev e2e nat with options; both clients unless one is named. */
export function natCell({ a, b, answerDelay, client, turn = false }) {
  const bad = [a, b].find((kind) => !kinds.includes(kind));
  if (bad) throw new Error(`no NAT kind ${bad}; there are: ${kinds.join(' ')}`);
  if (client && !clients.includes(client)) throw new Error(`no client ${client}; there are: ${clients.join(' ')}`);
  if (!(answerDelay >= 0 && answerDelay <= 3600)) throw new Error('--answer-delay takes 0 to 3600 seconds');
  return (client ? [client] : clients)
    .filter((name) => !(turn && name === 'chromium')) // relay credentials never go through the folder to a page
    .map((name) => ({
      suite: 'nat',
      title: `${name} client, ${a} to ${b}, answer ${answerDelay} s late${turn ? ', with a relay' : ''}`,
      needs: needs[name],
      seconds: answerDelay + 120,
      soak: answerDelay > 300,
      lane: `nat-${name}-${a}-${b}-${answerDelay}-${turn}`,
      body: (t) => cell(t, { a, b, answerDelay, client: name, turn }),
    }));
}

suite('nat', (test) => {
  const cells = [
    ...[2, 45, 90, 600].map((answerDelay) => ({ a: 'port', b: 'port', answerDelay })),
    { a: 'sym', b: 'addr', answerDelay: 2, client: 'native' },
    { a: 'blocked', b: 'blocked', answerDelay: 2, client: 'native', turn: true },
  ];
  for (const { title, body, ...options } of cells.flatMap(natCell)) test(title, options, body);
});
