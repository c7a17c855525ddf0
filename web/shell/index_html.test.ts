import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { kOneSentence } from './connect_view.ts';

const html = readFileSync(new URL('./index.html', import.meta.url), 'utf8');

it('allows its inline script by its digest, and no other', () => {
  const script = /<script>([^]*?)<\/script>/.exec(html)?.[1] ?? '';
  const digest = createHash('sha256').update(script).digest('base64');
  expect(html).toContain(`'sha256-${digest}'`);
  expect(html.match(/<script/g)).toHaveLength(2);
});

it('has the two names to fill in, and refers to nothing else', () => {
  expect(html.match(/\{\{\w+\}\}/g)).toEqual(['{{style}}', '{{script}}']);
  expect(html).not.toMatch(/(?:src|href)="https?:/);
});

it('says before any script what the page is for', () => {
  expect(html.replace(/\s+/g, ' ')).toContain(kOneSentence);
});
