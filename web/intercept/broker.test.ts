import { gzipSync, deflateSync, deflateRawSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Bytes } from '../base/bytes.ts';
import { TunnelError } from '../tunnel/index.ts';
import { Broker } from './broker.ts';
import { BrokerPort, type PortFetchOptions } from './client.ts';
import { parseToBroker, portLimits, type FetchHead, type Field } from './port.ts';
import { FakeTunnel, type Handler } from './testing/fake_tunnel.ts';

let tunnel: FakeTunnel;
let broker: Broker;
let port: BrokerPort;
let raw: MessagePort;

beforeEach(() => {
  tunnel = new FakeTunnel(() => ({ body: 'hello' }));
  broker = new Broker({ app: 'notes', origin: 'https://notes.owndir.invalid', connected: async () => tunnel });
  port = attach();
});
afterEach(() => {
  broker.close();
  raw.close();
});

function attach(): BrokerPort {
  const channel = new MessageChannel();
  broker.attach(channel.port2);
  raw = channel.port1;
  return new BrokerPort(channel.port1);
}

const request = (target: string, more: Partial<FetchHead> = {}): FetchHead => ({
  ...{ method: 'GET', target, fields: [], redirect: 'follow', credentials: true, cache: 'default', site: 'same' },
  ...{ navigation: false, cookies: false },
  ...more,
});
const get = (target: string, more: Partial<FetchHead> = {}, options?: PortFetchOptions) =>
  port.fetch(request(target, more), options);
const text = async (answer: Promise<{ body: ReadableStream<Bytes> | null }>) =>
  new Response((await answer).body).text();
const serve = (handler: Handler) => (tunnel.handler = handler);
const lastAsked = () => tunnel.asked.at(-1) ?? expect.unreachable();

describe('a request', () => {
  it('carries the app, its origin and what a browser would add, and nothing forged', async () => {
    await get('/a?b', {
      fields: [
        ['owndir-app', 'other'],
        ['Cookie', 'forged=1'],
        ['Host', 'x'],
        ['x-own', '1'],
        ['TE', 'gzip'],
      ],
    });
    expect(lastAsked()).toMatchObject({ method: 'GET', target: '/a?b', body: null });
    expect(lastAsked().fields).toEqual({
      ...{ 'x-own': '1', accept: '*/*', 'accept-encoding': 'gzip, deflate', 'sec-fetch-site': 'same-origin' },
      ...{ 'owndir-app': 'notes', 'owndir-origin': 'https://notes.owndir.invalid' },
      ...('user-agent' in lastAsked().fields ? { 'user-agent': navigator.userAgent, 'accept-language': 'en-US' } : {}),
    });
  });

  it('has an Origin where a browser sends one', async () => {
    await get('/a', { method: 'POST' }, { body: new Uint8Array([65]) });
    expect(lastAsked()).toMatchObject({ body: 'A', fields: { origin: 'https://notes.owndir.invalid' } });
    await get('/a', { method: 'POST', site: 'cross' });
    expect(lastAsked().fields.origin).toBe('null');
  });

  it('is whole when its streamed body is small, and streamed when it is not', async () => {
    const sizes: number[] = [];
    const fetchOf = tunnel.fetch.bind(tunnel);
    tunnel.fetch = (asked, options) => {
      sizes.push(asked.body instanceof Uint8Array ? asked.body.length : -1);
      return fetchOf(asked, options);
    };
    serve(({ body }) => ({ body: String(body?.length) }));
    const streamed = (size: number) => new Response(new Uint8Array(size).fill(65)).body;
    expect(await text(get('/', { method: 'POST' }, { body: streamed(1000) }))).toBe('1000');
    let taken = 0;
    const onSent = (bytes: number) => (taken += bytes);
    expect(await text(get('/', { method: 'POST' }, { body: streamed(3_000_000), onSent }))).toBe('3000000');
    expect([sizes, taken]).toEqual([[1000, -1], 3_000_000]);
  });

  it('that is cancelled reaches the other end', async () => {
    serve(() => new Promise(() => undefined));
    const stop = new AbortController();
    const answer = get('/slow', {}, { signal: stop.signal });
    await expect.poll(() => tunnel.asked.length).toBe(1);
    stop.abort();
    await expect(answer).rejects.toThrow(/abort/i);
    await expect.poll(() => lastAsked().signal?.aborted).toBe(true);
  });

  it('is asked again over the next connection only when that may be', async () => {
    let failures = 2;
    serve(() => {
      if (failures-- > 0) throw new TunnelError('closed', 'lost');
      return { body: 'at last' };
    });
    expect(await text(get('/'))).toBe('at last');
    failures = 1;
    await expect(get('/', { method: 'POST' }, { body: new Uint8Array(1) })).rejects.toThrow('lost');
  }, 10_000);
});

