import { Script } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { decodePath, encodePath } from '../../client-default/paths.ts';
import { parseJob } from './job.ts';
import { explain } from './npm.ts';
import { homesFor, ownerOf, packageName } from './resolve.ts';
import { containedLimits } from './contained.ts';
import { placeOf } from './place.ts';
import { injectInto } from './static/inject.ts';
import { destination, isDirectoryTarget } from './static/operations.ts';
import { fillMark, loaderScript, pageHtml, upFrom } from './static/page.ts';
import { scopeClass, scopeSelector } from './styles.ts';

const job = { source: '/s', folder: '/f/', out: '/o', cache: '/c' };
const none = { scripts: [], styles: [] };

describe('a job', () => {
  it('is an object with absolute paths', () => {
    expect(parseJob(JSON.stringify({ ...job, title: 'T', singleFile: true }))).toEqual({
      ...{ ...job, folder: '/f' },
      ...{ title: 'T', singleFile: true, scripts: false, watch: false, limits: containedLimits },
    });
    for (const bad of ['', '[]', 'null', '3', '{', JSON.stringify({ ...job, out: 'relative' }), JSON.stringify({ ...job, cache: '/a\0' })])
      expect(() => parseJob(bad), bad).toThrow(/job/);
  });
});

describe('what npm says', () => {
  it.each([
    ["npm error code E404\nnpm error 404  'surely-not@^1.0.0' is not in this registry.", 'surely-not', /no such package/],
    ["npm error code E404\nnpm error 404  '@a/b@1' is not in this registry.", '@a/b', /no such package/],
    ['npm error code ETARGET\nnpm error notarget No matching version found for left@^99.0.0.', 'left', /left@\^99\.0\.0/],
    ['npm error code ENOTFOUND\nnpm error network request to https://x failed', null, /network/],
    ['npm error code ENOTCACHED\nrequest to x failed: cache mode is only-if-cached', null, /network/],
    ['npm error code EUSAGE\nnpm error `npm ci` can only install packages when your package.json and package-lock.json', null, /run "npm install"/],
    ['npm ERR! code ERESOLVE\nnpm ERR! ERESOLVE could not resolve', null, /different versions/],
    ['Error: spawn npm ENOENT', null, /npm is not installed/],
    ['', null, /says nothing more/],
    ['npm error code EWHAT\nnpm error strange things', null, /strange things/],
  ])('%j', (output, name, text) => {
    expect(explain(output).name).toBe(name);
    expect(explain(output).text).toMatch(text);
  });
});

describe('packages of a file', () => {
  it('are those around it, then those of the modules above', () => {
    expect(homesFor('a/b/.owndir/plugins/p/x/y.js')).toEqual([
      'a/b/.owndir/plugins/p/x',
      'a/b/.owndir/plugins/p',
      'a/b/.owndir/plugins',
      'a/b/.owndir',
      'a/.owndir',
      '.owndir',
    ]);
    expect(homesFor('.owndir/index.js')).toEqual(['.owndir']);
    expect(homesFor('a/b/.owndir.js')).toEqual(['a/.owndir', '.owndir']);
    expect(homesFor('.owndir.js')).toEqual([]);
  });

  it.each([
    ['.owndir/x.js', ''],
    ['.owndir.jsx', ''],
    ['a/b/.owndir/x/y.css', 'a/b'],
    ['a/b/.owndir.js', 'a/b'],
    ['a/x.owndir/y.js', ''],
  ])('%s belongs to the module of "%s"', (file, owner) => expect(ownerOf(file)).toBe(owner));

  it.each([
    ['react', 'react'],
    ['react-dom/client', 'react-dom'],
    ['@a/b/c/d', '@a/b'],
  ])('%s is in %s', (specifier, name) => expect(packageName(specifier)).toBe(name));
});

describe('destinations', () => {
  it.each([
    ['', './', ''],
    ['', 'a//./b', 'a/b'],
    ['x/y', './', 'x/y'],
    ['x/y', 'z.txt', 'x/y/z.txt'],
    ['', '...', '...'],
  ])('in "%s", %s is %s', (module, to, path) => expect(destination(module, to)).toBe(path));

  it.each(['..', '../x', 'a/../b', '/a', 'a\0b', 'a\nb', 'a\\b', '@', '@/x', '.wrtc-proxy/x', 'x'.repeat(256), 'ab/'.repeat(500)])(
    '%j is refused',
    to => expect(() => destination('', to)).toThrow(/destination/),
  );

  it('with a final slash or dot are directories', () => {
    expect(['./', '.', 'a/', 'a/.', '', 'a', 'a.', '..a'].map(isDirectoryTarget)).toEqual([true, true, true, true, true, false, false, false]);
  });
});

