// For tests: the real host program, bundled as the product ships it, over a real Unix socket.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { fromNodeStream, type Backing } from '../../fsnode/index.ts';
import { MemoryBacking } from '../../fsnode/testing/memory.ts';
import { ReferenceServer } from '../../fsnode/testing/reference_server.ts';

const web = fileURLToPath(new URL('../../', import.meta.url));
const patience = 20_000;

/** A share/owndir whose packages are those of the checkout. */
export function makeShare(directory: string): string {
  const share = join(directory, 'share');
  const made = spawnSync(process.execPath, [join(web, 'share.mjs'), '--out', share, '--link'], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`share.mjs: ${made.stderr}`);
  return share;
}

export function makeDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'owndir-host-'));
}

export function writeFiles(directory: string, files: Record<string, string>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
}

export interface Setup {
  /** Sources by directory ("" is the root): `{ 'a/b': 'export default { … }' }`. */
  modules?: Record<string, string>;
  /** Sources by directory and name: `{ 'a/b:00-name': 'export default module => { … }' }`. */
  plugins?: Record<string, string>;
  /** The whole server bundle instead of modules. */
  bundle?: string;
  /** Files of the folder. */
  files?: Record<string, string>;
  site?: string[];
  nodeArguments?: string[];
  /** Answers the folder's connection; without one the host reads the disk. */
  backing?: Backing;
}

/** What the assembled package looks like: all modules put into one tree. */
async function bundleServer(directory: string, setup: Setup): Promise<string> {
  const server = join(directory, 'dist.cjs');
  if (setup.bundle !== undefined) {
    writeFileSync(server, setup.bundle);
    return server;
  }
  const folder = join(directory, 'folder');
  const entry = [`import { createTree } from ${JSON.stringify(join(web, 'module-tree/index.ts'))};`];
  const added = ['export const OwnDir = createTree();'];
  const places = new Set([...Object.keys(setup.modules ?? {}), ...Object.keys(setup.plugins ?? {}).map(placeOf)]);
  for (const place of [...places].sort()) {
    const source = setup.modules?.[place];
    const plugins = Object.entries(setup.plugins ?? {}).filter(([key]) => placeOf(key) === place);
    const base = join(folder, place, '.owndir');
    writeFiles(base, { 'index.js': source ?? 'export default {};' });
    const number = added.length;
    entry.push(`import module_${number} from ${JSON.stringify(join(base, 'index.js'))};`);
    const applied = plugins.map(([key, text], index) => {
      const name = key.slice(key.indexOf(':') + 1);
      writeFiles(base, { [`plugins/${name}.js`]: text });
      entry.push(`import plugin_${number}_${index} from ${JSON.stringify(join(base, `plugins/${name}.js`))};`);
      return `{ name: ${JSON.stringify(name)}, apply: plugin_${number}_${index} }`;
    });
    added.push(`OwnDir.addModule(${JSON.stringify(place)}, module_${number}, [${applied.join(', ')}]);`);
  }
  await build({
    stdin: { contents: [...entry, ...added].join('\n'), resolveDir: directory, sourcefile: 'assembled.js' },
    outfile: server,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    sourcemap: 'inline',
    logLevel: 'silent',
  });
  return server;
}

function placeOf(key: string): string {
  return key.slice(0, key.indexOf(':'));
}

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  json: unknown;
}

export interface AskOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

type Message = Record<string, Record<string, unknown> & string>;

export class RunningHost {
  readonly child: ChildProcess;
  readonly socket: string;
  readonly folder: string;
  readonly messages: Message[] = [];
  /** Lines on stdout that are no JSON object: there must be none. */
  readonly garbage: string[] = [];
  stderr = '';
  readonly ended: Promise<{ code: number | null; signal: string | null }>;
  readonly #agent = new Agent({ keepAlive: true });
  #asked = 0;
  #waiting: (() => void)[] = [];

