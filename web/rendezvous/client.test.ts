import { rendezvousLimits } from '../generated/protocol.ts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sha256, utf8 } from '../base/bytes.ts';
import { RendezvousClient, type Progress } from './client.ts';
import { locate } from './directory.ts';
import type { RendezvousError } from './error.ts';
import { makeOfferText, readAnswerText } from './manual.ts';
import { startTicker } from './patience.ts';
import { parseName, type Answer } from './record.ts';
import { FakeDirectory } from './testing/fake_directory.ts';

const clientId = '0123456789abcdef';
const server = '00112233445566aa';

let directory: FakeDirectory;
let client: RendezvousClient;

beforeEach(() => {
  vi.useFakeTimers();
  directory = new FakeDirectory('.wrtc-proxy');
  client = new RendezvousClient(directory.handle, { clientId, name: 'Anna’s phone\n' });
});
afterEach(() => {
  const left = vi.getTimerCount();
  vi.useRealTimers();
  expect(left).toBe(0);
});

interface Running {
  outcome: Promise<Answer | RendezvousError>;
  progress: Progress[];
  abort: AbortController;
  offer: string;
  fileName: string;
}

/** Starts an exchange and waits until its offer is written. */
async function begin(sdp = 'v=0 offer\r\n'): Promise<Running> {
  const abort = new AbortController();
  const progress: Progress[] = [];
  const outcome = client
    .exchange(sdp, { signal: abort.signal, onProgress: step => progress.push(step) })
    .catch((error: unknown) => error as RendezvousError);
  await vi.waitFor(() => expect(progress.at(-1)?.state).toBe('waiting'));
  const step = progress.at(-1);
  const fileName = step?.state === 'waiting' ? step.fileName : '';
  const name = parseName(fileName);
  return { outcome, progress, abort, offer: name?.type === 'offer' ? name.offer : '', fileName };
}

async function answerTo(running: Running, changes: { [key: string]: unknown } = {}): Promise<string> {
  const digest = await sha256(directory.files.get(running.fileName)?.bytes ?? new Uint8Array());
  const { offer } = running;
  return JSON.stringify({
    ...{ v: 1, type: 'answer', client: clientId, offer, server, nonce: clientId, created: 1, valid_s: 600 },
    ...{ name: 'home', offer_digest: digest, sdp: 'v=0 answer\r\n', ...changes },
  });
}

const answerName = (running: Running, n: number, by = server) => `answer-${clientId}-${running.offer}-${by}-${n}.json`;

