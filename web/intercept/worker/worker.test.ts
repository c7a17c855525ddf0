// The parts of the service worker that need no browser: where the script goes, what becomes of policies, whose a URL is.
import { describe, expect, it } from 'vitest';
import type { Bytes } from '../../base/bytes.ts';
import { Addressing, hasOwnHost, originsFor, pageOrigin } from './addressing.ts';
import { declaredCharset, injected, insertionPoint, scriptElement } from './html.ts';
import { noteOf } from './messages.ts';
import { adjustedFields, adjustedPolicy } from './policy.ts';

describe('the script', () => {
  it.each([
    ['<!doctype html><html lang="a>b"><head data-x=\'>\'>|<title>'],
    ['<!DOCTYPE html>\n<html>|<body>'],
    ['<!doctype html>|<p>'],
    ['|<p>no doctype'],
    ['|text'],
    ['<!-- a comment --><!doctype html><!-- more --><html><!-- > --><head>|<script>'],
    ['\u00ef\u00bb\u00bf<!doctype html>|<header>'],
    ['<html>|<header>'],
    ['|'],
    ['<!doctype html><html><head lang=a">|<title>it"s'],
    ['|<!-- never ends'],
  ])('goes where the head begins: %s', text => {
    const [before = '', after = ''] = text.split('|');
    expect(insertionPoint(before + after, true)).toBe(before.length);
  });

  it.each(['', '<!doc', '<!doctype html', '<html', '<html lang="', '<!-- x', '<h', '<!doctype html>  '])(
    'waits for more after %j',
    start => expect(insertionPoint(start, false)).toBe(null),
  );

  it.each([1, 7, 1000])('changes nothing else, in pieces of %d bytes', async size => {
    const html = `<!doctype html><html><head><meta charset="koi8-r">${'x'.repeat(3000)}</html>`;
    const bytes = new TextEncoder().encode(html);
    let at = 0;
    const body = new ReadableStream<Bytes>({
      pull: controller => {
        if (at >= bytes.length) controller.close();
        else controller.enqueue(bytes.slice(at, (at += size)));
      },
    });
    const result = await injected(body, '<script>1</script>', true);
    expect(result.charset).toBe('koi8-r');
    expect(await new Response(result.body).text()).toBe(html.replace('<head>', '<head><script>1</script>'));
  });

  it('does not wait for the rest of a slow document', async () => {
    const body = new ReadableStream<Bytes>({
      start: controller => controller.enqueue(new TextEncoder().encode('<html><head><title>a')),
    });
    const { body: changed } = await injected(body, '!', true);
    const reader = changed.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('<html><head>');
  });

  it('can neither be ended nor hidden by what is in it', () => {
    const element = scriptElement('a("</script><!--<script>")', { a: '"<&' }, 'n');
    expect(element).toBe(
      '<script nonce="n" data-owndir="{&quot;a&quot;:&quot;\\&quot;&lt;&amp;&quot;}">a("<\\/script><\\!--\\x3cscript>")</script>',
    );
  });

  it.each([
    ['<meta charset=utf-8>', 'utf-8'],
    ['<META http-equiv="Content-Type" content="text/html; charset=Shift_JIS">', 'Shift_JIS'],
    ['<title>charset=x</title>', null],
    [`${' '.repeat(1024)}<meta charset=utf-8>`, null],
  ])('keeps the encoding of %s', (html, charset) => expect(declaredCharset(html)).toBe(charset));
});