  constructor(child: ChildProcess, socket: string, folder: string) {
    this.child = child;
    this.socket = socket;
    this.folder = folder;
    this.ended = new Promise(resolve => {
      child.on('close', (code, signal) => {
        this.#agent.destroy();
        resolve({ code, signal });
        this.#wake();
      });
    });
    let part = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (part + chunk).split('\n');
      part = lines.pop() ?? '';
      lines.forEach(line => this.#hear(line));
      this.#wake();
    });
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (this.stderr += chunk));
  }

  #hear(line: string): void {
    try {
      this.messages.push(JSON.parse(line) as Message);
    } catch {
      this.garbage.push(line);
    }
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** The first message with that key for which the test holds. */
  async message(key: string, test: (value: Record<string, unknown>) => boolean = () => true): Promise<Message> {
    const until = Date.now() + patience;
    for (;;) {
      const found = this.messages.find(message => key in message && test(message[key] as Record<string, unknown>));
      if (found) return found;
      if (Date.now() > until || this.child.exitCode !== null)
        throw new Error(`no ${key} came; there was ${JSON.stringify(this.messages)} ${this.stderr}`);
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, 1000);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  say(message: object): void {
    this.child.stdin?.write(`${JSON.stringify(message)}\n`);
  }

  /** Rejects when the connection ends before the answer is whole. */
  async ask(path: string, { method = 'GET', headers = {}, body }: AskOptions = {}): Promise<Reply> {
    const number = String(++this.#asked);
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          socketPath: this.socket,
          agent: this.#agent,
          path,
          method,
          headers: { 'owndir-request': number, ...headers },
          timeout: patience,
        },
        response => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: parsed(text) });
          });
        },
      );
      sent.on('timeout', () => sent.destroy(new Error(`no answer to ${method} ${path}`)));
      sent.on('error', reject);
      sent.end(body);
    });
  }

  /** Writes bytes and gives all that comes back until the host closes. */
  async exchange(bytes: string): Promise<string> {
    return new Promise(resolve => {
      const socket = connect(this.socket);
      let text = '';
      socket.setTimeout(patience, () => socket.destroy());
      socket.on('data', chunk => (text += String(chunk)));
      // Who does not read what was sent resets the connection: what came before that counts.
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(text));
      socket.write(bytes);
    });
  }

  async stop(): Promise<{ code: number | null; signal: string | null }> {
    this.child.stdin?.end();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), patience);
    const ended = await this.ended;
    clearTimeout(timer);
    return ended;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export interface BuiltExample {
  base: string;
  site: string[];
  /** Its files by path. */
  texts: Record<string, string>;
}

/** Hosts of one test file, with the directory that they live in. */
export class Hosts {
  readonly directory = makeDirectory();
  readonly share = makeShare(this.directory);
  readonly #running = new Set<RunningHost>();
  #count = 0;

  /** Starts one and waits until it listens, unless `settle` is false. */
  async start(setup: Setup, settle = true): Promise<RunningHost> {
    const base = join(this.directory, String(++this.#count));
    const folder = join(base, 'folder');
    mkdirSync(folder, { recursive: true });
    writeFiles(folder, setup.files ?? {});
    const server = await bundleServer(base, setup);
    return this.#run(base, server, setup, settle);
  }

  /** Builds an example of the repository with the real host, into `base`/out. */
  async buildExample(name: string): Promise<BuiltExample> {
    const base = join(this.directory, String(++this.#count));
    const folder = join(base, 'folder');
    cpSync(join(web, '../examples', name), folder, { recursive: true });
    const job = { source: folder, folder, out: join(base, 'out'), cache: join(this.directory, 'cache'), title: name };
    const child = spawn(process.execPath, [join(this.share, 'host.cjs'), 'build'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdin.end(`${JSON.stringify(job)}\n`);
    let told = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (told += chunk));
    const code = await new Promise(resolve => child.on('close', resolve));
    if (code !== 0) throw new Error(`the build of ${name}: ${told}`);
    const last = JSON.parse(told.trim().split('\n').at(-1) ?? '') as { done: { files: { path: string }[] } };
    const texts: Record<string, string> = {};
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath ?? entry.path, entry.name);
      if (entry.isFile()) texts[relative(folder, path)] = readFileSync(path, 'utf8');
    }
    return { base, site: last.done.files.map(file => file.path), texts };
  }

  /** Serves an example over its files in memory. */
  async startExample(name: string): Promise<{ host: RunningHost; backing: MemoryBacking }> {
    const { base, site, texts } = await this.buildExample(name);
    const backing = new MemoryBacking(name);
    for (const [path, text] of Object.entries(texts)) backing.put(path, text);
    const host = await this.#run(base, join(base, 'out/server/dist.cjs'), { site, backing }, true);
    return { host, backing };
  }

  async #run(base: string, server: string, setup: Setup, settle: boolean): Promise<RunningHost> {
    const folder = join(base, 'folder');
    const child = spawn(process.execPath, [...(setup.nodeArguments ?? []), join(this.share, 'host.cjs'), 'serve'], {
      stdio: ['pipe', 'pipe', 'pipe', ...(setup.backing ? ['pipe' as const] : [])],
    });
    if (setup.backing) new ReferenceServer(fromNodeStream(child.stdio[3] as Duplex), setup.backing, { root: folder });
    const host = new RunningHost(child, join(base, 'host.sock'), folder);
    this.#running.add(host);
    child.stdin?.on('error', () => undefined);
    host.say({ server, socket: host.socket, folder, site: setup.site ?? [], title: 'Test' });
    if (settle) await host.message('listening');
    return host;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running].map(host => host.stop()));
    rmSync(this.directory, { recursive: true, force: true });
  }
}
