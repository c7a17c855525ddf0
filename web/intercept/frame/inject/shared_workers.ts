// SharedWorker: the file around the app's documents holds the worker (../host/shared_workers.ts), which gets one end of a channel.

import type { SharedWorkerAsk } from '../control.ts';
import { isForbidden, type Context } from './context.ts';
import { defineHandlers, replaceGlobal } from './events.ts';
import { textOf } from './workers.ts';

export function installSharedWorkers(
  context: Context,
  tell: (message: SharedWorkerAsk, transfer: Transferable[]) => void,
): void {
  class SharedWorkerShim extends EventTarget {
    readonly port: MessagePort;

    constructor(script: string | URL, options: string | WorkerOptions = {}) {
      super();
      const { name = '', type = 'classic' } = typeof options === 'string' ? { name: options } : options;
      const { port1, port2 } = new MessageChannel();
      this.port = port1;
      void this.#ask(new URL(String(script), context.base()), name, type === 'module', port2);
    }

    async #ask(address: URL, name: string, module: boolean, port: MessagePort): Promise<void> {
      const isOwn = address.protocol === 'blob:' || address.protocol === 'data:';
      try {
        if (!isOwn && isForbidden(context, address, 'worker')) throw new TypeError('forbidden');
        const text = isOwn ? await textOf(context, address) : null;
        const url = isOwn ? context.url : address.href;
        tell({ type: 'share', url, name, module, text, policy: isOwn ? context.policy.text : '' }, [port]);
      } catch {
        this.dispatchEvent(new Event('error'));
      }
    }
  }
  defineHandlers(SharedWorkerShim.prototype, ['error']);
  replaceGlobal('SharedWorker', SharedWorkerShim);
}
