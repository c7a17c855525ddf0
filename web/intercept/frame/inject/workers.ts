// Dedicated workers. The browser's worker runs this same script first, gets a port of its own and then the app's program, whose
// importScripts are loaded beforehand as far as their addresses stand in the text.

import { ask, decoderFor, limits, readAll, type Context } from './context.ts';
import { replaceGlobal } from './events.ts';
import { nativeURL, trusted } from './natives.ts';
import { kStartWorker, type WorkerStart } from '../worker_start.ts';

const maxWorkers = 64;

export function installWorkers(context: Context): void {
  const NativeWorker = globalThis.Worker;
  if (!NativeWorker) return;
  let count = 0;
  let program: string | null = null;

  const WorkerShim = class extends NativeWorker {
    constructor(script: string | URL, options: WorkerOptions = {}) {
      const url = new URL(String(script), context.base());
      if (++count > maxWorkers) throw new DOMException('Too many workers.', 'QuotaExceededError');
      program ??= nativeURL.create(new Blob([context.source], { type: 'text/javascript' }));
      super(trusted.createScriptURL(program), options.name === undefined ? {} : { name: options.name });
      void this.#start(url, options.type === 'module');
    }

    async #start(url: URL, module: boolean): Promise<void> {
      try {
        const text = await textOf(context, url);
        const isOwn = url.protocol === 'blob:' || url.protocol === 'data:';
        const start: WorkerStart = {
          ...{
            type: kStartWorker,
            origin: context.origin,
            url: isOwn ? context.url : url.href,
            source: context.source,
          },
          ...{ module, text, policy: isOwn ? context.policy.text : '' },
        };
        super.postMessage(start, [context.newClient()]);
      } catch (error) {
        console.error(String(error));
        this.dispatchEvent(new ErrorEvent('error', { message: `The worker ${url.href} could not be loaded.` }));
      }
    }
  };
  replaceGlobal('Worker', WorkerShim);
}

export async function textOf(context: Context, url: URL): Promise<string> {
  if (url.protocol === 'blob:' || url.protocol === 'data:') return (await nativeFetch(url)).text();
  const answer = await ask(context, { url, dest: 'worker' });
  if (answer.head.status < 200 || answer.head.status > 299) {
    await answer.body?.cancel().catch(() => undefined);
    throw new TypeError(`${url.href} answered ${answer.head.status}.`);
  }
  return decoderFor(null).decode(await (await readAll(answer, limits.text)).arrayBuffer());
}

const nativeFetch = globalThis.fetch.bind(globalThis);