describe('an answer', () => {
  it('waits for its reader, within the window', async () => {
    let pulled = 0;
    serve(() => ({
      body: new ReadableStream<Bytes>(
        {
          pull: controller => {
            pulled += 65_536;
            if (pulled > 32 * 1024 * 1024) controller.close();
            else controller.enqueue(new Uint8Array(65_536));
          },
        },
        { highWaterMark: 0 },
      ),
    }));
    const { body } = await get('/big');
    await new Promise(resolve => setTimeout(resolve, 100));
    expect(pulled).toBeLessThan(3 * 1024 * 1024);
    expect((await new Response(body).arrayBuffer()).byteLength).toBe(32 * 1024 * 1024);
  });

  it('that breaks off is an error, never a short body', async () => {
    serve(() => ({
      body: new ReadableStream<Bytes>({
        start: controller => controller.enqueue(new Uint8Array(10)),
        pull: controller => controller.error(new TunnelError('upstream', 'the source failed')),
      }),
    }));
    const answer = await get('/');
    expect(answer.head.status).toBe(200);
    await expect(new Response(answer.body).arrayBuffer()).rejects.toThrow();
  });

  it('that nobody wants any more is cancelled at its source', async () => {
    let cancelled = false;
    const body = new ReadableStream<Bytes>({
      start: controller => controller.enqueue(new Uint8Array(10)),
      cancel: () => void (cancelled = true),
    });
    serve(() => ({ body }));
    const answer = await get('/');
    await answer.body?.cancel();
    await expect.poll(() => cancelled).toBe(true);
  });

  it.each<[string, (bytes: string) => Uint8Array]>([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['gzip, deflate', bytes => deflateSync(gzipSync(bytes))],
  ])('is decoded once, and its fields say what it was: %s', async (coding, encode) => {
    const body = encode('some text '.repeat(100));
    const fields: [string, string][] = [
      ['Content-Encoding', coding],
      ['Content-Length', String(body.length)],
    ];
    serve(() => ({ fields, body }));
    const answer = await get('/');
    expect(answer.head.fields).toEqual(fields);
    expect(await new Response(answer.body).text()).toBe('some text '.repeat(100));
  });

  it('in a coding that nobody asked for stays as it is', async () => {
    serve(() => ({ fields: [['content-encoding', 'aws-chunked']], body: 'abc' }));
    const answer = await get('/');
    expect(answer.head.fields).toEqual([['content-encoding', 'aws-chunked']]);
    expect(await new Response(answer.body).text()).toBe('abc');
  });

  it('that is cut off in its coding is an error', async () => {
    serve(() => ({ fields: [['content-encoding', 'gzip']], body: gzipSync('text'.repeat(1000)).subarray(0, 20) }));
    await expect(text(get('/'))).rejects.toThrow();
  });

  it('has no body for 204, 304 and HEAD', async () => {
    for (const status of [204, 304]) {
      serve(() => ({ status, body: null }));
      expect((await get('/')).body).toBe(null);
    }
    serve(() => ({
      fields: [
        ['content-length', '5'],
        ['content-encoding', 'gzip'],
      ],
      body: null,
    }));
    const { head, body } = await get('/', { method: 'HEAD' });
    expect([head.fields.length, body]).toEqual([2, null]);
  });
});