describe('scopes of styles', () => {
  it('are the classes that the earlier version had', () => {
    expect(scopeClass('')).toBeNull();
    expect(scopeClass('a/b')).toMatch(/^o[0-9a-f]{7}$/);
  });

  it.each([
    ['p', '.o1 p'],
    ['*', '.o1 *'],
    ['body > p', '.o1 body > p'],
    ['html', 'html.o1'],
    [':root', ':root.o1'],
    [':root:not([x]) p', ':root.o1:not([x]) p'],
    ['html.dark', 'html.o1.dark'],
    ['html-like', '.o1 html-like'],
  ])('%s becomes %s', (selector, scoped) => expect(scopeSelector(selector, 'o1')).toBe(scoped));
});

describe('pages', () => {
  const assets = { scripts: [{ path: 'a b.js', digest: '' }], styles: [{ path: 'c.css', digest: '' }] };
  const info = { digest: 'd', title: 'T</script>', name: 'n', modules: [''], pages: [], classes: {} };

  it('find the site’s root from where they are', () => {
    expect(['index.html', 'a/index.html', 'a/b/c.html'].map(upFrom)).toEqual(['./', '../', '../../']);
    expect(pageHtml('a/x.html', {}, 'T', assets)).toContain('src="../a%20b.js"');
  });

  it('without the client have no script', () => {
    expect(pageHtml('x.html', { client: false, css: false, body: '<p>' }, 'T', assets)).not.toMatch(/<script|<link|owndir/);
  });

  it('carry what is said of the site so that it cannot end the script', () => {
    const html = fillMark(pageHtml('index.html', {}, 'T', none), 'index.html', info);
    expect(html.match(/<\/script>/g)?.length).toBe(1);
    expect(html).toContain('"title":"T\\u003c/script>"');
    expect(fillMark('no mark', 'x.html', info)).toBe('no mark');
  });

  it('may load all of it by one script', () => {
    expect(() => new Script(fillMark(loaderScript(assets), 'dist.js', info))).not.toThrow();
  });
});

describe('injecting', () => {
  it.each([
    ['', 'HEAD\n'],
    ['<p>x', 'HEAD\n<p>x'],
    ['<!doctype html>\n<p>x', '<!doctype html>\nHEAD\n\n<p>x'],
    ['<html><p>x</html>', '<html>\nHEAD<p>x</html>'],
    ['<HEAD></HEAD>', '<HEAD>HEAD\n</HEAD>'],
    ['<body class=a>', 'HEAD\n<body class=a>'],
    ['<!--owndir:head--></head>', 'HEAD</head>'],
  ])('into the head of %j gives %j', (html, expected) =>
    expect(injectInto(html, 'index.html', { head: 'HEAD' }, none)).toBe(expected),
  );

  it('takes texts as they are', () => {
    expect(injectInto('<!--owndir:body-->', 'x', { body: '$1 $& $`' }, none)).toBe('$1 $& $`');
    expect(injectInto('</body>', 'x', { body: '$1 $&' }, none)).toBe('$1 $&\n</body>');
  });
});

describe('the place of an error', () => {
  it('is the first line of its stack in the folder', () => {
    const stack = 'Error: x\n    at f (/share/host.cjs:1:2)\n    at /f/node_modules/x.js:3:4\n    at Object.frame (/f/a b/.owndir/x.js:5:6)';
    expect(placeOf(stack, '/f')).toEqual({ file: 'a b/.owndir/x.js', line: 5, column: 6 });
    expect(placeOf('Error: x', '/f')).toBeNull();
  });
});

describe('paths of the router', () => {
  it.each(['/', '/a b/ü#?%.md', '/bad\udcff name', '/😀'])('%j is encoded and read back', path => {
    expect(encodePath(path)).toMatch(/^[\x21-\x7e]*$/);
    expect(decodePath(encodePath(path))).toBe(path);
  });
});