describe('an exchange', () => {
  it('writes one complete offer and takes its answer', async () => {
    const running = await begin();
    expect(directory.names).toEqual([running.fileName]);
    expect(JSON.parse(directory.text(running.fileName))).toMatchObject({
      ...{
        v: 1,
        type: 'offer',
        client: clientId,
        valid_s: rendezvousLimits.offerValidS,
        name: 'Anna’s phone',
        sdp: 'v=0 offer\r\n',
      },
    });
    directory.put(answerName(running, 5), await answerTo(running));
    await vi.advanceTimersByTimeAsync(1000);
    expect(await running.outcome).toMatchObject({ server, n: 5, sdp: 'v=0 answer\r\n' });
    expect(directory.names).toContain(running.fileName);
    await client.spent();
    expect(directory.names).not.toContain(running.fileName);
    await client.spent();
  });

  it('never shows a record’s name before it is complete', async () => {
    const running = await begin();
    expect([...directory.seen].filter(name => parseName(name) !== null)).toEqual([running.fileName]);
    expect([...directory.seen].some(name => /^\.part-.*\.json$/.test(name))).toBe(true);
    running.abort.abort();
    await running.outcome;
  });

  it('writes directly where files cannot be renamed', async () => {
    directory.canMove = false;
    const running = await begin();
    expect(directory.names).toEqual([running.fileName]);
    expect(directory.text(running.fileName)).toContain('v=0 offer');
    running.abort.abort();
    await running.outcome;
  });

  it('takes the answer with the largest n, of any server', async () => {
    const running = await begin();
    const other = 'ffffffffffffffff';
    directory.put(answerName(running, 9), await answerTo(running, { sdp: 'nine' }));
    directory.put(answerName(running, 10, other), await answerTo(running, { server: other, sdp: 'ten' }));
    await vi.advanceTimersByTimeAsync(1000);
    expect(await running.outcome).toMatchObject({ sdp: 'ten', server: other });
  });

  it('reads an answer again that is half-written at first', async () => {
    const running = await begin();
    const text = await answerTo(running);
    directory.put(answerName(running, 5), '');
    await vi.advanceTimersByTimeAsync(1000);
    directory.put(answerName(running, 5), text.slice(0, 50));
    await vi.advanceTimersByTimeAsync(1000);
    expect(running.progress.at(-1)).toMatchObject({ note: null });
    directory.put(answerName(running, 5), text);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await running.outcome).toMatchObject({ n: 5 });
  });

  it('says so when an answer stays malformed, and goes on waiting', async () => {
    const running = await begin();
    directory.put(answerName(running, 5), '{"v":');
    await vi.advanceTimersByTimeAsync(5000);
    expect(running.progress.at(-1)).toMatchObject({ note: expect.stringContaining('JSON') as string });
    directory.put(answerName(running, 6), await answerTo(running));
    await vi.advanceTimersByTimeAsync(1000);
    expect(await running.outcome).toMatchObject({ n: 6 });
  });

  it.each<[string, { [key: string]: unknown }, string]>([
    ['was made for other bytes', { offer_digest: '0'.repeat(64) }, 'changed on its way'],
    ['is of a later version', { v: 2 }, 'newer'],
    ['has other ids than its name', { client: 'ffffffffffffffff' }, 'ids'],
  ])('refuses an answer that %s, at once', async (_, changes, note) => {
    const running = await begin();
    directory.put(answerName(running, 5), await answerTo(running, changes));
    await vi.advanceTimersByTimeAsync(2000);
    expect(running.progress.at(-1)).toMatchObject({ note: expect.stringContaining(note) as string });
    running.abort.abort();
    expect(await running.outcome).toMatchObject({ code: 'cancelled' });
  });

  it('ignores conflict copies, temporary files and answers to other offers', async () => {
    const running = await begin();
    const text = await answerTo(running);
    for (const name of [
      answerName(running, 5).replace('.json', '.sync-conflict-20260101-000000-ABC.json'),
      `.syncthing.${answerName(running, 5)}.tmp`,
      answerName(running, 5).replace('.json', ' (1).json'),
      `answer-${clientId}-${'f'.repeat(16)}-${server}-5.json`,
      `answer-${'f'.repeat(16)}-${running.offer}-${server}-5.json`,
    ])
      directory.put(name, text);
    await vi.advanceTimersByTimeAsync(3000);
    expect(running.progress.at(-1)).toMatchObject({ note: null });
    running.abort.abort();
    expect(await running.outcome).toMatchObject({ code: 'cancelled' });
  });

  it('takes a new File when the old one has gone stale', async () => {
    const running = await begin();
    directory.stale = 2;
    directory.put(answerName(running, 5), await answerTo(running));
    await vi.advanceTimersByTimeAsync(2000);
    expect(await running.outcome).toMatchObject({ n: 5 });
  });

  it('reports the time once a second, and gives up after the validity and a minute', async () => {
    const running = await begin();
    const seconds = rendezvousLimits.offerValidS + 60;
    await vi.advanceTimersByTimeAsync((seconds - 1) * 1000);
    const waited = running.progress.flatMap(step => (step.state === 'waiting' ? [step.waitedMs] : []));
    expect(waited.length).toBe(seconds);
    expect(running.progress.at(-1)).toMatchObject({ waitedMs: (seconds - 1) * 1000, remainingMs: 1000 });
    await vi.advanceTimersByTimeAsync(1000);
    expect(await running.outcome).toMatchObject({ code: 'timeout' });
  });

  it('counts the time that the device slept', async () => {
    const running = await begin();
    vi.setSystemTime(Date.now() + 3_600_000);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await running.outcome).toMatchObject({ code: 'timeout' });
  });

  it('waits on while the directory is away, says so, and takes the answer when it is back', async () => {
    const running = await begin();
    const text = await answerTo(running);
    directory.broken = 'NotFoundError';
    await vi.advanceTimersByTimeAsync(3000);
    expect(running.progress.at(-1)).toMatchObject({ note: expect.stringContaining('no longer there') as string });
    directory.broken = null;
    directory.files.delete(running.fileName);
    await vi.advanceTimersByTimeAsync(2000);
    expect(running.progress.at(-1)).toMatchObject({ note: expect.stringContaining('not in the handshake') as string });
    directory.put(answerName(running, 5), text);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await running.outcome).toMatchObject({ n: 5 });
  });

  it('fails at once when the permission is taken away', async () => {
    const running = await begin();
    directory.broken = 'NotAllowedError';
    await vi.advanceTimersByTimeAsync(1000);
    expect(await running.outcome).toMatchObject({ code: 'denied' });
  });

  it.each([
    ['NotFoundError', 'gone'],
    ['NotAllowedError', 'denied'],
    ['NoModificationAllowedError', 'denied'],
    ['QuotaExceededError', 'io'],
    ['InvalidStateError', 'io'],
  ])('fails with a code when writing meets %s', async (fault, code) => {
    directory.broken = fault;
    await expect(client.exchange('v=0\r\n', {})).rejects.toMatchObject({ code });
    directory.broken = null;
    await client.spent();
  });

  it('leaves no temporary file when the rename fails', async () => {
    directory.canMove = true;
    const original = directory.getFileHandle.bind(directory);
    directory.getFileHandle = async (name, options) =>
      Object.assign(await original(name, options), { move: () => Promise.reject(new DOMException('x', 'AbortError')) });
    await expect(client.exchange('v=0\r\n', {})).rejects.toMatchObject({ code: 'io' });
    expect(directory.names).toEqual([]);
  });

  it('refuses a description that fits in no record', async () => {
    await expect(client.exchange('a'.repeat(20_000), {})).rejects.toMatchObject({ code: 'too_large' });
    expect(directory.names).toEqual([]);
  });

  it('does not start when it is cancelled already', async () => {
    await expect(client.exchange('v=0', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
    expect(directory.names).toEqual([]);
  });

  it('removes the last offer before it writes the next', async () => {
    const first = await begin();
    first.abort.abort();
    await first.outcome;
    const second = await begin();
    expect(directory.names).toEqual([second.fileName]);
    expect(second.offer).not.toBe(first.offer);
    second.abort.abort();
    await second.outcome;
  });
});

