// The Node program that the server starts for the folder's modules: `node host.cjs build` turns an approved snapshot of
// their code into the site, `node host.cjs serve` answers requests with their middleware and routes. Both read one
// JSON line on stdin and tell what happens as JSON lines on stdout; docs/modules.md lists the lines.
import { isMainThread, workerData } from 'node:worker_threads';

async function main(mode: string | undefined): Promise<number> {
  // Each part is only loaded where it is wanted: a build starts often and has no use for a web server.
  if (!isMainThread) {
    const { kind } = workerData as { kind: 'owndir-static' | 'owndir-bundler' };
    if (kind === 'owndir-bundler') await (await import('./build/custom.ts')).runBundlerWorker();
    else await (await import('./build/static/worker.ts')).runStaticWorker();
    return 0;
  }
  // What a module or a bundler has left running must not keep the build from ending.
  if (mode === 'build') process.exit(await (await import('./build/run.ts')).runBuild());
  if (mode === 'serve') return (await import('./serve/run.ts')).runServe();
  process.stderr.write('usage: node host.cjs build|serve\n');
  return 2;
}

main(process.argv[2]).then(
  code => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 1;
  },
);
