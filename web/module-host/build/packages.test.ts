import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Builder, type Files, type TestFolder } from '../testing/builder.ts';

let builder: Builder;
beforeAll(() => {
  builder = new Builder();
});
afterAll(() => builder.stop());

/** A package inside the module: npm installs it without a network. */
const local = (home: string, name: string, text: string, version = '1.0.0'): Files => ({
  [`${home}/vendor/${name}/package.json`]: JSON.stringify({ name, version, main: 'main.js', scripts: { postinstall: 'touch ran' } }),
  [`${home}/vendor/${name}/main.js`]: text,
});
const needs = (dependencies: Record<string, string>) => JSON.stringify({ dependencies });
const served = (expression: string, imports: string) =>
  `${imports} export default { O: { routes: [["get", "/", () => {}]] }, value: () => ${expression} };`;

function value(folder: TestFolder, path: string): unknown {
  const dist = join(folder.job.out, 'server/dist.cjs');
  const require = createRequire(dist);
  delete require.cache[dist];
  const { OwnDir } = require(dist) as { OwnDir: (path: string) => { value(): unknown } };
  return OwnDir(path).value();
}

describe('packages', () => {
  it('that come with the product are installed by nobody', async () => {
    const { steps, errors, folder } = await builder.built({
      '.owndir/package.json': needs({ react: '^18.2.0', 'react-dom': '>=17', marked: '*', 'react-router-dom': '^6.0.0' }),
      '.owndir/index.jsx': 'import { marked } from "marked"; import React from "react"; export default { frame: () => <p>{marked("x")}{React.version}</p> };',
    });
    expect(errors).toEqual([]);
    expect(steps).not.toContain('packages');
    expect(existsSync(join(folder.job.cache, 'packages'))).toBe(false);
  });

  it('that a module names are installed once, into the cache, without their scripts, and found from below', async () => {
    const { steps, errors, folder } = await builder.built({
      '.owndir/package.json': needs({ greeting: 'file:./vendor/greeting' }),
      ...local('.owndir', 'greeting', 'module.exports = "hello " + require("path").basename(__dirname);'),
      '.owndir/index.js': served('greeting', 'import greeting from "greeting";'),
      'a/.owndir/index.js': 'const greeting = require("greeting"); module.exports = { value: () => "a " + greeting };',
    });
    expect(errors).toEqual([]);
    expect(steps).toContain('packages');
    expect([value(folder, ''), value(folder, 'a')]).toEqual(['hello greeting', 'a hello greeting']);
    expect(existsSync(join(folder.job.source, '.owndir/node_modules'))).toBe(false);
    const [place = ''] = readdirSync(join(folder.job.cache, 'packages'));
    const installed = join(folder.job.cache, 'packages', place, 'node_modules/greeting');
    expect(readdirSync(installed).sort()).toEqual(['main.js', 'package.json']);
    const again = await builder.build(folder);
    expect(again.steps).not.toContain('packages');
    folder.write({ '.owndir/vendor/greeting/main.js': 'module.exports = "changed";' });
    const changed = await builder.build(folder);
    expect(changed.steps).toContain('packages');
    expect(value(folder, '')).toBe('changed');
  });

  it('may differ between modules, the nearest counts, and plugins have their own', async () => {
    const { errors, folder } = await builder.built({
      '.owndir/package.json': needs({ thing: 'file:./vendor/thing' }),
      ...local('.owndir', 'thing', 'module.exports = "one";'),
      '.owndir/index.js': served('thing', 'import thing from "thing";'),
      'a/.owndir/package.json': needs({ thing: './vendor/thing' }),
      ...local('a/.owndir', 'thing', 'module.exports = "two";', '2.0.0'),
      'a/.owndir/index.js': 'import thing from "thing"; export default { value: () => thing };',
      'a/.owndir/plugins/p/package.json': needs({ other: 'file:vendor/other' }),
      ...local('a/.owndir/plugins/p', 'other', 'module.exports = "plugin";'),
      'a/.owndir/plugins/p/index.js': 'const other = require("other"); const thing = require("thing"); module.exports = m => { const v = m.value; m.value = () => v() + other + thing; };',
    });
    expect(errors).toEqual([]);
    expect([value(folder, ''), value(folder, 'a')]).toEqual(['one', 'twoplugintwo']);
  });

  it('that cannot be had are named with the file that names them', async () => {
    const { errors, done } = await builder.built({
      'a/.owndir/package.json': needs({ gone: 'file:./vendor/gone' }),
      'a/.owndir/index.js': 'export default {};',
    });
    expect(done).toBeNull();
    expect(errors).toMatchObject([{ file: 'a/.owndir/package.json', text: expect.stringContaining('"gone"') as string }]);
  });

  it('with a lock file that does not fit say what to do', async () => {
    const { errors } = await builder.built({
      '.owndir/package.json': needs({ greeting: 'file:./vendor/greeting' }),
      '.owndir/package-lock.json': JSON.stringify({ name: 'x', lockfileVersion: 3, requires: true, packages: { '': {} } }),
      ...local('.owndir', 'greeting', 'module.exports = 1;'),
      '.owndir/index.js': 'export default {};',
    });
    expect(errors).toMatchObject([
      { file: '.owndir/package.json', text: expect.stringContaining('package-lock.json does not match') as string },
    ]);
  });

  it('that lie outside of the module are refused', async () => {
    const { errors } = await builder.built({
      '.owndir/package.json': needs({ greeting: 'file:../../elsewhere' }),
      '.owndir/index.js': 'export default {};',
    });
    expect(errors).toMatchObject([{ text: expect.stringContaining('must be a directory with a package.json below') as string }]);
  });
});
