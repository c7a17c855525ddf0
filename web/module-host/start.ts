// host.cjs: starts the program that lies beside it, host-main.cjs. `build CACHE` keeps what V8 compiles of it in the directory
// CACHE: a build starts often and is short, so that compiling is a good part of it.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';

const digestBytes = 32;

/** V8 itself compares the length of the source only, and trusts what it is given. */
const digestOf = (source: string, code: Buffer) => createHash('sha256').update(source).update(code).digest();

function readCode(file: string, source: string): Buffer | undefined {
  try {
    const kept = readFileSync(file);
    const code = kept.subarray(digestBytes);
    return digestOf(source, code).equals(kept.subarray(0, digestBytes)) ? code : undefined;
  } catch {
    return undefined; // there is none yet
  }
}

function keepCode(file: string, source: string, code: Buffer): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.${process.pid}`, Buffer.concat([digestOf(source, code), code]));
    renameSync(`${file}.${process.pid}`, file);
  } catch {
    // The next build is as slow as this one.
  }
}

function runKept(main: string, cache: string): void {
  const source = readFileSync(main, 'utf8');
  const file = join(cache, 'host.v8');
  const cachedData = readCode(file, source);
  const script = new Script(`(function (exports, require, module) {${source}\n})`, {
    filename: main,
    ...(cachedData ? { cachedData } : {}),
  });
  // At the end all that has run is compiled.
  if (cachedData === undefined || script.cachedDataRejected === true)
    process.on('exit', () => keepCode(file, source, script.createCachedData()));
  const module = { exports: {} };
  const program = script.runInThisContext() as (exports: object, require: NodeJS.Require, module: object) => void;
  program(module.exports, createRequire(main), module);
}

const main = join(dirname(realpathSync(process.argv[1] ?? '')), 'host-main.cjs');
const [, , mode, cache] = process.argv;
if (mode === 'build' && cache !== undefined) runKept(main, cache);
else createRequire(main)(main);