describe('a redirect', () => {
  const to = (location: string, status = 302) =>
    serve(({ target }) => (target === '/from' ? { status, fields: [['location', location]] } : { body: target }));

  it('is followed within the app, with the cookies of each step', async () => {
    serve(({ target }) =>
      target === '/from'
        ? {
            status: 302,
            fields: [
              ['Location', 'to/there?x#part'],
              ['Set-Cookie', 'a=1'],
            ],
          }
        : { body: target },
    );
    const { head } = await get('/from');
    expect(head).toMatchObject({
      ...{ status: 200, target: '/to/there?x', fragment: '#part' },
      ...{ redirected: true, location: null },
    });
    expect(lastAsked().fields.cookie).toBe('a=1');
  });

  it.each([
    [301, 'POST', 'GET', null],
    [302, 'POST', 'GET', null],
    [303, 'PUT', 'GET', null],
    [307, 'POST', 'POST', 'A'],
    [308, 'PUT', 'PUT', 'A'],
    [302, 'PUT', 'PUT', 'A'],
  ] as const)('%d of %s goes on as %s', async (status, method, then, body) => {
    to('/to', status);
    const fields: Field[] = [['content-type', 'text/plain']];
    await get('/from', { method, fields }, { body: new Uint8Array([65]) });
    expect(lastAsked()).toMatchObject({ method: then, body });
    expect('content-type' in lastAsked().fields).toBe(body !== null);
  });

  it('is told and not followed when that is wanted, or when it leaves the app', async () => {
    to('/to');
    expect((await get('/from', { redirect: 'manual' })).head).toMatchObject({
      status: 302,
      location: 'https://notes.owndir.invalid/to',
    });
    to('https://elsewhere.example/x');
    expect((await get('/from')).head).toMatchObject({ status: 302, location: 'https://elsewhere.example/x' });
    expect(tunnel.asked).toHaveLength(2);
  });

  it('is an error when it is not wanted, leads nowhere, or never ends', async () => {
    to('/to');
    await expect(get('/from', { redirect: 'error' })).rejects.toThrow('redirect');
    to('http://[');
    await expect(get('/from')).rejects.toThrow('no address');
    to('javascript:alert(1)');
    await expect(get('/from')).rejects.toThrow('javascript:');
    to('/from');
    await expect(get('/from')).rejects.toThrow('20 redirects');
  });
});

describe('cookies', () => {
  it('are kept and sent, and seen by nobody else', async () => {
    serve(() => ({
      fields: [
        ['Set-Cookie', 's=1; HttpOnly'],
        ['set-cookie', 'v=2'],
      ],
      body: '',
    }));
    const { head } = await get('/', { cookies: true });
    expect(head.fields).toEqual([]);
    expect(head.cookies).toEqual([
      { name: 's', value: '', path: '/', expires: null, httpOnly: true },
      { name: 'v', value: '2', path: '/', expires: null, httpOnly: false },
    ]);
    await get('/');
    expect(lastAsked().fields.cookie).toBe('s=1; v=2');
    await get('/', { credentials: false });
    expect(lastAsked().fields.cookie).toBe(undefined);
  });

  it('are told to documents that watch, with what they have set themselves', async () => {
    const told: string[] = [];
    port.oncookies = (cookies, turn) => told.push(`${turn} ${cookies.map(({ name }) => name).join()}`);
    port.watchCookies();
    port.setCookie('a=1', '/x');
    await expect.poll(() => told.at(-1)).toBe('1 a');
    serve(() => ({ fields: [['set-cookie', 'b=1']] }));
    await get('/');
    await expect.poll(() => told.at(-1)).toBe('1 a,b');
  });

  it('stay beyond the page where there is a place for them', async () => {
    let stored: unknown = null;
    const keep = { load: () => stored, save: (cookies: unknown) => (stored = cookies) };
    const options = { app: 'notes', origin: 'https://notes.owndir.invalid', connected: async () => tunnel, keep };
    new Broker(options).setScriptCookie('a=1', '/');
    expect(new Broker(options).jar.scriptText('/')).toBe('a=1');
  });
});

