// What a thread of a build runs: the folder's own bundler, or its modules' statics.
import { isMainThread, workerData } from 'node:worker_threads';

export async function runThread(): Promise<number> {
  if (isMainThread) {
    process.stderr.write('usage: node host.cjs build|serve\n');
    return 2;
  }
  const { kind } = workerData as { kind: 'owndir-static' | 'owndir-bundler' };
  if (kind === 'owndir-bundler') await (await import('./custom.ts')).runBundlerWorker();
  else await (await import('./static/worker.ts')).runStaticWorker();
  return 0;
}
