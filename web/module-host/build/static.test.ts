import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Builder, type Files } from '../testing/builder.ts';

let builder: Builder;
beforeAll(() => {
  builder = new Builder();
});
afterAll(() => builder.stop());

const root = (text: string, more: Files = {}): Files => ({ '.owndir/index.jsx': text, ...more });
const ours = /^(?:client-|owndir-|dist\.js$)/;

async function site(files: Files) {
  const built = await builder.built(files);
  expect(built.errors).toEqual([]);
  return { ...built, paths: built.folder.site().filter(path => !ours.test(path)) };
}

async function failure(text: string, more: Files = {}): Promise<string> {
  const { errors, done } = await builder.built(root(text, more));
  expect(done).toBeNull();
  expect(errors).toHaveLength(1);
  return errors[0]?.text ?? '';
}

describe('O.static', () => {
  it('as a list copies folders and files, and makes what functions return', async () => {
    const { paths, folder, warnings } = await site(
      root(
        `import { Readable } from "node:stream";
        export default { name: "m", O: { static: [
          ["./", "./static"],
          ["copy.txt", "./one.txt"],
          ["into/", "./one.txt"],
          ["text.txt", (o) => "text at " + o.path],
          ["bytes.bin", () => new Uint8Array([1, 2, 3])],
          ["response.json", async () => Response.json({ a: 1 })],
          ["stream.txt", () => Readable.from(["a", "b"])],
          ["web.txt", () => new Response("web").body],
          ["file.txt", () => ({ file: "./one.txt" })],
          ["this.txt", function () { return this.name + this.O.path; }],
          ["icon.svg", (o) => o.icon("🌱")],
        ] } };`,
        { '.owndir/static/a.html': '<p>a', '.owndir/static/d/b.txt': 'b', '.owndir/one.txt': 'one' },
      ),
    );
    expect(warnings).toEqual([]);
    expect(paths).toEqual(
      ['a.html', 'bytes.bin', 'copy.txt', 'd/b.txt', 'file.txt', 'icon.svg', 'index.html', 'into/one.txt', 'response.json', 'stream.txt', 'text.txt', 'this.txt', 'web.txt'],
    );
    expect(['text.txt', 'response.json', 'stream.txt', 'web.txt', 'file.txt', 'this.txt'].map(path => folder.text(path))).toEqual(
      ['text at text.txt', '{"a":1}', 'ab', 'web', 'one', 'm/'],
    );
    expect(folder.text('bytes.bin')).toBe('\u0001\u0002\u0003');
    expect(folder.text('icon.svg')).toContain('🌱');
  });

  it('as a map gives contents', async () => {
    const { folder } = await site(root('export default { O: { static: { "index.html": "<p>mine", "b.txt": async () => "b" } } };'));
    expect(folder.text('index.html')).toBe('<p>mine');
    expect(folder.text('b.txt')).toBe('b');
  });

  it('as a function returns the path of a ready folder, in the module or one that it has made', async () => {
    const first = await site(root('export default { O: { static: () => "./ready" } };', { '.owndir/ready/index.html': '<p>ready' }));
    expect(first.folder.text('index.html')).toBe('<p>ready');
    const second = await site(
      root(
        'import fs from "node:fs"; export default { O: { static: o => { fs.mkdirSync(o.temporary + "/x"); fs.writeFileSync(o.temporary + "/x/made.txt", "made"); return o.temporary + "/x"; } } };',
      ),
    );
    expect(second.folder.text('made.txt')).toBe('made');
  });

  it('of a directory lands under that directory, parents first, and pages know the way to the scripts', async () => {
    const { paths, folder } = await site(
      root('export default { title: "R", O: { static: [["x.txt", () => "root"]] } };', {
        'a/b/.owndir/index.js':
          'export default { O: { static: [["./", "./s"], ["index.html", function (o) { return o.page({ title: this.title, body: "<b>deep</b>", head: "<meta name=x>", icon: "🌱" }); }]] } };',
        'a/b/.owndir/s/y.txt': 'y',
      }),
    );
    expect(paths).toEqual(['a/b/index.html', 'a/b/y.txt', 'index.html', 'x.txt']);
    const page = folder.text('a/b/index.html');
    expect(page).toMatch(/src="\.\.\/\.\.\/client-/);
    expect(page).toContain('"base":"../../"');
    expect(page).toContain('<div id="owndir"><b>deep</b></div>');
    expect(page).toContain('<title>R</title>');
    expect(page).toContain('"pages":["a/b/index.html","index.html"]');
  });

  it('is not inherited', async () => {
    const { paths } = await site(root('export default { O: { static: [["x.txt", () => "x"]] } };', { 'a/.owndir/index.js': 'export default {};' }));
    expect(paths).toEqual(['index.html', 'x.txt']);
  });

  it('has later entries win, and each collision told', async () => {
    const { folder, warnings } = await site(
      root('export default { O: { static: [["a/x.txt", () => "root"], ["twice.txt", () => "1"], ["twice.txt", () => "2"]] } };', {
        'a/.owndir/index.js': 'export default { O: { static: [["x.txt", () => "a"]] } };',
      }),
    );
    expect(folder.text('a/x.txt')).toBe('a');
    expect(folder.text('twice.txt')).toBe('2');
    expect(warnings.map(each => each.text)).toEqual([
      'two entries of O.static write "twice.txt": that of the root replaces that of the root',
      'two entries of O.static write "a/x.txt": that of a replaces that of the root',
    ]);
  });

  it('injects into pages that are copied: at their slots, else where it belongs', async () => {
    const { folder } = await site(
      root(
        `import "./s.css"; export default { O: { static: [
          ["one.html", "./one.html", { inject: { head: "<meta name=one>", body: () => "<i>end</i>", css: true, icon: "🌱", client: true } }],
          ["two.html", "./two.html", { inject: { head: "<meta name=two>", css: "p { margin: 0 }" } }],
          ["three.html", () => "<p>three", { inject: { head: "<meta name=three>" } }],
        ] } };`,
        {
          '.owndir/s.css': 'p { color: red }',
          '.owndir/one.html': '<!doctype html><html><head><title>1</title></head><body><p>1</p></body></html>',
          '.owndir/two.html': '<!doctype html><!-- owndir:css --><body>$& <!--owndir:head--></body>',
        },
      ),
    );
    const one = folder.text('one.html');
    for (const part of ['<meta name=one>', '<link rel="icon"', '<link rel="stylesheet" href="./client-', '<script defer src="./client-', '"base":"./"'])
      expect(one.slice(0, one.indexOf('</head>'))).toContain(part);
    expect(one).toMatch(/<i>end<\/i>\s*<\/body>/);
    expect(folder.text('two.html')).toBe('<!doctype html><style>\np { margin: 0 }\n</style><body>$& <meta name=two></body>');
    expect(folder.text('three.html')).toBe('<meta name=three>\n<p>three');
  });

  it('has css(): the style sheets beside the code, of the modules above first', async () => {
    const { folder } = await site(
      root('export default {};', {
        '.owndir/style.css': '/* root */',
        'a/.owndir/index.js': 'export default { O: { static: [["style.css", o => o.css()], ["one.css", o => o.css("b.scss")]] } };',
        'a/.owndir/a.css': '/* a */',
        'a/.owndir/b.scss': 'p { b { color: red } }',
      }),
    );
    expect(folder.text('a/style.css')).toMatch(/^\/\* root \*\/\n\/\* a \*\/\np b \{/);
    expect(folder.text('a/one.css')).toMatch(/^p b/);
  });

  it('has client(): paths and digests of the scripts', async () => {
    const { folder } = await site(root('export default { O: { static: [["c/info.json", o => JSON.stringify(o.client())]] } };'));
    const { scripts } = JSON.parse(folder.text('c/info.json')) as { scripts: { path: string; digest: string }[] };
    expect(scripts.at(-1)?.path).toMatch(/^\.\.\/client-[0-9a-f]{10}\.js$/);
    expect(scripts.at(-1)?.digest).toMatch(/^sha256-/);
  });

  it('reads the folder by this.directory, and is asked anew at each build', async () => {
    const { folder } = await site(
      root('export default { O: { static: [["list.txt", async function () { return (await this.directory.files()).map(f => f.name).join(); }]] } };', {
        'data.txt': 'x',
      }),
    );
    expect(folder.text('list.txt')).toBe('data.txt');
    folder.write({ 'more.txt': 'y' });
    await builder.build(folder);
    expect(folder.text('list.txt')).toBe('data.txt,more.txt');
  });

  it('renders React on the server, for the client to take over', async () => {
    const { folder } = await site(
      root(
        'import { renderToString } from "react-dom/server"; const App = () => <main>hello</main>; export default { frame: () => <App />, O: { static: [["index.html", o => o.page({ body: renderToString(<App />), hydrate: true })]] } };',
      ),
    );
    expect(folder.text('index.html')).toContain('<div id="owndir" data-owndir-hydrate><main>hello</main></div>');
  });
});

describe('what is rendered at home', () => {
  const sheet = '.big { color: red; background: url(./dot.png) } .small { composes: big; margin: 0 }';
  const text = `import { renderToString } from "react-dom/server"; import names, { big } from "./x.module.css"; import scss from "./y.module.scss";
    import picture from "./p.png";
    const App = () => <p className={[big, names.small, scss.inner].join(" ")}><img src={picture} /></p>;
    export default { frame: () => <App />, O: { static: [["index.html", o => o.page({ body: renderToString(<App />), hydrate: true })],
      ["deep/er/page.html", o => o.page({ body: renderToString(<App />), head: "<link href=" + o.url(picture) + ">" })]] } };`;
  const files = (at: string): Files => ({
    [`${at}.owndir/index.jsx`]: text,
    [`${at}.owndir/x.module.css`]: sheet,
    [`${at}.owndir/y.module.scss`]: '.inner { b { c: d } }',
    [`${at}.owndir/p.png`]: Buffer.alloc(9000, 3),
    [`${at}.owndir/dot.png`]: Buffer.alloc(10, 7),
  });

  it.each([['', ''], ['sub/', '../']])('has the names and pictures of the browser’s bundle (%s)', async (at, up) => {
    const { folder, paths } = await site(files(at));
    const css = folder.text(/^client-.*\.css$/);
    const picture = paths.find(path => path.startsWith('assets/')) ?? '';
    const index = folder.text(`${at}index.html`);
    const names = /class="([^"]*)"/.exec(index.slice(index.indexOf('<p ')))?.[1]?.split(' ') ?? [];
    expect(names).toHaveLength(4);
    expect(new Set(names).size).toBe(3); // "big" itself, and as a part of "small"
    for (const name of names) if (!name.startsWith('x_') || !name.endsWith('small')) expect(css).toContain(`.${name}`);
    for (const name of new Set(names)) expect(folder.text(/^client-.*\.js$/)).toContain(name);
    expect(css).toContain('url(data:image/png');
    expect(index).toContain(`src="${up || './'}${picture}"`);
    const deep = folder.text(`${at}deep/er/page.html`);
    expect(deep).toContain(`src="${up}../../${picture}"`);
    expect(deep).toContain(`href=${up}../../${picture}`);
    expect(deep + index).not.toContain('OWNDIR_ROOT');
  });
});