describe('the cache', () => {
  it('answers a second request, but not after an unsafe one', async () => {
    serve(() => ({ fields: [['cache-control', 'max-age=60']], body: 'kept' }));
    expect([await text(get('/x')), await text(get('/x'))]).toEqual(['kept', 'kept']);
    expect(tunnel.asked).toHaveLength(1);
    await get('/x', { method: 'POST' });
    await text(get('/x'));
    expect(tunnel.asked).toHaveLength(3);
  });

  it('gives what it has when the server says that it has not changed', async () => {
    serve(({ fields }) =>
      fields['if-none-match'] === '"1"'
        ? {
            status: 304,
            fields: [
              ['etag', '"1"'],
              ['x-new', '1'],
            ],
          }
        : {
            fields: [
              ['cache-control', 'no-cache'],
              ['etag', '"1"'],
            ],
            body: 'kept',
          },
    );
    await text(get('/x'));
    const second = await get('/x');
    expect(second.head).toMatchObject({ status: 200 });
    expect(second.head.fields).toContainEqual(['x-new', '1']);
    expect(await new Response(second.body).text()).toBe('kept');
  });

  it('does not keep what broke off', async () => {
    serve(() => ({
      fields: [['cache-control', 'max-age=60']],
      body: new ReadableStream<Bytes>({ pull: controller => controller.error(new TunnelError('upstream', 'broke')) }),
    }));
    await expect(text(get('/x'))).rejects.toThrow();
    expect(broker.cache.count).toBe(0);
  });
});

describe('a WebSocket', () => {
  const open = (protocols: string[] = []) => {
    const seen: unknown[] = [];
    const socket = port.openSocket(
      '/ws',
      { protocols },
      {
        opened: protocol => seen.push(['opened', protocol]),
        message: data => void seen.push(['message', data]),
        sent: bytes => void seen.push(['sent', bytes]),
        closed: (code, reason, clean) => seen.push(['closed', code, reason, clean]),
      },
    );
    return { socket, seen };
  };

  it('opens with protocol, origin and cookies, and carries messages and closes', async () => {
    broker.setScriptCookie('a=1', '/');
    const { socket, seen } = open(['chat', 'old']);
    await expect.poll(() => seen).toEqual([['opened', 'chat']]);
    const other = tunnel.sockets[0] ?? expect.unreachable();
    expect(other.fields).toContainEqual(['origin', 'https://notes.owndir.invalid']);
    expect(other.fields).toContainEqual(['cookie', 'a=1']);
    expect(other.fields).toContainEqual(['owndir-app', 'notes']);
    socket.send('text');
    socket.send(new Uint8Array([1, 2]));
    await expect.poll(() => other.socket.sent).toEqual(['text', new Uint8Array([1, 2])]);
    void other.socket.onmessage?.(new Uint8Array([3]));
    socket.close(4000, 'done');
    await expect
      .poll(() => seen.slice(1))
      .toEqual([
        ['sent', 4],
        ['sent', 2],
        ['message', new Uint8Array([3])],
        ['closed', 4000, 'done', true],
      ]);
  });

  it('brings the cookies of its handshake', async () => {
    tunnel.socketFields = [['Set-Cookie', 'a=1; Path=/']];
    const { seen } = open();
    await expect.poll(() => seen).toEqual([['opened', '']]);
    expect(broker.jar.scriptText('/')).toBe('a=1');
  });

  it('that cannot be opened, or breaks, is closed with 1006', async () => {
    tunnel.onSocket = () => {
      throw new TunnelError('refused', 'status 403', { status: 403 });
    };
    const refused = open();
    await expect.poll(() => refused.seen).toEqual([['closed', 1006, '', false]]);
    tunnel.onSocket = () => undefined;
    const broken = open();
    await expect.poll(() => tunnel.sockets.length).toBe(1);
    tunnel.sockets[0]?.socket.onclose?.(1006, 'gone');
    await expect.poll(() => broken.seen.at(-1)).toEqual(['closed', 1006, '', false]);
  });

  it('holds messages back that are not taken', async () => {
    raw.postMessage({ type: 'socket', id: 77, target: '/ws', protocols: [] });
    await expect.poll(() => tunnel.sockets.length).toBe(1);
    const { socket } = tunnel.sockets[0] ?? expect.unreachable();
    await expect.poll(() => socket.onmessage).not.toBe(null);
    let held: unknown;
    for (let at = 0; at < 6 && !held; at += 1) held = socket.onmessage?.(new Uint8Array(1024 * 1024));
    expect(held).toBeInstanceOf(Promise);
    raw.postMessage({ type: 'taken', id: 77, bytes: 5 * 1024 * 1024 });
    await held;
  });

  it('ends when its client sends more than it may', async () => {
    const { socket, seen } = open();
    await expect.poll(() => seen.length).toBe(1);
    const other = tunnel.sockets[0]?.socket ?? expect.unreachable();
    other.hold = new Promise(() => undefined);
    for (let at = 0; at < 4; at += 1) socket.send(new Uint8Array(portLimits.socketMessage));
    await expect.poll(() => seen.at(-1)).toEqual(['closed', 1006, '', false]);
    expect(other.sent).toHaveLength(1);
  });
});

