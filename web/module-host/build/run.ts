// `host.cjs build [CACHE]`: one job after the other, from a line on stdin to the files of the site.
import { readSync, realpathSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { build } from './build.ts';
import { parseJob, type BuildJob } from './job.ts';
import { BuildFailure, messageOf, Reporter } from './report.ts';
import { openShare } from './share.ts';

/** stdout is for our lines alone: what modules and bundlers print goes to stderr. */
function claimStdout(): (line: string) => void {
  Object.defineProperty(process, 'stdout', { configurable: true, get: () => process.stderr });
  return line => {
    for (let rest = Buffer.from(line); rest.length > 0; ) {
      try {
        rest = rest.subarray(writeSync(1, rest));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      }
    }
  };
}

async function runJob(job: BuildJob, report: Reporter, script: string): Promise<number> {
  try {
    report.done(await build(job, openShare(dirname(script)), script, report));
    return 0;
  } catch (error) {
    if (error instanceof BuildFailure) report.errors(error.problems);
    else {
      process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      report.errors([{ text: `the build itself failed: ${messageOf(error)}` }]);
    }
    return 1;
  }
}

const maxLine = 1024 * 1024;

/** What has come on stdin: waits for something, and is empty at the end. (Node's stream takes longer to start than this.) */
async function readStdin(): Promise<Buffer> {
  const chunk = Buffer.allocUnsafe(64 * 1024);
  for (;;) {
    try {
      return chunk.subarray(0, readSync(0, chunk));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') return chunk.subarray(0, 0);
      if (code !== 'EAGAIN') throw error;
      await new Promise(resolve => setTimeout(resolve, 5)); // whoever started us shares a stdin that does not wait
    }
  }
}

async function* lines(): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for (let chunk = await readStdin(); chunk.length > 0; chunk = await readStdin()) {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      yield rest.toString('utf8', 0, end);
      rest = rest.subarray(end + 1);
    }
    if (rest.length > maxLine) throw new Error('the job is too long');
  }
  if (rest.length > 0) yield rest.toString('utf8');
}

/** Returns the exit code: 0 built, 1 not built, 2 no job. With "watch" in a job, the next line is the next job. */
export async function runBuild(): Promise<number> {
  const report = new Reporter(claimStdout());
  const script = realpathSync(process.argv[1] ?? '');
  let code = 2;
  for await (const line of lines()) {
    let job: BuildJob;
    try {
      job = parseJob(line);
    } catch (error) {
      report.errors([{ text: messageOf(error) }]);
      return 2;
    }
    code = await runJob(job, report, script);
    if (!job.watch) break;
    report.ended(code);
  }
  return code;
}
