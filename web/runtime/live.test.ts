import { describe, expect, it } from 'vitest';
import { judge, parseLive, type LiveMessage } from './live.ts';

const message = (change: Partial<LiveMessage>): LiveMessage => ({ site: 'new', state: 'ok', text: '', ...change });

describe('what the server tells of the site', () => {
  it.each(['', '{', 'null', '[]', '{"site":1,"state":"ok"}', '{"site":"a","state":"maybe"}', 7, new Uint8Array(2)])(
    'is ignored when it is no such message: %j',
    text => expect(parseLive(text)).toBe(null),
  );

  it('is cut where it is too long', () => {
    const text = JSON.stringify({ site: 'a', state: 'failed', text: 'x'.repeat(100_000) });
    expect(parseLive(text)?.text.length).toBe(4_000);
  });

  it('leads to a reload only for another site that is ready', () => {
    expect(judge(message({}), 'old').newer).toBe(true);
    expect(judge(message({}), 'new').newer).toBe(false);
    expect(judge(message({ state: 'building' }), 'old').newer).toBe(false);
    expect(judge(message({ state: 'failed' }), 'old').newer).toBe(false);
    expect(judge(message({ site: '' }), 'old').newer).toBe(false);
    expect(judge(message({}), '').newer).toBe(false);
  });

  it('is shown when a build failed or code waits for approval', () => {
    expect(judge(message({ state: 'failed', text: 'index.jsx:3: oops' }), 'old').notice).toMatchObject({
      kind: 'failed',
      text: 'index.jsx:3: oops',
    });
    expect(judge(message({ state: 'unapproved' }), 'old').notice?.text).toMatch(/owndir trust/);
    expect(judge(message({}), 'old').notice).toBe(null);
  });
});