describe('a policy', () => {
  it.each([
    ["frame-ancestors 'none'; upgrade-insecure-requests", ''],
    ["default-src 'self'", "default-src 'self'; script-src 'self' 'nonce-N'"],
    ["script-src 'none'; img-src *", "script-src 'nonce-N'; img-src *"],
    ["script-src 'unsafe-inline' x", "script-src 'unsafe-inline' x"],
    ["script-src 'unsafe-inline' 'nonce-A'", "script-src 'unsafe-inline' 'nonce-A' 'nonce-N'"],
    ["script-src-elem 'self'; script-src 'self'", "script-src-elem 'self' 'nonce-N'; script-src 'self'"],
    ["Script-Src 'self'; script-src *", "script-src 'self' 'nonce-N'"],
    ['img-src x', 'img-src x'],
  ])('%s becomes %s', (policy, expected) => expect(adjustedPolicy(policy, 'N')).toBe(expected));

  it('is adjusted in each of its fields, and what keeps out of frames is gone', () => {
    expect(
      adjustedFields(
        [
          ['X-Frame-Options', 'DENY'],
          ['Content-Security-Policy', "frame-ancestors 'self', img-src x, script-src 'self'"],
          ['Clear-Site-Data', '"*"'],
          ['x', '1'],
        ],
        'N',
      ),
    ).toEqual([
      ['Content-Security-Policy', "img-src x, script-src 'self' 'nonce-N'"],
      ['x', '1'],
    ]);
  });
});

describe('an address', () => {
  const at = (url: string) => new URL(url);

  it('is the app’s own where it has the host for itself', () => {
    const place = at('http://notes.owndir.localhost:81/owndir-sw.js');
    expect(hasOwnHost('notes', place)).toBe(true);
    expect(pageOrigin('notes', place)).toBe('http://owndir.localhost:81');
    const addressing = new Addressing(place, 'notes');
    expect(addressing.prefix('notes')).toBe('');
    expect(addressing.appOf(at('http://notes.owndir.localhost:81/@app/other/x'))).toBe('notes');
    expect(addressing.targetOf('notes', at('http://notes.owndir.localhost:81/a/b?c#d'))).toBe('/a/b?c');
    expect(addressing.targetOf('notes', at('http://notes.owndir.localhost:81/a?#d'))).toBe('/a?');
    expect(addressing.isOurs(at('http://notes.owndir.localhost:81/owndir-app.html?app=notes'))).toBe(true);
  });

  it('has a prefix where the origin is shared', () => {
    const addressing = new Addressing(at('http://host/sub/owndir-sw.js'), null);
    expect(addressing.documentUrl('notes', '/a?b')).toBe('http://host/sub/@app/notes/a?b');
    expect(addressing.appOf(at('http://host/sub/@app/notes/a'))).toBe('notes');
    expect(addressing.appOf(at('http://host/sub/@app/No%20name/a'))).toBe(null);
    expect(addressing.appOf(at('http://host/other'))).toBe(null);
    expect(addressing.appOf(at('http://elsewhere/sub/@app/notes/'))).toBe(null);
    expect(addressing.targetOf('notes', at('http://host/sub/@app/notes'))).toBe('/');
    expect(addressing.targetOf('notes', at('http://host/sub/@app/notesx/a'))).toBe('/sub/@app/notesx/a');
    expect(addressing.targetOf('notes', at('http://host/top/relative?q'))).toBe('/top/relative?q');
  });

  it('is looked for below names of this machine only', () => {
    expect(originsFor('a', at('http://localhost:5/x'))).toEqual(['http://a.localhost:5', 'http://localhost:5']);
    expect(originsFor('a', at('https://example.org/'))).toEqual(['https://example.org']);
    expect(hasOwnHost('a', at('http://a.example.org/'))).toBe(false);
    expect(pageOrigin('a', at('https://example.org/x'))).toBe('https://example.org');
  });
});

it.each([
  [null],
  [{}],
  [{ owndir: 'port' }],
  [{ owndir: 'other', app: 'a' }],
  [{ owndir: 'at', app: 'a', title: 1, target: '/' }],
  [{ owndir: 'at', app: 'a', title: 'x'.repeat(30_000), target: '/' }],
  [{ owndir: 'open', app: 'a' }],
])('is no message of ours: %j', data => expect(noteOf(data)).toBe(null));
