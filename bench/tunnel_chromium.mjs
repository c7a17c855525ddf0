// The tunnel between real Chromium and the native end, against bare data channels from the native program and from libdatachannel to the
// same page, turn by turn in one run. As bench/tunnel.mjs reports it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBrowser, openPage } from '../tests/support/chromium.mjs';
import { whyNot } from '../tests/support/needs.mjs';
import { require, root } from '../tests/support/paths.mjs';
import { End, median, programOf, short } from './tunnel.mjs';

export const names = [
  'tunnel.browser.download', 'tunnel.browser.download.16', 'tunnel.browser.upload', 'tunnel.browser.upload.16',
  'tunnel.browser.get.1', 'tunnel.browser.get.16', 'tunnel.browser.get.64',
];

const bytes = 32 << 20;
const count = 5;

async function openBench(t) {
  const { outputFiles } = await require('esbuild').build({
    entryPoints: [join(root, 'bench/tunnel_page.ts')], bundle: true, write: false, format: 'iife', target: 'chrome120',
  });
  const file = join(t.directory, 'bench.html');
  writeFileSync(file, `<!doctype html><title>bench</title><script>${outputFiles[0].text.replace(/<\/script/g, '<\\/script')}</script>`);
  const page = await openPage(t, await openBrowser(t), file);
  page.setDefaultTimeout(120_000);
  return page;
}

async function connectAll(t, page, programs) {
  const ends = [];
  for (const kind of ['raw', 'tunnel', 'libdatachannel']) {
    const program = await programOf(programs, kind, 'far');
    if (!program) {
      console.error('./dev bench: node-datachannel cannot be installed here; there is no comparison with it');
      continue;
    }
    const end = new End(t, program);
    end.say(await page.evaluate((name) => globalThis.bench.offer(name), kind));
    const answer = await end.read();
    await page.evaluate(([name, sdp]) => globalThis.bench.accept(name, sdp), [kind, answer]);
    ends.push({ kind, end });
  }
  return ends;
}

/** `act(kind)` at every end in turns; the samples of each kind. */
async function rounds(ends, act) {
  const all = Object.fromEntries(ends.map(({ kind }) => [kind, []]));
  for (let round = -1; round < count; round++) {
    for (const { kind, end } of ends) {
      const before = end.cpu;
      const sample = { ...(await act(kind)), cpu: end.cpu - before };
      if (round >= 0) all[kind].push(sample); // in the one before, windows open and code is compiled
    }
  }
  return all;
}

const ratio = (ours, theirs, figure) => short(median(ours.map((each, index) => figure(each) / figure(theirs[index]))), 3);

export async function measure(t, wanted, programs, print) {
  const lacking = await whyNot('chromium');
  if (lacking) throw new Error(lacking);
  const page = await openBench(t);
  const ends = await connectAll(t, page, programs);
  for (const name of wanted) {
    const [, , what, last] = name.split('.');
    const number = Number(last ?? 1);
    if (what === 'get') {
      const asked = number === 1 ? 300 : 1000;
      const all = await rounds(ends, (kind) => page.evaluate(([end, many, at]) => globalThis.bench.gets(end, many, at), [kind, asked, number]));
      const result = { name, in_flight: number, gets: asked, ratio: ratio(all.tunnel, all.raw, (each) => each.us) };
      for (const [kind, samples] of Object.entries(all)) {
        result[`${kind}_us`] = short(median(samples.map((each) => each.us)), 0);
        result[`${kind}_per_s`] = short(asked / (median(samples.map((each) => each.ms)) / 1000), 0);
      }
      print(result);
      continue;
    }
    const download = what === 'download';
    const all = await rounds(ends, (kind) =>
      page.evaluate(([end, way, size, streams]) => globalThis.bench.bulk(end, way, size, streams), [kind, download, bytes, number]));
    const rate = (each) => bytes / 1e3 / each.ms;
    const result = { name, streams: number, mib: bytes >> 20, rounds: count, ratio: ratio(all.tunnel, all.raw, rate) };
    if (all.libdatachannel) result.ratio_libdatachannel = ratio(all.tunnel, all.libdatachannel, rate);
    for (const [kind, samples] of Object.entries(all)) {
      result[`${kind}_mb_s`] = short(median(samples.map(rate)), 1);
      result[`${kind}_cpu_s_per_gib`] = short(median(samples.map((each) => each.cpu)) / (bytes / 1024 ** 3));
    }
    print(result);
  }
}
