// The examples of docs/modules.md and README.md, taken out of the documents: each builds, and the first one does in real
// Chromium what it is printed for.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumIsMissing } from '../testing/browser.ts';
import { Builder, type Files } from './testing/builder.ts';

interface Example {
  path: string;
  code: string;
}

const document = (name: string) => readFileSync(fileURLToPath(new URL(`../../${name}`, import.meta.url)), 'utf8');

/** Blocks that begin with the path of the file that they are. */
function examplesOf(text: string): Example[] {
  const blocks = [...text.matchAll(/^```(?:js|jsx|css)\n(?:\/\/|\/\*) (\.owndir\/\S+)(?: \*\/)?\n(.*?)^```$/gms)];
  return blocks.map(([, path = '', code = '']) => ({ path, code }));
}

const modules = examplesOf(document('docs/modules.md'));

describe('the examples of the documents', () => {
  let builder: Builder;
  beforeAll(() => {
    builder = new Builder();
  });
  afterAll(() => builder.stop());

  const beside: Files = {
    '.owndir/static/picture.txt': 'x',
    '.owndir/robots.txt': 'x',
    '.owndir/about.html': '<!doctype html><title>About</title>',
  };

  it.each(modules.filter(({ path }) => !path.endsWith('.css')))('builds $path: $code', async ({ path, code }) => {
    const style = modules.find(each => each.path.endsWith('style.css'))?.code ?? '';
    const index: Files = path.startsWith('.owndir/index') ? {} : { '.owndir/index.js': 'export default {};' };
    const { errors, warnings, done } = await builder.built({
      ...beside,
      '.owndir/style.css': style,
      ...index,
      [path]: code,
    });
    expect([errors, warnings]).toEqual([[], []]);
    expect(done).not.toBeNull();
  });

  it.each(['README.md', 'docs/first-app.md'])('builds what %s writes into a file', async name => {
    const written = [...document(name).matchAll(/cat > \S+\/(\.owndir\/\S+) <<'END'\n(.*?)^ *END$/gms)];
    expect(written.length).toBeGreaterThan(0);
    for (const [, path = '', code = ''] of written) {
      const { errors, warnings } = await builder.built({ [path]: code });
      expect([errors, warnings]).toEqual([[], []]);
    }
  });

  it('finds every block of code that is a module or a plugin', () => {
    expect(modules.map(({ path }) => path)).toEqual([
      '.owndir/index.jsx',
      '.owndir/style.css',
      '.owndir/plugins/00-favicon/index.js',
      '.owndir/index.jsx',
      '.owndir/build/client/bundler/index.js',
      '.owndir/index.js',
    ]);
  });
});

interface Support {
  openBrowser(bench: object, options: object): Promise<BrowserContext>;
}

describe.skipIf(chromiumIsMissing)('the first example of docs/modules.md', { timeout: 120_000 }, () => {
  let builder: Builder;
  let context: BrowserContext;
  const deferred: (() => unknown)[] = [];

  beforeAll(async () => {
    builder = new Builder();
    // @ts-expect-error: plain JavaScript of the end-to-end tests
    const support = (await import('../../tests/support/chromium.mjs')) as Support;
    const bench = {
      directory: builder.directory,
      defer: (action: () => unknown) => deferred.unshift(action),
      log: () => {},
    };
    context = await support.openBrowser(bench, { directories: [] });
  });
  afterAll(async () => {
    for (const action of deferred) await action();
    await builder?.stop();
  });

  it('lists folders, goes into them, and opens files, whatever they are called', async () => {
    const files = Object.fromEntries(modules.slice(0, 2).map(({ path, code }) => [path, code]));
    const { folder, errors } = await builder.built(files);
    expect(errors).toEqual([]);
    const entry = fileURLToPath(new URL('./testing/memory_runtime.ts', import.meta.url));
    const runtime = await build({ entryPoints: [entry], bundle: true, format: 'iife', write: false });
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('pageerror', error => faults.push(error.message));
    page.on('console', message => message.type() === 'error' && faults.push(message.text()));
    const texts = { 'plain.txt': 'plain', 'a b #1?/50% of ü.txt': 'odd', '.hidden': '' };
    await page.addInitScript(
      `globalThis.OWNDIR_TEST_FILES = ${JSON.stringify(texts)};${runtime.outputFiles[0]?.text ?? ''}`,
    );
    await page.goto(`file://${join(folder.job.out, 'site/index.html')}`);
    const save = async (name: string) => {
      const link = page.getByRole('link', { name: `Save ${name}` });
      await expect.poll(() => link.getAttribute('href')).toMatch(/^blob:/);
      return link.evaluate(async each => (await fetch((each as unknown as { href: string }).href)).text());
    };

    await page.getByRole('link', { name: 'plain.txt' }).click();
    expect(await save('plain.txt')).toBe('plain');
    await page.goBack();
    expect(await page.getByRole('link').allTextContents()).toEqual(['a b #1?', 'plain.txt']);
    await page.getByRole('link', { name: 'a b #1?' }).click();
    await page.getByRole('heading', { name: 'a b #1?' }).waitFor();
    await page.getByRole('link', { name: '50% of ü.txt' }).click();
    expect(await save('50% of ü.txt')).toBe('odd');
    await page.evaluate(() => ((globalThis as unknown as { location: { hash: string } }).location.hash = '/gone'));
    await page.getByText('There is nothing here.').waitFor();
    expect(faults).toEqual([]);
  });
});
