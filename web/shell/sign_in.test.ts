// The dialog for an app's name and password, in real Chromium.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Login } from '../intercept/port.ts';
import { chromiumIsMissing } from '../testing/browser.ts';
import { bundleStates, kSwitches } from './dev/bundle.mjs';

interface Stories {
  show(name: string): void;
  askSignIn(challenge: { realm: string; refused: boolean }, app?: string): Promise<Login | null>;
  stopAsking(): void;
}

describe.skipIf(chromiumIsMissing)('the sign-in to an app', { timeout: 30_000 }, () => {
  let directory: string;
  let address: string;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'owndir-sign-in-'));
    address = await bundleStates(directory);
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: kSwitches });
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(directory, { recursive: true, force: true });
  });
  beforeEach(async () => {
    page = await browser.newPage();
    page.setDefaultTimeout(10_000);
    await page.goto(address);
    await page.evaluate(() => (window.stories as unknown as Stories).show('app-open'));
    await page.locator('iframe.app-document').waitFor();
  });
  afterEach(() => page.close());

  const ask = (realm: string, refused = false, app = 'notes') =>
    page.evaluate(([challenge, name]) => (window.stories as unknown as Stories).askSignIn(challenge, name), [
      { realm, refused },
      app,
    ] as const);
  const dialog = () => page.locator('dialog.sign-in');
  async function give(name: string, password: string): Promise<void> {
    await page.getByLabel('Name').fill(name);
    await page.getByLabel('Password').fill(password);
    await page.keyboard.press('Enter');
  }

  it('gives what was entered, and gives it again for the same app and realm without a question', async () => {
    const first = ask('family');
    await give('anna', 'pa ss');
    expect(await first).toEqual({ name: 'anna', password: 'pa ss' });
    expect(await dialog().count()).toBe(0);
    expect(await ask('family')).toEqual({ name: 'anna', password: 'pa ss' });
    for (const other of [ask('another'), ask('family', false, 'localhost-8384')]) {
      await dialog().waitFor();
      await page.keyboard.press('Escape');
      expect(await other).toBeNull();
    }
  });

  it('forgets what was refused, and asks for it with the name in place', async () => {
    const first = ask('family');
    await give('anna', 'wrong');
    await first;
    const again = ask('family', true);
    await page.getByRole('alert').getByText('did not take').waitFor();
    expect(await page.getByLabel('Name').inputValue()).toBe('anna');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('sign-in-password');
    await page.getByRole('button', { name: 'Cancel' }).click();
    expect(await again).toBeNull();
    const third = ask('family');
    await give('anna', 'right');
    expect(await third).toEqual({ name: 'anna', password: 'right' });
  });

  it('lies over the head of the page, where no app can draw, and nothing else can be used meanwhile', async () => {
    const asked = ask('family');
    await dialog().waitFor();
    const { dialogTop, stageTop, under } = await page.evaluate(() => {
      const top = (selector: string) => document.querySelector(selector)?.getBoundingClientRect().top ?? NaN;
      const back = document.querySelector('.app-back')?.getBoundingClientRect();
      const under = document.elementFromPoint((back?.x ?? 0) + 5, (back?.y ?? 0) + 5)?.className;
      return { dialogTop: top('dialog.sign-in'), stageTop: top('.app-stage'), under };
    });
    expect(dialogTop).toBeLessThan(stageTop - 50);
    expect(under).toBe('sign-in');
    await page.keyboard.press('Escape');
    await asked;
  });

  it('names the app, and shows its realm as a short quotation without tricks', async () => {
    const asked = ask(`  <b>owndir</b>\n\u202eneeds\u0000 your password ${'x'.repeat(500)}`);
    await dialog().waitFor();
    expect(await page.locator('.sign-in b').allTextContents()).toEqual(['notes']);
    const shown = await page.locator('.sign-in-realm').textContent();
    expect(shown).toMatch(/^<b>owndir<\/b> needs your password x+…$/);
    expect(shown).toHaveLength(161);
    await page.keyboard.press('Escape');
    await asked;
  });

  it('takes no colon in a name, which would end it', async () => {
    const asked = ask('family');
    await give('an:na', 'x');
    await page.getByRole('alert').getByText('no colon').waitFor();
    await give('anna', 'x');
    expect(await asked).toEqual({ name: 'anna', password: 'x' });
  });

  it('asks one after the other, and goes away when nobody waits any more', async () => {
    const both = [ask('one'), ask('two')];
    await dialog().waitFor();
    expect(await dialog().count()).toBe(1);
    expect(await page.locator('.sign-in-realm').textContent()).toBe('one');
    await give('anna', '1');
    expect(await both[0]).toEqual({ name: 'anna', password: '1' });
    await page.locator('.sign-in-realm').getByText('two').waitFor();
    await page.evaluate(() => (window.stories as unknown as Stories).stopAsking());
    expect(await both[1]).toBeNull();
    expect(await dialog().count()).toBe(0);
  });
});
