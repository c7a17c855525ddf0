// A page on file:// in real Chromium with the libraries in it, and with directories that it may write without a prompt.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { BrowserContext, Page } from 'playwright-core';
import { esbuildWorkers, knowsItself, target } from '../worker-plugin.mjs';

export const chromiumIsMissing = !existsSync('/usr/bin/chromium');

interface Bench {
  directory: string;
  defer(action: () => unknown): void;
  log(text: string): void;
}

interface Support {
  openBrowser(bench: Bench, options: { directories: string[] }): Promise<BrowserContext>;
  openPage(bench: Bench, context: BrowserContext, file: string): Promise<Page>;
  dropDirectory(page: Page, directory: string): Promise<void>;
}

export interface LibrariesPage {
  page: Page;
  /** Empty, and writable by the page. */
  directory: string;
  log: string[];
  drop(directory: string): Promise<void>;
  close(): Promise<void>;
}

/** `entry`: what is in the page; the libraries unless told otherwise. `head`: html before it. `files`: beside it. */
export async function openLibrariesPage({
  entry = new URL('./libraries_page.ts', import.meta.url),
  head = '',
  files = {},
}: { entry?: URL; head?: string; files?: Readonly<Record<string, string>> } = {}): Promise<LibrariesPage> {
  // @ts-expect-error: plain JavaScript of the end-to-end tests
  const support = (await import('../../tests/support/chromium.mjs')) as Support;
  const directory = mkdtempSync(join(tmpdir(), 'owndir-web-'));
  const deferred: (() => unknown)[] = [];
  const log: string[] = [];
  const bench: Bench = { directory, defer: action => deferred.unshift(action), log: text => log.push(text) };
  const close = async () => {
    for (const action of deferred) await action();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await build({
      entryPoints: [fileURLToPath(entry)],
      bundle: true,
      format: 'iife',
      target,
      outfile: join(directory, 'page.js'),
      plugins: [esbuildWorkers],
      logLevel: 'error',
      ...knowsItself,
    });
    const file = join(directory, 'page.html');
    writeFileSync(
      file,
      `<!doctype html><meta charset="utf-8">${head}<title>test</title><body><script src="page.js"></script></body>`,
    );
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    const context = await support.openBrowser(bench, { directories: [directory] });
    const page = await support.openPage(bench, context, file);
    return { page, directory, log, drop: path => support.dropDirectory(page, path), close };
  } catch (error) {
    await close();
    throw error;
  }
}
