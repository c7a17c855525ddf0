// What the runtime shows over an app, in real Chromium: readable, named, within the window, untouched by the app's style.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kSwitches } from '../shell/dev/bundle.mjs';
import { makeStates } from './dev/page.mjs';

let directory: string;
let address: string;
let browser: Browser;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'owndir-runtime-'));
  address = await makeStates(directory);
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: kSwitches });
});
afterAll(async () => {
  await browser?.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('every state of the runtime', () => {
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
      expect(names).toContain('live');
      const wrong: Record<string, string[]> = {};
      for (const name of names) {
        await page.goto(address);
        await page.evaluate(story => window.stories.show(story), name);
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

describe('the panel', () => {
  it('keeps the keyboard within, closes on Escape, and gives the focus back', async () => {
    const page = await browser.newPage();
    await page.goto(address);
    await page.evaluate(() => window.stories.show('connecting'));
    const badge = page.locator('owndir-status').getByRole('button');
    expect(await badge.textContent()).toBe('From disk · connecting… 12 s');
    await badge.focus();
    expect(await badge.getAttribute('aria-haspopup')).toBe('dialog');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Connection' }).waitFor();
    for (let at = 0; at < 12; at += 1) await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.tagName)).toMatch(/^(?:OWNDIR-PANEL|BODY)$/);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('OWNDIR-STATUS');
    await page.close();
  });
});