describe('a port', () => {
  it.each([
    [null],
    ['fetch'],
    [{ type: 'fetch' }],
    [{ type: 'fetch', id: 1.5 }],
    [{ type: 'fetch', id: 1, head: request('no-slash'), body: null, credit: 1 }],
    [{ type: 'fetch', id: 1, head: request('/', { method: 'A B' }), body: null, credit: 1 }],
    [{ type: 'fetch', id: 1, head: request('/', { fields: [['a', 'b\r\nc: d']] }), body: null, credit: 1 }],
    [{ type: 'fetch', id: 1, head: request('/', { fields: [['a b', '']] }), body: null, credit: 1 }],
    [{ type: 'fetch', id: 1, head: request('/'), body: null, credit: 1e12 }],
    [{ type: 'fetch', id: 1, head: request('/'), body: 'text', credit: 1 }],
    [{ type: 'socket', id: 1, target: '/', protocols: ['a b'] }],
    [{ type: 'close', id: 1, code: 70_000, reason: '' }],
    [{ type: 'credit', id: 1, bytes: -1 }],
    [{ type: 'cookie', path: 'x', text: '' }],
    [{ type: 'send', id: 1, data: 5 }],
  ])('does not take %j', message => expect(parseToBroker(message)).toBe(null));

  it('has a limit of open requests, and ends them with it', async () => {
    serve(() => new Promise(() => undefined));
    const answers = Array.from({ length: portLimits.open }, () => get('/'));
    for (const answer of answers) answer.catch(() => undefined);
    await expect(get('/one-more')).rejects.toThrow('Too many');
    port.close();
    await expect.poll(() => tunnel.asked.every(({ signal }) => signal?.aborted)).toBe(true);
    await expect(answers[0]).rejects.toThrow('gone');
  });

  it('ends a request whose body is more than was allowed', async () => {
    serve(() => new Promise(() => undefined));
    const said: unknown[] = [];
    raw.addEventListener('message', event => void said.push(event.data));
    raw.postMessage({ type: 'fetch', id: 9, head: request('/', { method: 'POST' }), body: 'stream', credit: 0 });
    raw.postMessage({ type: 'data', id: 9, bytes: new Uint8Array(portLimits.bodyCredit + 1) });
    await expect.poll(() => said.at(-1)).toMatchObject({ type: 'fail', id: 9 });
  });
});

