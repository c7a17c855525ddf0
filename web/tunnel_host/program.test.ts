// The shipped programs of pages as their own workers: what runs in the worker is the text of the page's script.
import { readFileSync } from 'node:fs';
import { createContext, runInContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { bundle, knowsItself } from '../bundle.mjs';
import { bundleRuntime } from '../runtime/bundle.mjs';

const globals = { TextEncoder, TextDecoder, URL, EventTarget, Event, AbortController, AbortSignal, queueMicrotask };

/** A thread with what both kinds have, and nothing of the folder's. */
function thread(more: Record<string, unknown>): object {
  const context: Record<string, unknown> = { ...globals, addEventListener: () => undefined, ...more };
  context.self = context;
  return createContext(context);
}

describe.each([
  ['page.js', () => bundle('shell/page.ts', knowsItself)],
  ['runtime.js', () => bundleRuntime()],
])('%s', (_, make) => {
  it('starts as the worker where it has its name, and touches nothing of a page', async () => {
    const text = await make();
    const said: unknown[] = [];
    const worker = thread({ name: 'owndir-tunnels', postMessage: (messages: unknown[]) => said.push(...messages) });
    runInContext(text, worker);
    await expect.poll(() => said).toEqual([{ type: 'up', able: false }]);
    expect((worker as { onmessage?: unknown }).onmessage).toBeTypeOf('function');
    expect(Object.hasOwn(worker, 'owndir')).toBe(false);
    expect(Object.hasOwn(worker, 'owndirProgram')).toBe(false);
  });

  it('does not take a page of that name for the worker', async () => {
    const said: unknown[] = [];
    const page = thread({
      name: 'owndir-tunnels',
      document: {},
      postMessage: (message: unknown) => said.push(message),
    });
    // A page without anything to show it in.
    const text = await make();
    expect(() => void runInContext(text, page)).toThrow();
    expect(said).toEqual([]);
  });

  it('holds the tunnel once', async () => {
    const text = await make();
    const words = 'instead of opening a WebSocket';
    expect(readFileSync(new URL('../tunnel/socket.ts', import.meta.url), 'utf8')).toContain(words);
    expect(text.split(words)).toHaveLength(2);
  });
});
