// Every state of the page, and the walk through a folder by keyboard, in real Chromium with a made-up home folder.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleStates, kSwitches } from './dev/bundle.mjs';

declare global {
  interface Window {
    stories: { names: string[]; show(name: string): void; arrive(path: string): void; inspect(): string[] };
  }
}

let directory: string;
let address: string;
let browser: Browser;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'owndir-states-'));
  address = await bundleStates(directory);
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: kSwitches });
});
afterAll(async () => {
  await browser?.close();
  rmSync(directory, { recursive: true, force: true });
});

async function open(story: string, page: Page): Promise<void> {
  await page.goto('about:blank');
  await page.goto(address);
  await page.evaluate(name => window.stories.show(name), story);
}

const place = (page: Page) => page.evaluate(() => decodeURIComponent(location.hash));
const focused = (page: Page) => page.evaluate(() => document.activeElement?.textContent ?? '');

describe('every state', () => {
  it.each(['light', 'dark'] as const)(
    'can be read and used on 320 px, %s',
    async colorScheme => {
      const page = await browser.newPage({
        viewport: { width: 320, height: 640 },
        colorScheme,
        reducedMotion: 'reduce',
      });
      const errors: string[] = [];
      page.on('pageerror', error => errors.push(error.message));
      await page.goto(address);
      const names = await page.evaluate(() => window.stories.names);
      expect(names.length).toBeGreaterThan(30);
      const wrong: Record<string, string[]> = {};
      for (const name of names) {
        await open(name, page);
        await page.waitForFunction(() => document.querySelector('.busy:not([hidden])') === null);
        const found = await page.evaluate(() => window.stories.inspect());
        if (found.length > 0) wrong[name] = found;
      }
      expect(wrong).toEqual({});
      expect(errors).toEqual([]);
      await page.close();
    },
    120_000,
  );
});

describe('the page whose script has not arrived yet', () => {
  it('says so, and starts by itself when the script is there', async () => {
    const template = readFileSync(new URL('./index.html', import.meta.url), 'utf8');
    const file = join(directory, 'index.html');
    writeFileSync(file, template.replace('{{script}}', 'late.js').replace('{{style}}', 'page.css'));
    const page = await browser.newPage();
    await page.goto(`file://${file}`);
    await page.getByText('Still syncing').waitFor();
    writeFileSync(join(directory, 'late.js'), 'window.owndir = {};');
    await page.waitForFunction(() => window.owndir !== undefined);
    expect(await page.getByText('Still syncing').isVisible()).toBe(false);
    await page.close();
  });
});

