// Starts the worker that runs the modules, takes what it makes, and ends it when it takes too long.
import { Worker } from 'node:worker_threads';
import { BuildFailure, type Problem } from '../report.ts';
import type { Fault, StaticItem, StaticJob, StaticMessage } from './messages.ts';

const loadMs = 30_000;
const generatorMs = 60_000;
const heapMb = 512;
const maxBytes = 1024 * 1024 * 1024;

export interface Evaluated {
  routes: boolean;
  dynamic: boolean;
  items: StaticItem[];
}

/** The first line of a stack that lies in the folder's own code: where the person has to look. */
export function placeOf(stack: string, folder: string): Pick<Problem, 'file' | 'line' | 'column'> | null {
  for (const line of stack.split('\n')) {
    const match = /(?:\(|at |^)(?:file:\/\/)?(\/[^()]*?):(\d+):(\d+)\)?$/.exec(line.trim());
    const path = match?.[1];
    if (path === undefined || !path.startsWith(`${folder}/`) || path.includes('/node_modules/')) continue;
    return { file: path.slice(folder.length + 1), line: Number(match?.[2]), column: Number(match?.[3]) };
  }
  return null;
}

function directoryName(module: string): string {
  return module === '' ? 'the root' : module;
}

export function problemOfFault({ text, stack, module }: Fault, folder: string): Problem {
  const where = module === null ? '' : `module of ${directoryName(module)}: `;
  return { text: where + text, ...placeOf(stack, folder) };
}

export function evaluateStatic(
  script: string,
  job: StaticJob,
  warn: (problem: Problem) => void,
  times = { loadMs, generatorMs },
): Promise<Evaluated> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(script, {
      workerData: job,
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
    });
    // What modules print is no line of ours.
    worker.stdout.on('data', (chunk: Buffer) => process.stderr.write(chunk));
    worker.stderr.on('data', (chunk: Buffer) => process.stderr.write(chunk));
    const problems: Problem[] = [];
    const items: StaticItem[] = [];
    let bytes = 0;
    let current: { current: string; module: string | null } = { current: 'starting', module: null };
    let timer: NodeJS.Timeout | undefined;
    let settled = false;
    const settle = (action: () => void) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      void worker.terminate();
      action();
    };
    const fail = (text: string, stack = '') => {
      const problem = problemOfFault({ text, stack, module: current.module }, job.folder);
      settle(() => reject(new BuildFailure([...problems, problem])));
    };
    const watch = () => {
      clearTimeout(timer);
      const ms = current.module === null ? times.loadMs : times.generatorMs;
      timer = setTimeout(() => fail(`${current.current} takes longer than ${ms / 1000} s; does it wait for ever?`), ms);
    };
    watch();
    worker.on('message', (message: StaticMessage) => {
      if ('current' in message) {
        current = message;
        watch();
      } else if ('warning' in message) warn(problemOfFault(message.warning, job.folder));
      else if ('failed' in message) problems.push(problemOfFault(message.failed, job.folder));
      else if ('item' in message) {
        items.push(message.item);
        if ('bytes' in message.item) bytes += message.item.bytes.length;
        if (bytes > maxBytes) fail(`the site has more than ${maxBytes} bytes`);
      } else {
        const { routes, dynamic } = message.evaluated;
        settle(() => (problems.length > 0 ? reject(new BuildFailure(problems)) : resolve({ routes, dynamic, items })));
      }
    });
    worker.on('error', error => {
      const memory = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
      fail(memory ? `${current.current} needs more than ${heapMb} MiB of memory` : error.message, error.stack);
    });
    worker.on('exit', code => {
      if (problems.length > 0) settle(() => reject(new BuildFailure(problems)));
      else fail(`${current.current} has ended the process (code ${code})`);
    });
  });
}