describe('.owndir/static of a module without O.static', () => {
  it('is part of the site as it is, but for what the earlier OwnDir has left there', async () => {
    const { paths, folder, warnings } = await site({
      '.owndir/index.js': 'export default {};',
      '.owndir/static/a.txt': 'a',
      '.owndir/static/dist.js': 'left over',
      '.owndir/static/index.html': '<script>u.searchParams.set("___redirectedToRootFrom", "x")</script>',
      'b/.owndir/static/index.html': '<p>b',
      'b/.owndir/static/d/c.txt': 'c',
      'own/.owndir/index.js': 'export default { O: { static: [["x.txt", () => "x"]] } };',
      'own/.owndir/static/not.txt': 'not',
    });
    expect(warnings).toEqual([]);
    expect(paths).toEqual(['a.txt', 'b/d/c.txt', 'b/index.html', 'index.html', 'own/x.txt']);
    expect(folder.text('dist.js')).not.toContain('left over');
    expect(folder.text('index.html')).toContain('OWNDIR_SITE');
    expect(folder.text('b/index.html')).toBe('<p>b');
  });
});

describe('O.static refuses', () => {
  it.each([
    ['[["../x.txt", () => ""]]', 'leads out of the directory'],
    ['[["a/../../x", () => ""]]', 'leads out of the directory'],
    ['[["/x.txt", () => ""]]', 'must be relative'],
    ['[["@/x", () => ""]]', 'belongs to the server'],
    ['[["a\\\\nb", () => ""]]', 'a character that no path may have'],
    ['[["x.txt", "../../secret.txt"]]', 'lies outside'],
    ['[["x.txt", "/etc/passwd"]]', 'must be relative to the module'],
    ['[["x.txt", () => ({ file: "/etc/passwd" })]]', 'lies outside'],
    ['[["x.txt", "./gone.txt"]]', 'does not exist'],
    ['[["x.txt", () => 7]]', 'a generator returns'],
    ['[["x.txt"]]', 'must be [to, from]'],
    ['7', 'must be a list, a map'],
    ['[["./", () => "x"]]', 'names a directory'],
    ['[["x.html", () => "", { inject: { foot: "" } }]]', 'not "foot"'],
    ['[["x.txt", async () => { throw new Error("no luck"); }]]', 'no luck'],
    ['[["x", () => ""], ["x/y", () => ""]]', 'is a file as well as a directory'],
    ['[["x/y", () => ""], ["x", () => ""]]', 'is a file as well as a directory'],
    ['[["x.txt", () => process.exit(3)]]', 'has ended the process'],
  ])('%s: %s', async (text, expected) => {
    expect(await failure(`export default { O: { static: ${text} } };`)).toContain(expected);
  });

  it('links that lead out of the folder', async () => {
    const text = 'export default { O: { static: () => "/PLACE" } };';
    const folder = builder.folder({});
    mkdirSync(join(folder.directory, 'outside'));
    writeFileSync(join(folder.directory, 'outside/secret'), 'secret');
    folder.write({
      '.owndir/index.js': text.replace('/PLACE', join(folder.job.folder, 'data')),
      'data/link': { link: '../../outside/secret' },
    });
    const { errors } = await builder.build(folder);
    expect(errors).toMatchObject([{ text: expect.stringContaining('leads outside') as string }]);
  });
});