describe('the folder', () => {
  it('is walked through by keyboard, and back', async () => {
    const page = await browser.newPage();
    await open('listing', page);
    await page.locator('.listing tbody tr').first().waitFor();
    await page.keyboard.press('ArrowDown');
    for (let at = 0; at < 3; at += 1) await page.keyboard.press('ArrowDown');
    expect(await focused(page)).toBe('Travel/');
    await page.keyboard.press('Enter');
    await page.getByText('Iceland 2024', { exact: true }).waitFor();
    expect(await place(page)).toBe('#/Travel/');
    expect(await page.title()).toBe('Travel · Photos');
    await page.keyboard.press('Backspace');
    await page.getByText('budget.csv').waitFor();
    expect(await focused(page)).toBe('Travel/');
    await page.keyboard.press('/');
    await page.keyboard.type('budg');
    await page.keyboard.press('Enter');
    await page.locator('.preview pre').waitFor();
    expect(await place(page)).toBe('#/budget.csv');
    expect(await page.locator('.preview pre').textContent()).toBe('month,sum\nJune,120\n');
    await page.goBack();
    // The list is as it was left, its filter too.
    await page.locator('.listing tbody tr').waitFor();
    expect(await focused(page)).toBe('budget.csv');
    await page.keyboard.press('/');
    await page.keyboard.press('Escape');
    await page.getByText('home-only', { exact: true }).waitFor();
    await page.close();
  });

  it('changes under a pressed mouse button without losing the click', async () => {
    const page = await browser.newPage();
    await open('listing', page);
    await page.getByText('Travel', { exact: true }).hover();
    await page.mouse.down();
    await page.evaluate(() => window.stories.arrive('/zebra.txt'));
    await page.getByText('zebra.txt', { exact: true }).waitFor();
    await page.mouse.up();
    await page.getByText('Iceland 2024', { exact: true }).waitFor();
    await page.goBack();
    await page.getByText('zebra.txt', { exact: true }).waitFor();
    expect(await page.locator('.listing tbody .name').allTextContents()).toContain('Travel');
    await page.close();
  });

  it('is sorted by its heads and shows hidden entries when asked', async () => {
    const page = await browser.newPage();
    await open('listing', page);
    const names = () => page.locator('.listing tbody .name').allTextContents();
    await page.getByRole('button', { name: 'Size' }).click();
    expect((await names())[4]).toBe('backup.tar.zst');
    expect(await page.locator('th.col-size').getAttribute('aria-sort')).toBe('descending');
    expect(await names()).not.toContain('.stignore');
    await page.getByLabel('Hidden').check();
    expect(await names()).toContain('.stignore');
    await page.close();
  });

  it('tells a screen reader as many entries as there are to be seen', async () => {
    const page = await browser.newPage();
    await open('listing', page);
    const said = () => page.locator('.explorer > .sr-only').textContent();
    await page.locator('.listing tbody tr').first().waitFor();
    expect(await said()).toBe(`Photos, ${await page.locator('.listing tbody tr').count()} entries`);
    await page.close();
  });

  it('says of a link out of the folder that it cannot be opened, and does not open it', async () => {
    const page = await browser.newPage();
    await open('listing', page);
    const link = page.getByRole('link', { name: 'scans' });
    expect(await link.textContent()).toBe('scanscannot be opened: it leads out of the folder');
    expect(await link.getAttribute('aria-disabled')).toBe('true');
    await link.click({ force: true });
    await link.press('Enter');
    expect(await place(page)).toBe('#/');
    await page.close();
  });

  it('calls a name that is no UTF-8 the same in the list and when it is open', async () => {
    const page = await browser.newPage();
    await open('listing', page);
    await page.getByText('bad\uFFFD.txt', { exact: true }).click();
    await page.locator('.preview h1').waitFor();
    expect(await page.locator('.preview h1').textContent()).toBe('bad\uFFFD.txt');
    expect(await page.locator('.crumbs [aria-current]').textContent()).toBe('bad\uFFFD.txt');
    await page.close();
  });

  it.each([320, 1200])('keeps the way home in sight above long names, on %i px', async width => {
    const page = await browser.newPage({ viewport: { width, height: 700 } });
    for (const story of ['long-name', 'long-path']) {
      await open(story, page);
      const home = page.locator('.crumbs a').first();
      await home.waitFor();
      const box = await home.boundingBox();
      expect(box?.x).toBeGreaterThanOrEqual(0);
      await home.click({ timeout: 2_000 });
      await page.waitForFunction(() => location.hash === '#/');
    }
    await page.close();
  });

  it.each([320, 1200])('has one left and one right edge from the head down, on %i px', async width => {
    const page = await browser.newPage({ viewport: { width, height: 700 } });
    await open('listing', page);
    const edges = (selector: string) =>
      page.locator(selector).evaluate(each => {
        const { left, right } = each.getBoundingClientRect();
        return { left, right };
      });
    await page.locator('.listing tbody tr').first().waitFor();
    const [top, folder, help, content] = await Promise.all(
      ['.top', '.mark-folder', '.top .icon-button path', '.toolbar'].map(edges),
    );
    expect(top).toEqual({ left: 0, right: await page.evaluate(() => document.documentElement.clientWidth) });
    expect(Math.abs((folder?.left ?? 0) - (content?.left ?? 0))).toBeLessThan(2);
    expect(Math.abs((help?.right ?? 0) - (content?.right ?? 0))).toBeLessThan(2);
    await page.close();
  });

  it('draws all keys of the help equally high', async () => {
    const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
    await open('listing-help', page);
    await page.locator('.help kbd').first().waitFor();
    const heights = await page
      .locator('.help kbd')
      .evaluateAll(keys => keys.map(key => key.getBoundingClientRect().height));
    expect(Math.max(...heights) - Math.min(...heights)).toBeLessThan(4);
    await page.close();
  });

  it('shows a web page of the folder without its scripts and without our origin', async () => {
    const page = await browser.newPage();
    await open('html', page);
    const frame = page.frameLocator('iframe.document');
    await frame.getByText('Four parts of rye flour').waitFor();
    expect(await page.locator('iframe.document').getAttribute('sandbox')).toBe('');
    await page.getByRole('button', { name: 'Source' }).click();
    expect(await page.locator('.preview pre').textContent()).toContain('<script>');
    await page.close();
  });

  it('says that a long text is cut', async () => {
    const page = await browser.newPage();
    await open('text-cut', page);
    await page.getByText(/^Shown: the first 2\.10 MB of 2\.\d+ MB/).waitFor();
    await page.close();
  });

  it('says what is missing, and leads up', async () => {
    const page = await browser.newPage();
    await open('not-found', page);
    await page.getByText('This is not in the home folder').waitFor();
    await page.getByRole('button', { name: 'One folder up' }).click();
    await page.waitForFunction(() => location.hash === '#/nothing/');
    await page.close();
  });

  it('lets a transfer be cancelled', async () => {
    const page = await browser.newPage();
    await open('loading', page);
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByText('Cancelled.').waitFor();
    await page.getByRole('button', { name: 'Show it after all' }).waitFor();
    await page.close();
  });
});
