import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { kOneSentence } from './connect_view.ts';

const html = readFileSync(new URL('./index.html', import.meta.url), 'utf8');

it('sets its policy first, the same on disk, and allows its inline script by its digest', () => {
  const [policy = '', script = ''] = [...html.matchAll(/<script>([^]*?)<\/script>/g)].map(([, text]) => text);
  const digest = createHash('sha256').update(script).digest('base64');
  const policyOf = (protocol: string) => {
    const meta = { content: '' };
    const page = { createElement: () => meta, head: { append: () => undefined } };
    runInNewContext(policy, { location: { protocol }, document: page });
    return meta.content;
  };
  for (const [protocol, frames] of [
    ['file:', 'file:'],
    ['https:', "'self' http://*.localhost:*"],
  ] as const)
    expect(policyOf(protocol)).toBe(
      `default-src 'none'; script-src 'self' file: 'sha256-${digest}'; style-src 'self' file: 'unsafe-inline'; ` +
        `img-src blob: data:; media-src blob:; frame-src blob: data: ${frames}; object-src blob:; worker-src blob:; ` +
        "connect-src 'none'; form-action 'none'; base-uri 'none'",
    );
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
