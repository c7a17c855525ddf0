import type { WriteData } from '../data.ts';
import { equal, fails, ok } from './check.ts';
import type { ContractCase } from './contract.ts';

async function* asyncChunks(): AsyncGenerator<Uint8Array | string> {
  yield 'ab';
  yield new Uint8Array([0x63]);
  await Promise.resolve();
  yield 'd';
}

function streamOf(...chunks: (string | Uint8Array)[]): ReadableStream<string | Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

export const writeCases: ContractCase[] = [
  {
    name: 'write takes text, bytes, blobs, streams and iterations',
    async run(folder, { outside }) {
      const utf8 = new TextEncoder();
      const data: Record<string, WriteData> = {
        text: 'abcd',
        bytes: utf8.encode('abcd'),
        view: new DataView(utf8.encode('-abcd-').buffer, 1, 4),
        buffer: utf8.encode('abcd').buffer,
        blob: new Blob(['ab', 'cd']),
        stream: streamOf('ab', utf8.encode('cd')),
        iteration: asyncChunks(),
        list: ['ab', 'cd'],
      };
      for (const [name, value] of Object.entries(data)) {
        const file = folder.walk(name);
        equal(await file.write(value), file, `what writing ${name} returns`);
        equal(await outside.read(file.path), 'abcd', name);
      }
    },
  },
  {
    name: 'write takes a path before the data, and null to open and close',
    async run(folder, { outside }) {
      equal(await folder.write('by-path', 'x'), folder.walk('by-path'), 'what it returns');
      equal(await outside.read(`${folder.path}/by-path`), 'x', 'text by a path');
      await folder.write('by-path', null, { flags: 'a' });
      equal(await outside.read(`${folder.path}/by-path`), 'x', 'null appended');
      await folder.walk('by-path').write(null);
      equal(await outside.read(`${folder.path}/by-path`), '', 'null written');
      await folder.walk('new').write(null, { flags: 'a' });
      equal(await outside.read(`${folder.path}/new`), '', 'a new file by null');
      await folder.walk('text').write('some/text', { flags: 'w' });
      equal(await outside.read(`${folder.path}/text`), 'some/text', 'text that looks like a path');
    },
  },
  {
    name: 'flags are those of Node',
    async run(folder, { outside }) {
      const file = folder.walk('f');
      const now = () => outside.read(file.path);
      await fails(404, () => file.write('x', { flags: 'r+' }), 'r+ of nothing');
      await file.write('12345', { flags: 'wx' });
      await fails(409, () => file.write('x', { flags: 'wx' }), 'wx of a file');
      await fails(409, () => file.write('x', { flags: 'ax' }), 'ax of a file');
      await file.write('67', { flags: 'a' });
      equal(await now(), '1234567', 'appended');
      await file.write('XY', { flags: 'r+', start: 2 });
      equal(await now(), '12XY567', 'edited in the middle');
      await file.write('Z', { flags: 'r+' });
      equal(await now(), 'Z2XY567', 'edited at the beginning');
      await file.write('-end-', { flags: 'r+', start: 5 });
      equal(await now(), 'Z2XY5-end-', 'edited beyond the end');
      await file.write('new');
      equal(await now(), 'new', 'written anew');
      await file.write('x', { flags: 'w', start: 2 });
      equal(await now(), '\0\0x', 'written anew from an offset');
      await file.write('ax', { flags: 'a+' });
      equal(await now(), '\0\0xax', 'appended');
      await fails(400, () => file.write('x', { flags: 'rw' as 'w' }), 'unknown flags');
    },
  },
  {
    name: 'encodings are those of Node',
    async run(folder) {
      const written: [string, string, number[]][] = [
        ['utf8', 'ü', [0xc3, 0xbc]],
        ['latin1', 'ü', [0xfc]],
        ['utf16le', 'ü', [0xfc, 0]],
        ['hex', '00ff', [0, 255]],
        ['base64', 'AP8=', [0, 255]],
      ];
      for (const [encoding, text, bytes] of written) {
        await folder.write('f', text, { encoding });
        equal([...(await folder.readAll('f'))], bytes, encoding);
      }
      await fails(400, () => folder.write('f', 'x', { encoding: 'klingon' }), 'an unknown encoding');
      await fails(400, () => folder.write('f', 'xyz', { encoding: 'hex' }), 'text that is not hexadecimal');
    },
  },
  {
    name: 'write fails without a folder, onto a folder, and with what is no data',
    async run(folder, { outside }) {
      await folder.makeDir('d');
      await folder.write('file', 'old');
      await fails(404, () => folder.write('no/such/file', 'x'), 'no folder');
      await fails([404, 409, 500], () => folder.write('file/below', 'x'), 'below a file');
      await fails(409, () => folder.write('d', 'x'), 'onto a folder');
      await fails(400, () => folder.walk('file').write(5 as unknown as string), 'a number');
      await fails(400, () => folder.walk('file').write({} as unknown as string), 'an object');
      equal(await outside.read(`${folder.path}/file`), 'old', 'the old content');
    },
  },
  {
    name: 'a write whose source fails leaves the old content',
    async run(folder, { outside }) {
      await folder.write('f', 'old');
      const broken = async function* () {
        yield 'new and ';
        await Promise.resolve();
        throw new Error('the camera was unplugged');
      };
      const error = await fails(500, () => folder.write('f', broken()), 'a broken source');
      ok(error.error.includes('the camera was unplugged'), `the sentence says why: ${error.error}`);
      await fails(400, () => folder.write('f', streamOf('text', 7 as unknown as string)), 'a stream of numbers');
      equal(await outside.read(`${folder.path}/f`), 'old', 'the old content');
      equal((await folder.children()).length, 1, 'nothing else is left');
      await fails([500, 400], () => folder.write('fresh', broken()), 'a broken source of a new file');
      equal(await folder.info('fresh'), null, 'no file came of it');
    },
  },
  {
    name: 'a write that is cancelled leaves the old content, and ends its source',
    async run(folder, { outside }) {
      await folder.write('f', 'old');
      const abort = new AbortController();
      let ended = false;
      const endless = async function* () {
        try {
          for (let i = 0; ; i++) {
            if (i === 3) abort.abort();
            yield new Uint8Array(1000);
            await new Promise(resolve => setTimeout(resolve, 1));
          }
        } finally {
          ended = true;
        }
      };
      await fails(499, () => folder.write('f', endless(), { signal: abort.signal }), 'cancelled');
      for (let i = 0; i < 500 && !ended; i++) await new Promise(resolve => setTimeout(resolve, 10));
      ok(ended, 'the source was ended');
      equal(await outside.read(`${folder.path}/f`), 'old', 'the old content');
    },
  },
  {
    name: 'several megabytes are written whole from a stream, many at once',
    async run(folder) {
      const piece = Uint8Array.from({ length: 100_003 }, (_, i) => (i * 13) % 256);
      const source = (count: number) => {
        let left = count;
        return new ReadableStream<Uint8Array>({
          pull: controller => (left-- > 0 ? controller.enqueue(piece) : controller.close()),
        });
      };
      await Promise.all(Array.from({ length: 8 }, (_, i) => folder.write(`f${i}`, source(10 + i))));
      for (let i = 0; i < 8; i++) {
        const bytes = await folder.readAll(`f${i}`);
        equal(bytes.length, piece.length * (10 + i), `size of f${i}`);
        ok(
          bytes.every((byte, at) => byte === piece[at % piece.length]),
          `content of f${i}`,
        );
      }
    },
  },
  {
    name: 'two hundred calls at once are all answered',
    async run(folder) {
      await Promise.all(Array.from({ length: 200 }, (_, i) => folder.write(`f${i}.txt`, String(i))));
      const texts = await Promise.all(Array.from({ length: 200 }, (_, i) => folder.walk(`f${i}.txt`).text()));
      equal(
        texts,
        Array.from({ length: 200 }, (_, i) => String(i)),
        'texts',
      );
      const infos = await Promise.all(Array.from({ length: 400 }, (_, i) => folder.info(`f${i}.txt`)));
      equal(infos.filter(Boolean).length, 200, 'infos');
    },
  },
];
