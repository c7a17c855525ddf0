// Runs code of the folder's in a thread of its own that can be ended: when it takes too long, needs too much memory, or ends
// the process. Whatever it does, the build goes on and names who did it.
import { Worker } from 'node:worker_threads';
import { BuildFailure, messageOf, type Problem } from './report.ts';
import { placeOf } from './place.ts';

export interface ContainedLimits {
  /** All modules' code, until each has been imported. */
  loadMs: number;
  /** One function of O.static. */
  generatorMs: number;
  /** A bundler of the folder's own. */
  bundlerMs: number;
  heapMb: number;
  /** By how much the process may grow: what is not on the heap, such as buffers, counts as well. */
  growthMb: number;
}

export const containedLimits: ContainedLimits = {
  loadMs: 30_000,
  generatorMs: 60_000,
  bundlerMs: 300_000,
  heapMb: 512,
  growthMb: 2048,
};

/** What is being done, for the one who may have to end it. */
export interface Doing {
  /** As the beginning of a sentence: `O.static "x.txt"`. */
  text: string;
  /** Path of the module; null when none is known. */
  module: string | null;
  ms: number;
}

export function problemOf(text: string, stack: string, module: string | null, places: readonly string[]): Problem {
  const where = module === null ? '' : `module of ${module === '' ? 'the root' : module}: `;
  const place = places.map(each => placeOf(stack, each)).find(each => each !== null);
  return { text: where + text, ...place };
}

export interface Contained<Message, Result> {
  /** host.cjs, which knows by `data` what to run. */
  script: string;
  data: object;
  limits: ContainedLimits;
  doing: Doing;
  /** Directories whose lines a stack is searched for. */
  places: readonly string[];
  /** Ends the run by `settle`; throws a BuildFailure to end it badly. */
  take(message: Message, run: { now(doing: Doing): void; settle(result: Result): void }): void;
  /** Known problems that go before the one that ended the run. */
  problems?: readonly Problem[];
}

const memoryEveryMs = 200;
const endMs = 2000;
const mebibyte = 1024 * 1024;

export function runContained<Message, Result>(contained: Contained<Message, Result>): Promise<Result> {
  const { script, data, limits, places } = contained;
  let { doing } = contained;
  return new Promise((resolve, reject) => {
    const before = process.memoryUsage.rss();
    const worker = new Worker(script, {
      workerData: data,
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: limits.heapMb },
    });
    // What modules print is no line of ours.
    worker.stdout.on('data', (chunk: Buffer) => process.stderr.write(chunk));
    worker.stderr.on('data', (chunk: Buffer) => process.stderr.write(chunk));
    let timer: NodeJS.Timeout | undefined;
    let settled = false;
    let ended = false;
    const settle = (action: () => void) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      clearInterval(memory);
      void worker.terminate();
      action();
    };
    // The thread ends by itself after its last message; what it has printed comes until then.
    const end = (action: () => void) => {
      clearTimeout(timer);
      timer = setTimeout(() => settle(action), endMs);
      worker.once('exit', () => setImmediate(() => settle(action)));
      ended = true;
    };
    const fail = (text: string, stack = '') => {
      if (ended) return;
      const problem = problemOf(text, stack, doing.module, places);
      settle(() => reject(new BuildFailure([...(contained.problems ?? []), problem])));
    };
    const now = (next: Doing) => {
      doing = next;
      clearTimeout(timer);
      const late = `${doing.text} takes longer than ${doing.ms / 1000} s; does it wait for ever, or loop?`;
      timer = setTimeout(() => fail(late), doing.ms);
    };
    const memory: NodeJS.Timeout = setInterval(() => {
      if (process.memoryUsage.rss() - before > limits.growthMb * mebibyte)
        fail(`${doing.text} needs more than ${limits.growthMb} MiB of memory`);
    }, memoryEveryMs);
    now(doing);
    worker.on('message', (message: Message) => {
      if (settled || ended) return;
      try {
        contained.take(message, { now, settle: result => end(() => resolve(result)) });
      } catch (error) {
        settle(() => reject(error instanceof Error ? error : new Error(messageOf(error))));
      }
    });
    worker.on('error', (error: unknown) => {
      const outOfMemory = (error as NodeJS.ErrnoException | null)?.code === 'ERR_WORKER_OUT_OF_MEMORY';
      const stack = error instanceof Error ? error.stack : '';
      fail(outOfMemory ? `${doing.text} needs more than ${limits.heapMb} MiB of memory` : messageOf(error), stack);
    });
    // Code 0 is also that of a thread with nothing left to do.
    worker.on('exit', code =>
      fail(
        code === 0
          ? `${doing.text} has ended: it called process.exit, or waits for what never comes`
          : `${doing.text} has ended the process (code ${code})`,
      ),
    );
  });
}
