import { transformSync } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { lookUp } from './source_map.ts';

describe('lookUp', () => {
  const source = 'export const first = 1;\n\nexport function long(name) {\n  throw new Error(`no ${name}`);\n}\n';
  const { code, map } = transformSync(source, { minify: true, sourcemap: true, sourcefile: '.owndir/index.js' });
  const parsed = JSON.parse(map) as { sources: string[]; mappings: string };
  const at = (text: string) => ({ line: 1, column: code.indexOf(text) + 1 });

  it('leads from the bundle to the line of the source', () => {
    const [thrown, start] = lookUp(parsed, [at('new Error'), { line: 1, column: 1 }]);
    expect(thrown).toEqual({ source: '.owndir/index.js', line: 4, column: 9 });
    expect(start).toMatchObject({ line: 1 });
  });

  it('knows nothing of places that the map does not have', () => {
    expect(lookUp(parsed, [{ line: 99, column: 1 }])).toEqual([null]);
    expect(lookUp({ sources: [], mappings: '!!!,,;?' }, [{ line: 1, column: 1 }])).toEqual([null]);
  });
});
