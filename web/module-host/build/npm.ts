// Runs npm in a directory of ours and turns what it says into sentences.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

const timeoutMs = 10 * 60_000;
const maxOutput = 256 * 1024;

export interface NpmResult {
  ok: boolean;
  /** The end of what npm printed. */
  output: string;
}

/** The npm beside this Node, else the one in PATH. */
function npmCommand(): string {
  const beside = join(dirname(process.execPath), 'npm');
  return existsSync(beside) ? beside : 'npm';
}

export function runNpm(directory: string, args: readonly string[]): Promise<NpmResult> {
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
  return new Promise(resolve => {
    const network = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-timeout=30000'];
    const child = spawn(npmCommand(), [...args, ...flags, ...network], {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    let output = '';
    const take = (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-maxOutput);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', error => resolve({ ok: false, output: String(error) }));
    child.on('close', (code, signal) => {
      if (signal) output += `\nnpm was ended by ${signal} after ${timeoutMs / 60_000} minutes`;
      resolve({ ok: code === 0, output });
    });
  });
}

export interface NpmTrouble {
  /** The dependency at fault, when npm names one. */
  name: string | null;
  text: string;
}

const networkCodes =
  /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED|FETCH_ERROR)\b/;

export function explain(output: string): NpmTrouble {
  const named = (pattern: RegExp): string | null => pattern.exec(output)?.[1] ?? null;
  const plain = (spec: string | null) => spec?.replace(/(?<=.)@.*$/, '') ?? null;
  if (/\bENOENT\b.*\bnpm\b|spawn npm/.test(output))
    return { name: null, text: 'npm is not installed (Debian: apt install npm); it fetches the packages that modules name' };
  if (/\bE404\b/.test(output)) {
    const spec = named(/'((?:@[^'/]+\/)?[^'@]+(?:@[^']*)?)' (?:is not in|could not be found)/);
    const name = plain(spec ?? named(/404 {2}'((?:@[^\s/]+\/)?[^\s'@]+)/));
    return { name, text: 'no such package exists in the registry; look for a misspelt name' };
  }
  if (/\bETARGET\b/.test(output)) {
    const spec = named(/No matching version found for (\S+?)\.?(?:\s|$)/);
    return { name: plain(spec), text: `no version of it fits ${spec ?? 'what is asked for'}` };
  }
  if (networkCodes.test(output))
    return { name: null, text: 'the network or the package registry cannot be reached; connect and build again' };
  if (/\bEUSAGE\b|can only install packages when your package\.json/.test(output))
    return { name: null, text: 'package-lock.json does not match package.json; run "npm install" beside it' };
  if (/\bERESOLVE\b/.test(output))
    return { name: plain(named(/peer (\S+) from/)), text: 'its packages want different versions of each other (ERESOLVE)' };
  if (/\bgit error\b|\bENOGIT\b|No git binary/i.test(output))
    return { name: null, text: 'a package that is named by a git address cannot be fetched; is git installed, and the address right?' };
  if (/\bEINTEGRITY\b/.test(output))
    return { name: null, text: 'the bytes that the registry gives are not those that package-lock.json names (EINTEGRITY)' };
  if (/\bENOSPC\b/.test(output)) return { name: null, text: 'the disk is full' };
  const line = output
    .split('\n')
    .map(each => each.replace(/^npm (?:error|ERR!) ?/, '').trim())
    .find(each => each !== '' && !/^code /.test(each));
  return { name: null, text: `npm failed: ${line ?? 'it says nothing more'}` };
}
