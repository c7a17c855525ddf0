import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { kOneSentence } from './connect_view.ts';

const html = readFileSync(new URL('./index.html', import.meta.url), 'utf8');

it('sets its policy first, and allows its inline script by its digest on a server', () => {
  const [policy = '', script = ''] = [...html.matchAll(/<script>([^]*?)<\/script>/g)].map(([, text]) => text);
  const digest = createHash('sha256').update(script).digest('base64');
  const [, strict = '', onDisk = ''] = /strict =\s*"(.*?)";[^]*onDisk =\s*"(.*?)";/.exec(policy) ?? [];
  expect(strict).toContain(`script-src 'self' file: 'sha256-${digest}';`);
  for (const one of [strict, onDisk]) expect(one).toMatch(/^default-src 'none'; .*form-action 'none'/);
  // Nothing of an app on disk reaches the network but through the page.
  expect(onDisk).not.toMatch(/https?:|\*/);
  expect(html.indexOf('<script>')).toBeLessThan(html.search(/<link|<title/));
  expect(html.match(/<script/g)).toHaveLength(3);
});

it('has the two names to fill in, and refers to nothing else', () => {
  expect(html.match(/\{\{\w+\}\}/g)).toEqual(['{{style}}', '{{script}}']);
  expect(html).not.toMatch(/(?:src|href)="https?:/);
});

it('says before any script what the page is for', () => {
  expect(html.replace(/\s+/g, ' ')).toContain(kOneSentence);
});
