import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Builder, type TestFolder } from '../testing/builder.ts';

let builder: Builder;
beforeAll(() => {
  builder = new Builder();
});
afterAll(async () => {
  expect(builder.garbage).toEqual([]);
  await builder.stop();
});

const plain = 'export default { title: "Home" };';

/** The server bundle, run here. */
function load(folder: TestFolder): {
  OwnDir: { (path: string): Record<string, unknown>; modules: { O: { path: string } }[] };
} {
  const path = join(folder.job.out, 'server/dist.cjs');
  return createRequire(path)(path) as ReturnType<typeof load>;
}

describe('modules along the tree', () => {
  it('may be a package, a bare index or a file, in directories at any depth', async () => {
    const { done, errors, folder } = await builder.built({
      '.owndir/index.js': 'export default { O: { routes: [["get", "/x", () => {}]] }, at: "root" };',
      'a/.owndir/package.json': '{"main": "main.jsx"}',
      'a/.owndir/main.jsx': 'module.exports = { at: "package" };',
      'a/b/.owndir.js': 'exports.at = "file";',
      'a/b/c d/ü/.owndir/index.tsx': 'export const at: string = "tsx"; export const frame = () => <p>x</p>;',
      'e/.owndir/index.jsx': 'import React from "react"; module.exports = { at: "both", frame: () => <p /> };',
      'f/.owndir/notes.txt': 'no code',
    });
    expect(errors).toEqual([]);
    expect(done?.modules).toEqual(['', 'a', 'a/b', 'a/b/c d/ü', 'e', 'f']);
    expect(done).toMatchObject({ server: 'server/dist.cjs', routes: true });
    const { OwnDir } = load(folder);
    const at = ['', 'a', 'a/b', 'a/b/c d/ü', 'e', 'f'].map(path => OwnDir(path).at);
    expect(at).toEqual(['root', 'package', 'file', 'tsx', 'both', 'root']);
  });

  it('are not looked for in .dist, .wrtc-proxy, node_modules and behind links', async () => {
    const { done, warnings } = await builder.built({
      '.owndir/index.js': plain,
      '.owndir/.dist/a/.owndir/index.js': 'syntax error here',
      '.owndir/.wrtc-proxy/offer.js': 'syntax error here',
      'node_modules/x/.owndir/index.js': 'syntax error here',
      'real/.owndir/index.js': plain,
      'loop/to': { link: '..' },
      link: { link: 'real' },
    });
    expect(done?.modules).toEqual(['', 'real']);
    expect(warnings).toEqual([]);
  });

  it('are the directory’s own when both .owndir and .owndir.js hold code, and that is told', async () => {
    const { warnings, done } = await builder.built({ '.owndir/index.js': plain, '.owndir.js': plain });
    expect(done?.modules).toEqual(['']);
    expect(warnings).toMatchObject([{ file: '.owndir.js', text: expect.stringContaining('is not used') as string }]);
  });

  it('have plugins, files or packages, in the order of their names', async () => {
    const push = (name: string) => `module.exports = m => { m.marks = [...(m.marks ?? []), "${name}"]; m.O.routes.push(["get", "/", () => {}]); };`;
    const { errors, folder } = await builder.built({
      '.owndir/index.js': plain,
      '.owndir/plugins/20-last.js': push('20'),
      '.owndir/plugins/00-first/index.js': push('00'),
      '.owndir/plugins/10-package/package.json': '{"main":"lib/x.js"}',
      '.owndir/plugins/10-package/lib/x.js': push('10'),
      '.owndir/plugins/README.md': 'no plugin',
    });
    expect(errors).toEqual([]);
    expect(load(folder).OwnDir('').marks).toEqual(['00', '10', '20']);
  });

  it('may import each other in a circle', async () => {
    const { errors, folder } = await builder.built({
      '.owndir/index.js': 'import { two } from "./two.js"; export const one = 1; export default { O: { routes: [] }, sum: () => one + two() };',
      '.owndir/two.js': 'import { one } from "./index.js"; export const two = () => one + 1;',
      '.owndir/plugins/p.js': 'const q = require("./../q.js"); module.exports = m => { m.O.routes.push(["get", "/", () => {}]); m.q = q.name; };',
      '.owndir/q.js': 'exports.name = "q"; require("./r.js");',
      '.owndir/r.js': 'exports.q = require("./q.js").name;',
    });
    expect(errors).toEqual([]);
    expect((load(folder).OwnDir('').sum as () => number)()).toBe(3);
  });

  it('are none in a folder without code, which still has a page', async () => {
    const { done, folder } = await builder.built({ 'a.txt': 'x' });
    expect(done).toMatchObject({ modules: [], server: null, routes: false });
    expect(folder.text('index.html')).toContain('<title>Title</title>');
  });
});

