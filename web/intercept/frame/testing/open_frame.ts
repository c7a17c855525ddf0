// What the browser tests of the frame share: a real page on file:// under the shell's own policy, owndir-frame.html beside it, and
// a server outside that nothing may reach.
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Frame } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { functionBundle, pageWithScript } from '../../../bundle.mjs';
import { openLibrariesPage, type LibrariesPage } from '../../../testing/browser.ts';
import type { FrameBench } from './frame_page.ts';

declare const bench: FrameBench;

export type Site = Readonly<Record<string, string>>;

const say = 'const say = said => top.postMessage({ said }, "*");';
export const html = (body: string, head = '') =>
  `<!doctype html><html lang="en"><head><title>t</title>${head}<script>${say}</script></head><body>${body}</body></html>`;

export class FrameTest {
  #libraries!: LibrariesPage;
  #outside!: Server;
  outsideUrl = '';
  /** Has gone past the channel. */
  readonly reached: string[] = [];

  get page(): LibrariesPage['page'] {
    return this.#libraries.page;
  }
  /** Of the page's files. */
  get directory(): string {
    return this.#libraries.directory;
  }

  async begin(): Promise<void> {
    this.#outside = createServer((request, response) => {
      this.reached.push(`${request.method} ${request.url}`);
      response.setHeader('access-control-allow-origin', '*');
      response.end('outside');
    });
    await new Promise<void>(resolve => this.#outside.listen(0, '127.0.0.1', resolve));
    this.outsideUrl = `http://127.0.0.1:${(this.#outside.address() as AddressInfo).port}`;
    const shell = readFileSync(new URL('../../../shell/index.html', import.meta.url), 'utf8');
    this.#libraries = await openLibrariesPage({
      entry: new URL('./frame_page.ts', import.meta.url),
      head: /<script>[^]*?<\/script>/.exec(shell)?.[0] ?? '',
      files: {
        'owndir-media.js': await functionBundle('intercept/media/main.ts', 'owndirMedia', 'media'),
        'owndir-frame.html': await pageWithScript('intercept/frame/frame.html', 'intercept/frame/host/main.ts'),
      },
    });
  }

  async end(): Promise<void> {
    await this.#libraries?.close();
    this.#outside?.close();
  }

  /** Puts the pages behind the tunnel, then what `more` has to add in the page, and opens the app. */
  async open(site: Site, start = '/', more: () => void = () => undefined): Promise<void> {
    await this.page.evaluate(pages => {
      bench.pages.clear();
      for (const [path, text] of Object.entries(pages)) bench.pages.set(path, text);
    }, site);
    await this.page.evaluate(more);
    await this.page.evaluate(first => bench.open(first), start);
  }

  /** Waits until documents have said that much. */
  async heard(count = 1): Promise<unknown[]> {
    await this.page
      .waitForFunction(least => bench.said.length >= least, count, { timeout: 10_000 })
      .catch(() => undefined);
    return this.page.evaluate(() => bench.said);
  }

  /** The app's document, the latest. */
  async app(): Promise<Frame> {
    const find = () =>
      this.page
        .frames()
        .filter(one => one.parentFrame()?.parentFrame() === this.page.mainFrame())
        .at(-1);
    await expect.poll(find, { timeout: 10_000 }).toBeDefined();
    return find()!;
  }

  /** In the app's document that has it. */
  async click(selector: string): Promise<void> {
    const find = async () => (await this.app()).isVisible(selector).catch(() => false);
    await expect.poll(find, { timeout: 10_000 }).toBe(true);
    await (await this.app()).click(selector);
  }
}

/** One page for the tests of a file. */
export function useFrame(): FrameTest {
  const test = new FrameTest();
  beforeAll(() => test.begin());
  afterAll(() => test.end());
  return test;
}
