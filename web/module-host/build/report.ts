// What the build tells, as JSON lines: steps, warnings, errors, and at the end what there is.

export interface Problem {
  text: string;
  /** Relative to the folder, as the person knows it. */
  file?: string;
  /** From 1. */
  line?: number;
  /** From 1. */
  column?: number;
  excerpt?: string;
}

export type StepName = 'packages' | 'assemble' | 'bundle client' | 'bundle server' | 'static';

export interface Finished {
  files: { path: string; bytes: number }[];
  server: string | null;
  routes: boolean;
  modules: string[];
  digest: string;
}

/** The build cannot go on; every problem is for the person. */
export class BuildFailure extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(problem => problem.text).join('; '));
    this.problems = problems;
  }

  static of(text: string, more: Omit<Problem, 'text'> = {}): BuildFailure {
    return new BuildFailure([{ text, ...more }]);
  }
}

export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  if (typeof error === 'object' && error !== null && 'error' in error) return String(error.error);
  return String(error);
}

const maxProblems = 50;
const maxText = 4000;

function shorten(problem: Problem): Problem {
  const cut = (text: string) => (text.length > maxText ? `${text.slice(0, maxText)}…` : text);
  return {
    ...problem,
    text: cut(problem.text),
    ...(problem.excerpt === undefined ? {} : { excerpt: problem.excerpt.slice(0, 400) }),
  };
}

export class Reporter {
  readonly #write: (line: string) => void;
  #warnings = 0;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  #tell(value: object): void {
    this.#write(`${JSON.stringify(value)}\n`);
  }

  async step<Value>(step: StepName, work: () => Promise<Value> | Value, detail = ''): Promise<Value> {
    const started = process.hrtime.bigint(); // `performance` takes a while to load
    this.#tell({ step, state: 'start', ...(detail ? { detail } : {}) });
    const value = await work();
    this.#tell({ step, state: 'done', ms: Number((process.hrtime.bigint() - started) / 1_000_000n), ...(detail ? { detail } : {}) });
    return value;
  }

  warning(problem: Problem): void {
    if (++this.#warnings <= maxProblems) this.#tell({ warning: shorten(problem) });
  }

  errors(problems: readonly Problem[]): void {
    for (const problem of problems.slice(0, maxProblems)) this.#tell({ error: shorten(problem) });
    const more = problems.length - maxProblems;
    if (more > 0) this.#tell({ error: { text: `and ${more} more errors` } });
  }

  done(done: Finished): void {
    this.#tell({ done });
  }

  /** With "watch": this job is over, well or badly, and the next may come. */
  ended(code: number): void {
    this.#tell({ ended: code });
  }
}