describe('presence', () => {
  const record = (id: string, changes: object) =>
    JSON.stringify({
      ...{ v: 1, type: 'presence', server: id, name: 'home', state: 'up', created: 1, every_s: 3600 },
      ...{ ice_servers: ['stun:stun.example.org:3478'], ...changes },
    });

  it('is the newest record of each server that can be read, newest first', async () => {
    const other = 'ffffffffffffffff';
    directory.put(`server-${server}-9.json`, record(server, { created: 9 }));
    directory.put(`server-${server}-10.json`, record(server, { created: 10, state: 'down' }));
    directory.put(`server-${server}-11.json`, 'half');
    directory.put(`server-${other}-20.json`, record(other, { created: 20, name: 'cellar' }));
    directory.put(`server-${server}-12.sync-conflict-20260101-000000-ABC.json`, record(server, { created: 12 }));
    expect(await client.presence()).toMatchObject([
      { server: other, name: 'cellar', n: 20, iceServers: ['stun:stun.example.org:3478'] },
      { server, state: 'down', n: 10 },
    ]);
  });

  it('is empty where no server has been, and an error where nothing can be read', async () => {
    expect(await client.presence()).toEqual([]);
    directory.broken = 'NotAllowedError';
    await expect(client.presence()).rejects.toMatchObject({ code: 'denied' });
  });
});

