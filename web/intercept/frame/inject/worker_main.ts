// The same script in a worker: waits for its start, puts the app's network in the place of the browser's, then runs the program.

import { BrokerPort } from '../../client.ts';
import type { Context } from './context.ts';
import { defineHandlers } from './events.ts';
import { installEventSource } from './eventsource.ts';
import { installFetch } from './fetch.ts';
import { installLocation, VirtualLocation } from './location.ts';
import { trusted, trustedTypes } from './natives.ts';
import { AppPolicy } from './policy.ts';
import { classicText, fragmentText } from './script_text.ts';
import { installWebSocket } from './websocket.ts';
import { kConnectWorker, kStartWorker, type WorkerStart } from '../worker_start.ts';
import { textOf } from './workers.ts';
import { installXhr } from './xhr.ts';

const maxImports = 200;

export function startWorker(): void {
  const held: MessageEvent[] = [];
  const first = (event: MessageEvent<unknown>) => {
    event.stopImmediatePropagation();
    const start = event.data as WorkerStart | null;
    const [port] = event.ports;
    if (start?.type !== kStartWorker || !port) {
      held.push(event);
      return;
    }
    void run(start, port).then(() => {
      removeEventListener('message', first, true);
      if (start.shared === true) addEventListener('message', connect, true);
      for (const one of held)
        dispatchEvent(new MessageEvent('message', { data: one.data as unknown, ports: [...one.ports] }));
    });
  };
  addEventListener('message', first, true);
}

/** Somebody more shares it. */
function connect(event: MessageEvent<unknown>): void {
  event.stopImmediatePropagation();
  const [port] = event.ports;
  if ((event.data as { type?: unknown } | null)?.type !== kConnectWorker || !port) return;
  dispatchEvent(new MessageEvent('connect', { data: '', ports: [port], source: port }));
}

async function run(start: WorkerStart, port: MessagePort): Promise<void> {
  const broker = new BrokerPort(port);
  const policy = new AppPolicy();
  policy.add(start.policy);
  const context: Context = {
    ...{ broker, policy, origin: start.origin, url: start.url, source: start.source },
    base: () => start.url,
    life: new AbortController().signal,
    media: port => port.close(),
    newClient: () => {
      throw new DOMException('A worker in a worker is not possible in a page on disk.', 'NotSupportedError');
    },
  };
  const location = new VirtualLocation({
    url: () => start.url,
    base: () => start.url,
    go: null,
    reload: () => undefined,
  });
  installLocation(location, [globalThis]);
  for (const [name, value] of [['origin', start.origin]] as const)
    Object.defineProperty(globalThis, name, { value, configurable: true });
  trustedTypes?.createPolicy('default', {
    createHTML: text => text,
    createScript: (text, _type, sink) => (sink === 'eval' || sink === 'Function' ? text : fragmentText(text)),
    createScriptURL: text => text,
  });
  Reflect.deleteProperty(globalThis, 'trustedTypes');
  Reflect.deleteProperty(globalThis, 'Worker');
  installFetch(context, globalThis);
  installXhr(context);
  installWebSocket(context);
  installEventSource(context);
  if (start.shared === true) {
    defineHandlers(globalThis, ['connect']);
    Object.defineProperty(globalThis, 'postMessage', { value: undefined, configurable: true });
  }
  const text = start.text ?? (await textOf(context, new URL(start.url)));
  const imported = await loadImports(context, text);
  installImportScripts(context, imported);
  if (start.module) await runModule(text, context);
  else runText(text, start.url);
}

function runText(text: string, url: string): void {
  const code = `${classicText(text, url)}\n//# sourceURL=${url}`;

  (0, eval)(trusted.createScript(code));
}

/** Only one without imports of its own. */
async function runModule(text: string, context: Context): Promise<void> {
  const { moduleBlob } = await import('./worker_modules.ts');
  await import(await moduleBlob(text, context));
}

const literal = /\bimportScripts\(\s*((?:(?:"[^"\\\n]*"|'[^'\\\n]*'|`[^`$\\]*`)\s*,?\s*)+)\)/g;

async function loadImports(context: Context, text: string): Promise<Map<string, string>> {
  const loaded = new Map<string, string>();
  const visit = async (code: string, depth: number): Promise<void> => {
    const urls = [...code.matchAll(literal)].flatMap(([, list = '']) =>
      [...list.matchAll(/["'`]([^"'`]*)["'`]/g)].map(([, name = '']) => new URL(name, context.url)),
    );
    for (const url of urls) {
      if (loaded.has(url.href) || loaded.size >= maxImports || depth > 8) continue;
      loaded.set(url.href, '');
      try {
        const inner = await textOf(context, url);
        loaded.set(url.href, inner);
        await visit(inner, depth + 1);
      } catch {
        loaded.delete(url.href);
      }
    }
  };
  await visit(text, 0);
  return loaded;
}

function installImportScripts(context: Context, loaded: ReadonlyMap<string, string>): void {
  const nativeImport = (globalThis as unknown as { importScripts(...urls: string[]): void }).importScripts.bind(
    globalThis,
  );
  const shim = (...urls: (string | URL)[]) => {
    for (const one of urls) {
      const url = new URL(String(one), context.url);
      if (url.protocol === 'blob:' || url.protocol === 'data:') {
        nativeImport(trusted.createScriptURL(url.href));
        continue;
      }
      const text = loaded.get(url.href);
      if (text === undefined)
        throw new DOMException(
          `importScripts('${url.href}'): in a page on disk only addresses that stand in the worker's text can be imported. Use "owndir connect".`,
          'NetworkError',
        );
      runText(text, url.href);
    }
  };
  Object.defineProperty(globalThis, 'importScripts', { value: shim, configurable: true, writable: true });
}