describe('server code', () => {
  it('is not bundled when no module speaks of it', async () => {
    const { steps, done, folder } = await builder.built({ '.owndir/index.jsx': 'export default { frame: () => <p /> };' });
    expect(steps).not.toContain('bundle server');
    expect(done?.server).toBeNull();
    expect(existsSync(join(folder.job.out, 'server'))).toBe(false);
  });

  it('knows by __dirname, __filename and import.meta.url where its source lies', async () => {
    const { folder } = await builder.built({
      '.owndir/index.js': 'export default { O: { routes: [["get", "/", () => {}]] } };',
      'a b/.owndir/index.js': 'import "./style.css"; module.exports = { here: [__dirname, __filename] };',
      'a b/.owndir/style.css': 'p { color: red }',
      'c/.owndir/index.js': '"use strict";\nexport default { here: [import.meta.url, new Error("x").stack] };',
    });
    const { OwnDir } = load(folder);
    const at = join(folder.job.source, 'a b/.owndir');
    expect(OwnDir('a b').here).toEqual([at, `${at}/index.js`]);
    expect((OwnDir('c').here as string[])[0]).toBe(`file://${folder.job.source}/c/.owndir/index.js`);
    const map = JSON.parse(readFileSync(join(folder.job.out, 'server/dist.cjs.map'), 'utf8')) as { sources: string[]; sourceRoot: string };
    expect(map.sources).toContain('c/.owndir/index.js');
    expect(map.sourceRoot).toBe(`${folder.job.folder}/`);
  });

  it('that fails while it is loaded is told of with its place', async () => {
    const { errors, done } = await builder.built({
      '.owndir/index.js': 'export default {};',
      'a/.owndir/index.js': 'export default { O: {} };\n\nnull.length;',
    });
    expect(done).toBeNull();
    expect(errors).toMatchObject([{ file: 'a/.owndir/index.js', line: 3, text: expect.stringMatching(/null/) as string }]);
  });

  it('that ends the process, or never comes to an end, is named', async () => {
    const { errors } = await builder.built({ '.owndir/index.js': 'export default { O: {} }; process.exit(7);' });
    expect(errors).toMatchObject([{ text: expect.stringContaining('has ended the process (code 7)') as string }]);
  });

  it('has plugins that throw named, and the build goes on', async () => {
    const { errors, warnings, done } = await builder.built({
      'a/.owndir/index.js': plain,
      'a/.owndir/plugins/00-broken.js': 'module.exports = () => {\n  throw new Error("no icon");\n};',
    });
    expect(errors).toEqual([]);
    expect(done?.modules).toEqual(['a']);
    expect(warnings).toMatchObject([
      { text: 'module of a: the plugin 00-broken.js does not work: no icon', file: 'a/.owndir/plugins/00-broken.js', line: 2 },
    ]);
  });
});