describe('leftovers', () => {
  it('are this client’s own offers and temporary files', async () => {
    const foreign = `offer-${'f'.repeat(16)}-${'1'.repeat(16)}.json`;
    for (const name of [`offer-${clientId}-${'2'.repeat(16)}.json`, `.part-${clientId}-x`, foreign, 'note.txt'])
      directory.put(name, '{}');
    const running = await begin();
    await client.removeLeftovers();
    expect(directory.names.sort()).toEqual(['note.txt', running.fileName, foreign].sort());
    running.abort.abort();
    await running.outcome;
  });
});

describe('locate', () => {
  it('says what is missing', async () => {
    const folder = new FakeDirectory('Photos');
    expect(await locate(folder.handle)).toEqual({ ok: false, reason: 'not_owndir' });
    folder.files.set('.owndir', { bytes: new Uint8Array(), lastModified: 0 });
    expect(await locate(folder.handle)).toEqual({ ok: false, reason: 'not_owndir' });
    folder.files.clear();
    const owndir = new FakeDirectory('.owndir');
    folder.directories.set('.owndir', owndir);
    expect(await locate(folder.handle)).toEqual({ ok: false, reason: 'no_handshake_directory' });
    owndir.directories.set('.wrtc-proxy', directory);
    expect(await locate(folder.handle)).toMatchObject({ ok: true, kind: 'folder' });
    expect(await locate(owndir.handle)).toMatchObject({ ok: true, kind: 'owndir' });
    expect(await locate(directory.handle)).toMatchObject({ ok: true, kind: 'handshake' });
    folder.broken = 'NotAllowedError';
    expect(await locate(folder.handle)).toEqual({ ok: false, reason: 'denied' });
    expect(await locate({ kind: 'file', name: 'x' } as FileSystemHandle)).toEqual({ ok: false, reason: 'file' });
  });
});

describe('the exchange by hand', () => {
  it('accepts the answer to the offer and no other', async () => {
    const offer = await makeOfferText('v=0\r\n', { clientId, name: 'phone', server });
    expect(offer.name).toBe(`offer-${clientId}-${offer.offer}.json`);
    expect(await sha256(utf8(offer.text))).toBe(offer.digest);
    expect(JSON.parse(offer.text)).toMatchObject({ to: server, valid_s: rendezvousLimits.offerValidS });
    const answer = (changes: object) =>
      JSON.stringify({
        ...{
          v: 1,
          type: 'answer',
          client: clientId,
          offer: offer.offer,
          server,
          nonce: server,
          created: 1,
          valid_s: 9,
        },
        ...{ name: 'home', offer_digest: offer.digest, sdp: 'v=0 answer', ...changes },
      });
    expect(readAnswerText(` \n${answer({})}\r\n`, offer)).toMatchObject({ sdp: 'v=0 answer', n: 0 });
    const code = (text: string) => {
      try {
        readAnswerText(text, offer);
        return 'none';
      } catch (error) {
        return (error as RendezvousError).code;
      }
    };
    expect(code(answer({ offer: 'f'.repeat(16) }))).toBe('foreign');
    expect(code(answer({ offer_digest: '0'.repeat(64) }))).toBe('foreign');
    expect(code(answer({ v: 9 }))).toBe('unsupported');
    expect(code(offer.text)).toBe('malformed');
    expect(code('')).toBe('malformed');
    expect(code('x'.repeat(20_000))).toBe('too_large');
  });
});

describe('a ticker', () => {
  it('ticks until it is closed, whatever its listener does', async () => {
    let ticks = 0;
    const log = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const ticker = startTicker(100, () => {
      ticks++;
      throw new Error('fault of the listener');
    });
    await vi.advanceTimersByTimeAsync(350);
    expect(ticks).toBe(3);
    expect(log).toHaveBeenCalledTimes(3);
    ticker.close();
    ticker.close();
    await vi.advanceTimersByTimeAsync(1000);
    expect(ticks).toBe(3);
    log.mockRestore();
  });
});
