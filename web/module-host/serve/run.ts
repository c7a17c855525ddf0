// `host.cjs serve`: answers requests with the folder's middleware and routes until the server wants no more.
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { Router } from 'express';
import { openFolder } from '../folder.ts';
import type { OwnDir } from '../../module-tree/index.ts';
import { backingOf, type Directory } from '../../fsnode/index.ts';
import { Answers } from './answer.ts';
import { captureOutput } from './console.ts';
import { Failures, refuseExit } from './failures.ts';
import { parseJob, type ServeJob } from './job.ts';
import { Parent } from './parent.ts';
import { Routers } from './router.ts';
import { close, listen } from './server.ts';

const patience = 2000;

interface ServerBundle {
  OwnDir: OwnDir;
  Router?: (parts: { fsNodeRoot: Directory; OwnDir: OwnDir }) => Router;
}

/** Runs all modules' code for the first time. */
function load(path: string): ServerBundle {
  const bundle = createRequire(path)(path) as (Partial<ServerBundle> & { default?: Partial<ServerBundle> }) | undefined;
  const exported = typeof bundle?.OwnDir === 'function' ? bundle : bundle?.default;
  if (typeof exported?.OwnDir !== 'function') throw new Error(`${path} does not export the module tree (OwnDir)`);
  return exported as ServerBundle;
}

interface Serving {
  stop(): Promise<void>;
  /** Rejects when modules cannot reach the folder any more: a new process can. */
  folderLost: Promise<never>;
}

async function serve(job: ServeJob, parent: Parent, failures: Failures): Promise<Serving> {
  process.chdir(job.folder);
  process.setSourceMapsEnabled(true);
  const root = await openFolder(job.folder);
  const { OwnDir, Router } = load(job.server);
  failures.tree = OwnDir;
  OwnDir.injectFsRoot(root);
  const answers = new Answers({
    OwnDir,
    root,
    failures,
    routers: new Routers(parent, failures, job.folder),
    site: new Set(job.site),
    router: typeof Router === 'function' ? Router({ fsNodeRoot: root, OwnDir }) : null,
  });
  const server = await listen(job.socket, (request, response) => answers.answer(request, response));
  const plugins = OwnDir.modules.flatMap(module => module.O.plugins);
  const middleware =
    typeof Router === 'function' ||
    OwnDir.modules.some(module => module.O.middleware.length > 0) ||
    plugins.some(plugin => plugin.propagate);
  parent.tell({ listening: true, middleware });
  const folderLost = backingOf(root).closed.then(() => {
    throw new Error("The connection to the folder ended: the modules' process ends too, to be started anew.");
  });
  return { stop: () => close(server, patience), folderLost };
}

/** Returns the exit code; does not return while it serves. */
export async function runServe(): Promise<number> {
  const parent = new Parent(process.stdin, process.stdout.write.bind(process.stdout));
  const ended = new Promise<void>(resolve => {
    parent.onend = resolve;
    process.on('SIGTERM', () => resolve());
    process.stdout.on('error', () => resolve());
    // Ctrl-C in a terminal reaches the whole group: the server decides when we go.
    process.on('SIGINT', () => undefined);
  });
  let job: ServeJob;
  try {
    job = parseJob(await parent.firstLine());
  } catch (error) {
    process.stderr.write(`host.cjs serve: ${(error as Error).message}\n`);
    return 2;
  }
  parent.onmessage = message => {
    if ('ping' in message) parent.tell({ pong: message.ping });
  };
  captureOutput(parent);
  const exit = refuseExit();
  const failures = new Failures(parent, [job.folder, dirname(job.server)]);
  failures.catchStrays();
  try {
    const { stop, folderLost } = await serve(job, parent, failures);
    const lost = await Promise.race([ended, folderLost]).catch((error: unknown) => error);
    if (lost !== undefined) failures.tell(lost, '');
    await stop();
    if (lost !== undefined) return exit(1);
  } catch (error) {
    failures.tell(error, failures.moduleOfStack(error));
    return exit(1);
  }
  // Modules' timers and connections must not keep the process.
  return exit(0);
}