describe('faults in the code', () => {
  it('are told with file, line, column and the line itself', async () => {
    const { errors, done } = await builder.built({
      '.owndir/index.js': plain,
      'a/.owndir/index.jsx': 'import "./other.jsx";\nexport default { x: 1 };',
      'a/.owndir/other.jsx': 'const x = 1;\nconst y = <p>{;\n',
    });
    expect(done).toBeNull();
    expect(errors).toMatchObject([{ file: 'a/.owndir/other.jsx', line: 2, column: 15, excerpt: 'const y = <p>{;' }]);
  });

  it('are all told, of style sheets as well', async () => {
    const { errors } = await builder.built({
      '.owndir/index.js': 'import "./a.scss"; import "./gone.js"; export default {};',
      '.owndir/a.scss': 'p {\n  color: $nothing;\n}\n',
    });
    expect(errors.map(({ file, line }) => [file, line]).sort()).toEqual([
      ['.owndir/a.scss', 2],
      ['.owndir/index.js', 1],
    ]);
    expect(errors.find(each => each.file === '.owndir/a.scss')?.excerpt).toContain('$nothing');
  });

  it('such as a package that is not named say what to do', async () => {
    const { errors } = await builder.built({
      'a/.owndir/index.js': '\nimport x from "surely-not-there/lib"; export default { x };',
    });
    expect(errors).toMatchObject([
      {
        file: 'a/.owndir/index.js',
        line: 2,
        text: expect.stringContaining('add it to "dependencies" in a/.owndir/package.json') as string,
      },
    ]);
  });

  it('such as a package that only the product itself needs are told likewise', async () => {
    const { errors } = await builder.built({ '.owndir/index.js': 'import * as x from "immutable"; export default { x };' });
    expect(errors).toMatchObject([
      { file: '.owndir/index.js', text: expect.stringContaining('cannot find the package "immutable"') as string },
    ]);
  });

  it('such as a package.json that is none are told', async () => {
    const { errors } = await builder.built({ 'a/.owndir/index.js': plain, 'a/.owndir/package.json': '{"main":' });
    expect(errors).toMatchObject([{ file: 'a/.owndir/package.json', text: expect.stringContaining('is no JSON') as string }]);
  });

  it('such as imports from outside of the folder are refused', async () => {
    const { errors } = await builder.built({ '.owndir/index.js': 'import x from "/etc/hostname.txt"; import "../../../../../../../etc/os-release"; export default { x };' });
    expect(errors.length).toBeGreaterThan(0);
    const secret = builder.folder({});
    secret.write({ 'secret.txt': 'secret' });
    const next = await builder.built({ '.owndir/index.js': `import x from "${secret.job.source}/secret.txt"; export default { x };` });
    expect(next.done).toBeNull();
    expect(next.errors).toMatchObject([{ text: expect.stringContaining('outside of the folder') as string }]);
  });
});