describe('HTTP Basic', () => {
  const realm: Field[] = [['www-authenticate', 'Basic realm="notes"']];
  const right = `Basic ${btoa('anna:pass')}`;
  let asked: string[];
  let answers: ({ name: string; password: string } | null)[];

  beforeEach(() => {
    broker.close();
    asked = [];
    answers = [];
    const askLogin = async ({ realm: name, refused }: { realm: string; refused: boolean }) => {
      asked.push(`${name}${refused ? ' again' : ''}`);
      return answers.shift() ?? null;
    };
    broker = new Broker({
      ...{ app: 'notes', origin: 'https://notes.owndir.invalid', askLogin },
      connected: async () => tunnel,
    });
    port = attach();
    serve(({ fields, body }) =>
      fields.authorization === right
        ? { body: `in ${body ?? ''}` }
        : { status: 401, fields: [...realm, ['cache-control', 'max-age=60']], body: 'out' },
    );
  });
  const sent = () => tunnel.asked.map(({ fields }) => fields.authorization ?? '-');

  it('asks for a name and a password until they are taken, with the body again', async () => {
    answers = [
      { name: 'anna', password: 'guess' },
      { name: 'anna', password: 'pass' },
    ];
    const body = new Uint8Array([65]);
    expect(await text(get('/a/b', { method: 'POST' }, { body }))).toBe('in A');
    expect(asked).toEqual(['notes', 'notes again']);
    expect(await text(get('/a/c'))).toBe('in ');
    expect(sent()).toEqual(['-', `Basic ${btoa('anna:guess')}`, right, right]);
  });

  it('gives the refusal when the person declines, and does not keep it in the cache', async () => {
    expect(await text(get('/a', { navigation: true }))).toBe('out');
    expect(await text(get('/a', { navigation: true }))).toBe('out');
    expect(asked).toEqual(['notes', 'notes']);
    expect(sent()).toEqual(['-', '-']);
  });

  it('asks nobody without credentials, for an Authorization of the app’s own, or for another scheme', async () => {
    answers = [{ name: 'anna', password: 'pass' }];
    expect(await text(get('/a', { credentials: false }))).toBe('out');
    expect(await text(get('/a', { fields: [['Authorization', 'Bearer x']] }))).toBe('out');
    serve(() => ({ status: 401, fields: [['www-authenticate', 'Bearer']], body: 'out' }));
    expect(await text(get('/a'))).toBe('out');
    expect(asked).toEqual([]);
  });

  it('cannot send a streamed body again, but signs in for what comes next', async () => {
    answers = [{ name: 'anna', password: 'pass' }];
    const long = new Response(new Uint8Array(300_000)).body;
    expect(await text(get('/a', { method: 'POST' }, { body: long }))).toBe('out');
    expect(await text(get('/a'))).toBe('in ');
    expect(asked).toEqual(['notes']);
  });

  it('goes with the handshake of a WebSocket, and once more where the directory was another', async () => {
    answers = [{ name: 'anna', password: 'pass' }];
    await text(get('/a/b'));
    await broker.openSocket({ target: '/a/ws', protocols: [], fields: [] }, AbortSignal.timeout(5000));
    tunnel.onSocket = () => {
      tunnel.onSocket = () => undefined;
      throw new TunnelError('refused', 'no', { status: 401 });
    };
    await broker.openSocket({ target: '/ws', protocols: [], fields: [] }, AbortSignal.timeout(5000));
    const handshakes = tunnel.sockets.map(({ fields }) => fields.find(([name]) => name === 'authorization')?.[1]);
    expect(handshakes).toEqual([right, right]);
  });
});
