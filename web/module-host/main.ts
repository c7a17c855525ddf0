// The Node program that the server starts, by start.ts, for the folder's modules: `node host.cjs build` turns an approved snapshot of
// their code into the site, `node host.cjs serve` answers requests with their middleware and routes. Both read one
// JSON line on stdin and tell what happens as JSON lines on stdout; docs/modules.md lists the lines.

async function runBuild(): Promise<number> {
  (await import('./build/tools.ts')).startEsbuild(); // it gets ready while the rest of us is loaded
  return (await import('./build/run.ts')).runBuild();
}

async function main(mode: string | undefined): Promise<number> {
  // Each part is only loaded where it is wanted: a build starts often and has no use for a web server, nor for threads.
  // What a module or a bundler has left running must not keep the build from ending.
  if (mode === 'build') process.exit(await runBuild());
  if (mode === 'serve') return (await import('./serve/run.ts')).runServe();
  return (await import('./build/thread.ts')).runThread(); // threads of ours have no mode
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