describe('the bundle for browsers', () => {
  it('is one classic script with a name by its content, and its map beside it', async () => {
    const { folder, done } = await builder.built({ '.owndir/index.jsx': 'export default { frame: () => <p>here it is</p> };' });
    const names = done?.files.map(file => file.path.replace(/-[0-9a-f]{10}/, '-HASH')) ?? [];
    expect(names).toEqual(expect.arrayContaining(['client-HASH.js', 'client-HASH.js.map', 'dist.js', 'index.html']));
    const script = folder.text(/^client-.*\.js$/);
    expect(script).toContain('here it is');
    expect(script).not.toMatch(/^import |^export /m);
    const map = JSON.parse(folder.text(/^client-.*\.js\.map$/)) as { sources: string[]; sourcesContent: (string | null)[] };
    expect(map.sources).toContain('.owndir/index.jsx');
    expect(map.sources.filter(source => source.startsWith('/') || source.startsWith('..'))).toEqual([]);
    expect(map.sourcesContent[map.sources.findIndex(each => each.includes('react-dom'))]).toBeNull();
    // Nobody uses Buffer here, so that it is not there.
    expect(map.sources.filter(source => /\/(?:buffer|ieee754|base64-js)\//.test(source))).toEqual([]);
    expect(folder.text('index.html')).toMatch(/<script defer src="\.\/client-[0-9a-f]{10}\.js" onerror="owndirMissing\(\)">/);
  });

  it.each([
    ['import { resolve } from "path"; export default { frame: () => resolve("a") };', 'process/browser.js'],
    ['export default { frame: () => Buffer.from("x").length };', 'buffer/index.js'],
    ['const events = require("node:events"); export default { frame: () => new events() };', 'events/events.js'],
    ['export default { frame: () => { setImmediate(() => {}); } };', 'globals/immediate.js'],
  ])('has what a script needs of Node: %s', async (script, source) => {
    const { folder, errors } = await builder.built({ '.owndir/index.js': script });
    expect(errors).toEqual([]);
    const map = JSON.parse(folder.text(/^client-.*\.js\.map$/)) as { sources: string[] };
    expect(map.sources.filter(each => each.endsWith(source))).toHaveLength(1);
  });

  it('holds React once, and Node’s modules as far as browsers can have them', async () => {
    const { folder, errors } = await builder.built({
      '.owndir/index.jsx':
        'import React from "react"; import { Link } from "react-router-dom"; const path = require("node:path"); import fs from "fs";' +
        'export default { frame: () => <Link to="/">{path.join("a", "b")}{Buffer.from("x").toString("hex")}{process.cwd()}{typeof fs.readFile}</Link> };',
    });
    expect(errors).toEqual([]);
    const script = folder.text(/^client-.*\.js$/);
    expect(script.match(/"18\.3\.1"|version="18\.3\.1/g)?.length).toBeLessThanOrEqual(4);
    expect(script.match(/react\.element/g)?.length).toBeLessThanOrEqual(4);
    expect(() => execFileSync(process.execPath, ['--check', '-'], { input: script })).not.toThrow();
  });

  it('has styles of a module apply to its part of the tree only, those of the root everywhere', async () => {
    const { folder, done } = await builder.built({
      '.owndir/index.js': 'import "./root.css"; export default {};',
      '.owndir/root.css': 'h1 { color: red }',
      'a/.owndir/index.js': 'import "./a.scss"; import "./shared.css"; export default {};',
      'a/.owndir/a.scss': '$c: blue; @use "part"; .m { p, &:hover { color: $c } } :root { margin: 0 } html.dark body { margin: 1px }',
      'a/.owndir/_part.scss': 'i { color: green }',
      'a/.owndir/shared.css': '@import "./inner.css"; @keyframes k { from { top: 0 } to { top: 1px } }',
      'a/.owndir/inner.css': 'b { color: pink; background: url(./dot.png) }',
      'a/.owndir/dot.png': Buffer.alloc(10, 7),
      'c/.owndir/index.js': 'import "../../a/.owndir/shared.css"; export default {};',
    });
    const css = folder.text(/^client-.*\.css$/);
    const scope = /"a":"(o[0-9a-f]{7})"/.exec(folder.text('index.html'))?.[1];
    const other = /"c":"(o[0-9a-f]{7})"/.exec(folder.text('index.html'))?.[1];
    expect(scope).toBe('o2256c6a');
    expect(css).toContain('h1{color:red}');
    expect(css).toContain(`.${scope} .m p,.${scope} .m:hover{color:#00f}`);
    expect(css).toContain(`:root.${scope}{margin:0}`);
    expect(css).toContain(`html.${scope}.dark body{margin:1px}`);
    expect(css).toContain(`.${scope} i{color:green}`);
    expect(css).toContain(`.${scope} b{`);
    expect(css).toContain(`.${other} b{`);
    expect(css).toContain('url(data:image/png;base64,');
    expect(css).toMatch(/@keyframes k\{0%\{top:0\}/);
    expect(done?.files.some(file => file.path.endsWith('.css.map'))).toBe(true);
  });

  it('has large images as files with their content’s hash, small ones inside', async () => {
    const { folder } = await builder.built({
      '.owndir/index.js':
        'import big from "./big.png"; import small from "./small.svg"; import words from "./words.md"; export default { big, small, words };',
      '.owndir/big.png': Buffer.alloc(5000, 1),
      '.owndir/small.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
      '.owndir/words.md': '# words',
    });
    const image = folder.site().find(path => path.startsWith('assets/'));
    expect(image).toMatch(/^assets\/big-[A-Z0-9]{8}\.png$/);
    const script = folder.text(/^client-.*\.js$/);
    expect(script).toContain(image);
    expect(script).toContain('OWNDIR_SITE.root');
    expect(script).toContain('data:image/svg+xml');
    expect(script).toContain('# words');
  });

  it('understands Preact: by tsconfig.json, and by the classic pragma', async () => {
    const { errors, folder } = await builder.built({
      '.owndir/index.js': 'export default { O: { static: [] } };',
      'a/.owndir/tsconfig.json': '{"compilerOptions":{"jsx":"react-jsx","jsxImportSource":"preact"}}',
      'a/.owndir/index.jsx': 'import render from "preact-render-to-string"; export default { O: { routes: [["get", "/", () => {}]] }, html: () => render(<p class="x">a</p>) };',
      'b/.owndir/index.jsx': '/** @jsx h */\nimport { h } from "preact"; import render from "preact-render-to-string"; export default { html: () => render(<i>b</i>) };',
    });
    expect(errors).toEqual([]);
    const { OwnDir } = load(folder);
    const html = ['a', 'b'].map(path => (OwnDir(path).html as () => string)());
    expect(html).toEqual(['<p class="x">a</p>', '<i>b</i>']);
  });
});

describe('the same input', () => {
  it('gives the same bytes, wherever it lies', async () => {
    const files = {
      '.owndir/index.jsx': 'import "./s.css"; import pic from "./p.png"; export default { frame: () => <img src={pic} />, O: { static: [["x.txt", () => "x"]] } };',
      '.owndir/s.css': 'p { color: red }',
      '.owndir/p.png': Buffer.alloc(9000, 3),
      'a/.owndir/index.js': 'import "./a.css"; export default { here: __dirname };',
      'a/.owndir/a.css': 'p { color: red }',
    };
    const [first, second] = [await builder.built(files), await builder.built(files)];
    expect(second.done?.digest).toBe(first.done?.digest);
    expect(second.folder.site()).toEqual(first.folder.site());
    for (const path of first.folder.site()) expect(second.folder.text(path), path).toBe(first.folder.text(path));
  });

  it('writes nothing the second time', async () => {
    const { folder, done } = await builder.built({
      '.owndir/index.jsx': 'export default { frame: () => <p />, O: { routes: [["get", "/", () => {}]], static: [["s/", "./s"]] } };',
      '.owndir/s/a.txt': 'a',
    });
    const before = folder.stamps();
    const again = await builder.build(folder);
    expect(again.done).toEqual(done);
    expect(folder.stamps()).toEqual(before);
  });

  it('with one change rewrites only what differs, and takes away what is no longer wanted', async () => {
    const { folder } = await builder.built({
      '.owndir/index.jsx': 'export default { frame: () => <p />, O: { static: [["s/", "./s"]] } };',
      '.owndir/s/a.txt': 'a',
      '.owndir/s/deep/b.txt': 'b',
    });
    const before = folder.stamps();
    folder.write({ '.owndir/s/a.txt': 'changed' });
    folder.remove('.owndir/s/deep');
    await builder.build(folder);
    const after = folder.stamps();
    const changed = Object.keys(after).filter(path => after[path] !== before[path]);
    expect(changed.sort()).toEqual(['site/dist.js', 'site/index.html', 'site/s/a.txt']);
    expect(existsSync(join(folder.job.out, 'site/s/deep'))).toBe(false);
  });

  it('that fails leaves the last site as it was', async () => {
    const { folder } = await builder.built({ '.owndir/index.js': plain });
    const before = folder.stamps();
    folder.write({ '.owndir/index.js': 'export default {' });
    const failed = await builder.build(folder);
    expect(failed.done).toBeNull();
    expect(failed.errors).toHaveLength(1);
    expect(folder.stamps()).toEqual(before);
  });
});

describe('the job', () => {
  it('that is none ends with code 2 and a sentence', () => {
    const host = join(builder.share, 'host.cjs');
    for (const input of ['nonsense\n', '{"source":"x"}\n', '']) {
      const run = spawnSync(process.execPath, [host, 'build'], { input, encoding: 'utf8' });
      expect(run.status).toBe(2);
      if (input !== '') expect(JSON.parse(run.stdout)).toMatchObject({ error: { text: expect.stringMatching(/job/) as string } });
    }
  });

  it('without "watch" ends the process: 0 when it is built, 1 when not', () => {
    const host = join(builder.share, 'host.cjs');
    const good = builder.folder({ '.owndir/index.js': `${plain} setInterval(() => console.log("noise"), 10);`, '.owndir/plugins/p.js': 'module.exports = () => {}; console.log("printed");' });
    const run = (folder: TestFolder) =>
      spawnSync(process.execPath, [host, 'build'], { input: JSON.stringify({ ...folder.job, watch: false }), encoding: 'utf8' });
    const built = run(good);
    expect(built.status).toBe(0);
    expect(built.stdout.trim().split('\n').map(line => Object.keys(JSON.parse(line) as object)[0])).not.toContain('ended');
    expect(built.stderr).toContain('printed');
    expect(run(builder.folder({ '.owndir/index.js': 'syntax error' })).status).toBe(1);
  });

  it('with a directory keeps what is compiled there, and does without when it is damaged or cannot be written', () => {
    const host = join(builder.share, 'host.cjs');
    const folder = builder.folder({ '.owndir/index.js': plain });
    const cache = join(folder.job.source, '../code');
    const kept = join(cache, 'host.v8');
    const run = (directory: string) => {
      const input = JSON.stringify({ ...folder.job, watch: false });
      const { status, stderr } = spawnSync(process.execPath, [host, 'build', directory], { input, encoding: 'utf8' });
      expect([status, stderr]).toEqual([0, '']);
    };
    run(cache);
    const first = readFileSync(kept);
    const { ino } = statSync(kept);
    run(cache);
    expect(statSync(kept).ino).toBe(ino);
    const damaged = Buffer.from(first);
    damaged[damaged.length - 10] = (damaged[damaged.length - 10] ?? 0) ^ 0xff;
    writeFileSync(kept, damaged);
    run(cache);
    expect(readFileSync(kept).equals(damaged)).toBe(false);
    run(join(host, 'no directory'));
    expect(readdirSync(cache)).toEqual(['host.v8']);
  });
});
