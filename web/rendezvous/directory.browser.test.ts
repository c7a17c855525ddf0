// The rendezvous library on a real directory handle, and the tunnel over two real peers, in Chromium on file://.
import { rendezvousLimits } from '../generated/protocol.ts';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumIsMissing, openLibrariesPage, type LibrariesPage } from '../testing/browser.ts';
import type { Libraries } from '../testing/libraries_page.ts';

type Rendezvous = InstanceType<Libraries['RendezvousClient']>;

declare const libraries: Libraries;
declare let kept: { [name: string]: unknown };

const client = '0123456789abcdef';
const server = '00112233445566aa';

describe.skipIf(chromiumIsMissing)('in Chromium on file:// (skipped where /usr/bin/chromium is missing)', () => {
  let bench: LibrariesPage;
  let folder: string;
  let handshake: string;

  beforeAll(async () => {
    bench = await openLibrariesPage();
    folder = join(bench.directory, 'folder');
    handshake = join(folder, '.owndir/.wrtc-proxy');
    mkdirSync(handshake, { recursive: true });
    await bench.page.evaluate(() => void Object.assign(globalThis, { kept: {} }));
    await bench.drop(folder);
  });
  afterAll(() => bench?.close());

  /** Appears as sync tools make files appear: by a rename. */
  function deliver(name: string, text: string): void {
    writeFileSync(join(handshake, '.syncthing.tmp'), text);
    renameSync(join(handshake, '.syncthing.tmp'), join(handshake, name));
  }

  async function offerFile(): Promise<string> {
    let found: string | undefined;
    await expect
      .poll(() => (found = readdirSync(handshake).find(name => name.startsWith('offer-'))), { timeout: 10_000 })
      .toBeTruthy();
    return found ?? '';
  }

  it('finds the handshake directory from the folder, from .owndir, and by its own name', async () => {
    const found = await bench.page.evaluate(async () => {
      const root = (await libraries.dropped) as FileSystemDirectoryHandle;
      const owndir = await root.getDirectoryHandle('.owndir');
      const inner = await owndir.getDirectoryHandle('.wrtc-proxy');
      const kinds = [];
      for (const handle of [root, owndir, inner]) {
        const result = await libraries.locate(handle);
        kinds.push(result.ok ? [result.kind, result.handshake.name] : result.reason);
        if (result.ok) kept.handshake = result.handshake;
      }
      return kinds;
    });
    expect(found).toEqual([
      ['folder', '.wrtc-proxy'],
      ['owndir', '.wrtc-proxy'],
      ['handshake', '.wrtc-proxy'],
    ]);
  });

  it('says what is missing', async () => {
    mkdirSync(join(folder, 'plain'));
    mkdirSync(join(folder, 'new/.owndir'), { recursive: true });
    writeFileSync(join(folder, 'file.txt'), '');
    const reasons = await bench.page.evaluate(async () => {
      const root = (await libraries.dropped) as FileSystemDirectoryHandle;
      const handles = [
        await root.getDirectoryHandle('plain'),
        await root.getDirectoryHandle('new'),
        await root.getFileHandle('file.txt'),
      ];
      const results = await Promise.all(handles.map(handle => libraries.locate(handle)));
      return results.map(result => (result.ok ? 'ok' : result.reason));
    });
    expect(reasons).toEqual(['not_owndir', 'no_handshake_directory', 'file']);
  });

  it('reads the newest presence of each server', async () => {
    const record = (state: string, created: number) =>
      JSON.stringify({ v: 1, type: 'presence', server, name: 'home', state, created, every_s: 3600, ice_servers: [] });
    deliver(`server-${server}-5.json`, record('up', 5));
    deliver(`server-${server}-12.json`, record('down', 12));
    deliver(`server-${server}-13.json`, '{"v":1,');
    deliver('server-conflict.json', record('up', 99));
    const presence = await bench.page.evaluate(clientId => {
      const rendezvous = new libraries.RendezvousClient(kept.handshake as FileSystemDirectoryHandle, {
        clientId,
        name: 'Test phone',
      });
      kept.rendezvous = rendezvous;
      return rendezvous.presence();
    }, client);
    expect(presence).toMatchObject([{ server, state: 'down', n: 12, name: 'home' }]);
    expect(presence[0]?.lastModified).toBeGreaterThan(1_600_000_000_000);
  });

  it('exchanges offer and answer, and leaves nothing behind', async () => {
    await bench.page.evaluate(() => {
      const rendezvous = kept.rendezvous as Rendezvous;
      kept.notes = [];
      kept.answer = rendezvous.exchange('v=0 offered\r\n', {
        onProgress: progress => void (kept.notes as unknown[]).push(progress),
      });
    });
    const name = await offerFile();
    const bytes = readFileSync(join(handshake, name));
    expect(JSON.parse(bytes.toString())).toMatchObject({
      v: 1,
      type: 'offer',
      client,
      name: 'Test phone',
      valid_s: rendezvousLimits.offerValidS,
    });
    expect(readdirSync(handshake).filter(entry => entry.includes('part') || entry.includes('crswap'))).toEqual([]);
    const offer = name.slice('offer-'.length + client.length + 1, -'.json'.length);
    const answer = (digest: string, sdp: string) =>
      JSON.stringify({
        ...{ v: 1, type: 'answer', client, offer, server, nonce: client, created: 1, valid_s: 600, name: 'home' },
        ...{ offer_digest: digest, sdp },
      });
    const digest = createHash('sha256').update(bytes).digest('hex');
    deliver(`answer-${client}-${offer}-${server}-8.json`, answer('0'.repeat(64), 'v=0 forged\r\n'));
    // Made in place and filled later, as some tools do.
    const last = join(handshake, `answer-${client}-${offer}-${server}-7.json`);
    writeFileSync(last, answer(digest, 'v=0 answered\r\n').slice(0, 40));
    writeFileSync(last, answer(digest, 'v=0 answered\r\n'));
    const got = await bench.page.evaluate(() => kept.answer as ReturnType<Rendezvous['exchange']>);
    expect(got).toMatchObject({ server, n: 7, sdp: 'v=0 answered\r\n', offerDigest: digest });
    await bench.page.evaluate(() => (kept.rendezvous as Rendezvous).spent());
    expect(existsSync(join(handshake, name))).toBe(false);
    const notes = await bench.page.evaluate(() => kept.notes as { state: string }[]);
    expect(notes.slice(0, 2)).toMatchObject([{ state: 'writing' }, { state: 'waiting', fileName: name, note: null }]);
  });

  it('stops waiting when it is cancelled', async () => {
    const outcome = bench.page.evaluate(async () => {
      const rendezvous = kept.rendezvous as Rendezvous;
      const abort = new AbortController();
      kept.abort = abort;
      const code = await rendezvous
        .exchange('v=0\r\n', { signal: abort.signal })
        .catch((error: { code: string }) => error.code);
      await rendezvous.spent();
      return code;
    });
    const name = await offerFile();
    await bench.page.evaluate(() => (kept.abort as AbortController).abort());
    expect(await outcome).toBe('cancelled');
    expect(existsSync(join(handshake, name))).toBe(false);
  });

  it('removes what an earlier page left, but not what another tab waits with', async () => {
    for (const name of readdirSync(handshake)) rmSync(join(handshake, name));
    const foreign = `offer-${'f'.repeat(16)}-${'1'.repeat(16)}.json`;
    const stale = `offer-${client}-${'2'.repeat(16)}.json`;
    for (const name of [foreign, stale, `.part-${client}-x`, `.part-${client}-x.crswap`])
      writeFileSync(join(handshake, name), '{}');
    await bench.page.evaluate(async clientId => {
      const handle = kept.handshake as FileSystemDirectoryHandle;
      const other = new libraries.RendezvousClient(handle, { clientId, name: 'Other tab' });
      kept.other = other;
      kept.abort = new AbortController();
      const { signal } = kept.abort as AbortController;
      kept.waiting = other.exchange('v=0\r\n', { signal }).catch(() => 'cancelled');
    }, client);
    const offers = () => readdirSync(handshake).filter(name => name.startsWith(`offer-${client}`));
    await expect.poll(() => offers().length, { timeout: 10_000 }).toBe(2);
    await bench.page.evaluate(() => (kept.rendezvous as Rendezvous).removeLeftovers());
    const left = readdirSync(handshake);
    expect(left).toContain(foreign);
    expect(left).toHaveLength(2);
    await bench.page.evaluate(async () => {
      (kept.abort as AbortController).abort();
      await kept.waiting;
      await (kept.other as Rendezvous).spent();
    });
    expect(readdirSync(handshake)).toEqual([foreign]);
  });

  it.each([
    ['in the worker', true],
    ['on the page', false],
  ])('runs the tunnel over two peers, %s', async (_, inWorker) => {
    const result = await bench.page.evaluate(async wanted => {
      const host = new libraries.TunnelHost(wanted ? {} : { startWorker: null });
      await host.ready;
      const peer = new libraries.Peer({ openTunnel: channels => host.openTunnel(channels) });
      const states: string[] = [];
      peer.onState(state => states.push(state));
      const answer = await libraries.answerHere(await peer.createOffer());
      const { tunnel } = peer;
      await peer.acceptAnswer(answer.sdp);
      await tunnel.ready;
      const sizes = await Promise.all(
        [0, 1, 100_000, 3_000_000].map(async size => {
          const response = await tunnel.fetch({ method: 'GET', target: `/bytes?${size}` });
          const bytes = await response.bytes();
          return bytes.every(byte => byte === 7) ? bytes.length : -1;
        }),
      );
      const body = new Blob([new Uint8Array(2_000_000)]).stream();
      const uploaded = await tunnel.fetch({ method: 'POST', target: '/', body });
      const echoed = await uploaded.text();
      const report = await peer.candidates();
      answer.close();
      await tunnel.closed;
      peer.close();
      const { selected, pairs } = report;
      return { sizes, echoed, states, selected, pairs, inWorker: host.inWorker };
    }, inWorker);
    expect(result.inWorker).toBe(inWorker);
    expect(result.sizes).toEqual([0, 1, 100_000, 3_000_000]);
    expect(result.echoed).toBe('2000000');
    expect(result.selected?.protocol).toBe('udp');
    expect(result.pairs.succeeded).toBeGreaterThan(0);
    expect(result.states).toContain('connected');
    expect(result.states.at(-1)).toBe('closed');
  });

  it('shows no error on the page', () => {
    expect(bench.log.filter(line => line.startsWith('page error'))).toEqual([]);
  });
});
