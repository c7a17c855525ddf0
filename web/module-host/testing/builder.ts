// For tests: the real `host.cjs build`, one process for many jobs, on folders made of texts.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { containedLimits } from '../build/contained.ts';
import type { BuildJob } from '../build/job.ts';
import type { Finished, Problem } from '../build/report.ts';
import { makeDirectory, makeShare } from './host.ts';

export interface Built {
  done: Finished | null;
  errors: Problem[];
  warnings: Problem[];
  steps: string[];
}

export type Files = Record<string, string | Buffer | { link: string }>;

export class TestFolder {
  readonly directory: string;
  readonly job: BuildJob;

  constructor(directory: string, files: Files, job: Partial<BuildJob>) {
    this.directory = directory;
    const place = (name: string) => join(directory, name);
    this.job = {
      source: place('folder'),
      folder: place('folder'),
      out: place('out'),
      cache: place('cache'),
      title: 'Title',
      singleFile: false,
      scripts: false,
      watch: true,
      limits: containedLimits,
      ...job,
    };
    mkdirSync(this.job.source, { recursive: true });
    this.write(files);
  }

  write(files: Files): void {
    for (const [path, content] of Object.entries(files)) {
      const whole = join(this.job.source, path);
      mkdirSync(dirname(whole), { recursive: true });
      if (typeof content === 'object' && 'link' in content) symlinkSync(content.link, whole);
      else writeFileSync(whole, content);
    }
  }

  remove(path: string): void {
    rmSync(join(this.job.source, path), { recursive: true });
  }

  #list(at: string): string[] {
    if (!existsSync(join(this.job.out, at))) return [];
    return readdirSync(join(this.job.out, at), { withFileTypes: true }).flatMap(entry =>
      entry.isDirectory() ? this.#list(`${at}/${entry.name}`) : [`${at}/${entry.name}`],
    );
  }

  /** Paths of the site, sorted. */
  site(): string[] {
    return this.#list('site')
      .map(path => path.slice('site/'.length))
      .sort();
  }

  /** The text of the one file whose path matches. */
  text(path: string | RegExp): string {
    const found = this.site().filter(each => (typeof path === 'string' ? each === path : path.test(each)));
    if (found.length !== 1)
      throw new Error(`${String(path)} is in the site ${found.length} times: ${this.site().join(' ')}`);
    return readFileSync(join(this.job.out, 'site', found[0] ?? ''), 'utf8');
  }

  /** Inode and time of each file: a file that was written again has others. */
  stamps(): Record<string, string> {
    const stamp = (path: string) => {
      const { ino, mtimeMs } = lstatSync(join(this.job.out, path));
      return `${ino} ${mtimeMs}`;
    };
    return Object.fromEntries([...this.#list('site'), ...this.#list('server')].map(path => [path, stamp(path)]));
  }
}

export class Builder {
  readonly directory = makeDirectory();
  readonly share: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly garbage: string[] = [];
  stderr = '';
  #count = 0;
  #queue: Promise<unknown> = Promise.resolve();
  #take: ((line: string) => void) | null = null;
  #fail: ((error: Error) => void) | null = null;

  constructor(environment: NodeJS.ProcessEnv = {}) {
    this.share = makeShare(this.directory);
    const env = { ...process.env, ...environment };
    this.#child = spawn(process.execPath, [join(this.share, 'host.cjs'), 'build'], { env });
    createInterface({ input: this.#child.stdout }).on('line', line => {
      if (this.#take) this.#take(line);
      else this.garbage.push(line);
    });
    this.#child.stderr.on('data', (chunk: Buffer) => (this.stderr = (this.stderr + chunk.toString()).slice(-20_000)));
    this.#child.on('exit', code => this.#fail?.(new Error(`the host ended with ${code}: ${this.stderr}`)));
  }

  folder(files: Files, job: Partial<BuildJob> = {}): TestFolder {
    return new TestFolder(join(this.directory, `f${++this.#count}`), files, job);
  }

  /** One after the other, by the same process. */
  build(folder: TestFolder, change: Partial<BuildJob> = {}): Promise<Built> {
    const next = this.#queue.then(() => this.#run({ ...folder.job, ...change }));
    this.#queue = next.catch(() => undefined);
    return next;
  }

  async built(files: Files, job: Partial<BuildJob> = {}): Promise<Built & { folder: TestFolder }> {
    const folder = this.folder(files, job);
    return { ...(await this.build(folder)), folder };
  }

  #run(job: BuildJob): Promise<Built> {
    return new Promise((resolve, reject) => {
      const built: Built = { done: null, errors: [], warnings: [], steps: [] };
      const finish = () => {
        this.#take = null;
        resolve(built);
      };
      this.#fail = reject;
      this.#take = line => {
        const message = JSON.parse(line) as Record<string, unknown>;
        if ('warning' in message) built.warnings.push(message.warning as Problem);
        else if ('step' in message) {
          if (message.state === 'start') built.steps.push(String(message.step));
        } else if ('error' in message) built.errors.push(message.error as Problem);
        else if ('done' in message) built.done = message.done as Finished;
        else if ('ended' in message) finish();
      };
      this.#child.stdin.write(`${JSON.stringify(job)}\n`);
    });
  }

  async stop(): Promise<void> {
    this.#fail = null;
    const ended = new Promise(resolve => this.#child.on('exit', resolve));
    this.#child.stdin.end();
    if (this.#child.exitCode === null) await ended;
    rmSync(this.directory, { recursive: true, force: true });
  }
}