describe('the page', () => {
  it('says that it is still syncing while a script is missing', async () => {
    const { folder } = await site(root('export default {};'));
    const html = folder.text('index.html');
    expect(html).toContain('still syncing');
    expect(html).not.toMatch(/src="(?:https?:|\/)/);
  });

  it('cannot be broken by a title', async () => {
    const { folder } = await builder.built(root('export default {};'), { title: '</script><b>"&' });
    const html = folder.text('index.html');
    expect(html).toContain('<title>&lt;/script&gt;&lt;b&gt;&quot;&amp;</title>');
    expect(html).toContain('"title":"\\u003c/script>\\u003cb>\\"&"');
  });

  it('is one file that holds everything with singleFile', async () => {
    const { folder, done } = await builder.built(
      root('import "./s.css"; import big from "./big.png"; export default { frame: () => <img src={big} /> };', {
        '.owndir/s.css': 'p { color: red }',
        '.owndir/big.png': Buffer.alloc(20_000, 5),
      }),
      { singleFile: true },
    );
    expect(folder.site()).toEqual(['index.html']);
    const html = folder.text('index.html');
    expect(html).not.toMatch(/<script[^>]+src=|<link[^>]+stylesheet/);
    expect(html).toContain('data:image/png;base64,');
    expect(html).toContain('p{color:red}');
    expect(done?.files).toEqual([{ path: 'index.html', bytes: Buffer.byteLength(html) }]);
  });
});

describe('a folder’s own', () => {
  it('client package replaces the default one, React and all', async () => {
    const { folder, errors } = await builder.built(
      root('export default { text: "from the module" };', {
        '.owndir/build/client/package/package.json': '{"main":"start.js","dependencies":{"owndir.package":"../../package"}}',
        '.owndir/build/client/package/start.js':
          'const { OwnDir } = require("owndir.package"); document.body.textContent = OwnDir("").text + "own client";',
      }),
    );
    expect(errors).toEqual([]);
    const script = folder.text(/^client-.*\.js$/);
    expect(script).toContain('own client');
    expect(script).toContain('from the module');
    expect(script).not.toContain('react');
  });

  it('static template replaces the default page, with dist.js to load the client', async () => {
    const { folder } = await site(
      root('export default {};', {
        '.owndir/build/client/static/index.html': '<!doctype html><script src="dist.js" defer></script>',
        '.owndir/build/client/static/img/x.txt': 'x',
      }),
    );
    expect(folder.text('index.html')).toBe('<!doctype html><script src="dist.js" defer></script>');
    expect(folder.text('img/x.txt')).toBe('x');
    expect(folder.text('dist.js')).toMatch(/client-[0-9a-f]{10}\.js/);
    expect(folder.text('dist.js')).toContain('"digest":"');
  });

  it('bundler is called with where the package is and where the bundle goes', async () => {
    const { folder, errors } = await builder.built(
      root('export default { text: "module text" };', {
        '.owndir/build/client/bundler/index.js': `const fs = require("fs"), path = require("path");
          module.exports = async function bundler(src, dst, context) {
            const esbuild = require("esbuild");
            await context.defaultBundler(src, dst, { minify: false, banner: { js: "/* by my bundler */" } });
            fs.writeFileSync(path.join(path.dirname(dst), "extra.json"), JSON.stringify({
              platform: context.platform, has: fs.existsSync(path.join(src, "node_modules/owndir.package/index.js")), esbuild: typeof esbuild.build }));
            return true;
          };`,
      }),
    );
    expect(errors).toEqual([]);
    expect(folder.text(/^client-.*\.js$/)).toContain('by my bundler');
    expect(folder.text(/^client-.*\.js$/)).toContain('module text');
    expect(JSON.parse(folder.text('extra.json'))).toEqual({ platform: 'client', has: true, esbuild: 'function' });
  });

  it('bundler that fails is named', async () => {
    const { errors } = await builder.built(
      root('export default {};', { '.owndir/build/client/bundler/index.js': 'module.exports = () => { throw new Error("not today"); };' }),
    );
    expect(errors).toMatchObject([{ text: expect.stringContaining("the folder's own client bundler failed: not today") as string }]);
  });
});
