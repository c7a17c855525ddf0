// The pages of the examples in real Chromium, from file://, over a folder in memory: what a synced copy shows without the server.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumIsMissing } from '../testing/browser.ts';
import { Hosts } from './testing/host.ts';

interface Support {
  openBrowser(bench: object, options: object): Promise<BrowserContext>;
}

interface PageGlobals {
  directory: { walk(path: string): { text(): Promise<string> } };
  testBacking: { put(path: string, content: string): void };
}

describe.skipIf(chromiumIsMissing)('the pages of the examples', { timeout: 120_000 }, () => {
  let hosts: Hosts;
  let context: BrowserContext;
  let runtime: string;
  const deferred: (() => unknown)[] = [];

  beforeAll(async () => {
    hosts = new Hosts();
    const entry = fileURLToPath(new URL('./testing/memory_runtime.ts', import.meta.url));
    const built = await build({ entryPoints: [entry], bundle: true, format: 'iife', write: false });
    runtime = built.outputFiles[0]?.text ?? '';
    // @ts-expect-error: plain JavaScript of the end-to-end tests
    const support = (await import('../../tests/support/chromium.mjs')) as Support;
    const bench = {
      directory: hosts.directory,
      defer: (action: () => unknown) => deferred.unshift(action),
      log: () => {},
    };
    context = await support.openBrowser(bench, { directories: [] });
  });
  afterAll(async () => {
    for (const action of deferred) await action();
    await hosts?.stop();
  });

  async function open(example: string): Promise<{ page: Page; faults: string[] }> {
    const { base, texts } = await hosts.buildExample(example);
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('pageerror', error => faults.push(error.message));
    page.on('console', message => message.type() === 'error' && faults.push(message.text()));
    await page.addInitScript(`globalThis.OWNDIR_TEST_FILES = ${JSON.stringify(texts)};${runtime}`);
    expect(existsSync(join(base, 'out/site/index.html'))).toBe(true);
    await page.goto(`file://${join(base, 'out/site/index.html')}`);
    return { page, faults };
  }

  it('api: lists links, finds them, saves one as a file, removes one, and follows changes on the disk', async () => {
    const { page, faults } = await open('api');
    const titles = () => page.locator('.links li > a:first-child').allTextContents();
    await page.getByText('HTTP Semantics (RFC 9110)').waitFor();
    expect((await titles()).sort()).toEqual([
      'Express 4.x API',
      'HTTP Semantics (RFC 9110)',
      'Syncthing documentation',
    ]);

    await page.getByLabel('Find a link').fill('request MEAN');
    await expect.poll(titles).toEqual(['HTTP Semantics (RFC 9110)']);
    await page.getByLabel('Find a link').fill('nowhere');
    await page.getByText('No link has “nowhere” in it.').waitFor();
    await page.getByLabel('Find a link').fill('');
    await page.setViewportSize({ width: 360, height: 700 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);

    await page.getByLabel('Address').fill('nonsense');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('alert').getByText('no web address').waitFor();
    await page.getByLabel('Address').fill('https://example.org/some/page');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('link', { name: 'https://example.org/some/page' }).waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
    const saved = await page.evaluate(() =>
      (globalThis as unknown as PageGlobals).directory.walk('links/example-org-some-page.txt').text(),
    );
    expect(saved).toBe('https://example.org/some/page\n');

    await page.getByRole('button', { name: 'Remove Syncthing documentation' }).click();
    await expect.poll(titles).not.toContain('Syncthing documentation');
    await page.evaluate(() =>
      (globalThis as unknown as PageGlobals).testBacking.put('links/new.txt', 'https://new.test/\nFrom elsewhere\n'),
    );
    await page.getByText('From elsewhere').waitFor();
    expect(await page.locator('.links .short').count()).toBe(0);
    expect(faults).toEqual([]);
    await page.close();
  });

  it('inherit: shows each folder in what it has of its own and what it takes from above', async () => {
    const { page, faults } = await open('inherit');
    const heading = page.locator('h1');
    const shown = async () => [
      await heading.textContent(),
      await heading.evaluate(each => getComputedStyle(each).color),
      await page.locator('.chores li').allTextContents(),
    ];
    const [blue, green, red] = ['rgb(59, 110, 165)', 'rgb(63, 125, 58)', 'rgb(179, 48, 75)'];
    await page.getByText('Clean the gutters').waitFor();
    expect(await shown()).toEqual([
      'Chores: House',
      blue,
      ['Clean the gutters', 'Oil the door', 'Change the smoke alarm battery'],
    ]);
    expect(await page.locator('.chores .done').allTextContents()).toEqual(['Oil the door']);

    await page.getByRole('link', { name: 'Garden' }).click();
    await page.getByText('Mow the lawn').waitFor();
    const season = await heading.textContent();
    expect(season).toMatch(/^Garden, (winter|spring|summer|autumn)$/);
    expect(await shown()).toEqual([season, green, ['Mow the lawn', 'Water the tomatoes']]);

    await page.getByRole('link', { name: 'Roses' }).click();
    await page.getByText('Cut back the climbers').waitFor();
    expect(await shown()).toEqual([
      season?.replace('Garden', 'Roses'),
      red,
      ['Cut back the climbers', 'Feed in spring'],
    ]);
    expect(await page.locator('nav a').allTextContents()).toEqual(['House', 'Garden']);

    // No module of its own: all is the garden's, but the list.
    await page.evaluate(() => void (location.hash = '/garden/compost'));
    await page.getByText('Turn the heap').waitFor();
    expect(await shown()).toEqual([season, green, ['Turn the heap']]);
    await page.goBack();
    await page.getByText('Cut back the climbers').waitFor();
    expect(faults).toEqual([]);
    await page.close();
  });
});
