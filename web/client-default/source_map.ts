// Where in the module's own source an error was thrown: the positions of a stack are those of the bundle, and the map beside it
// (client-….js.map) leads back. Only where the map can be fetched, so not on file://; then the stack stays as it is.

interface SourceMap {
  sources: string[];
  mappings: string;
}

interface Position {
  source: string;
  /** 1 is the first. */
  line: number;
  column: number;
}

const kMapBytes = 64 * 1024 * 1024;
const kFrames = 30;
const kWaitMs = 5000;
const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** The numbers of one segment (ECMA-426, base64 VLQ); empty when it is none. */
function numbersOf(segment: string): number[] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const char of segment) {
    const digit = digits.indexOf(char);
    if (digit < 0 || shift > 30) return [];
    value += (digit & 31) * 2 ** shift;
    shift += 5;
    if (digit & 32) continue;
    numbers.push(value % 2 === 1 ? -Math.floor(value / 2) : value / 2);
    value = shift = 0;
  }
  return numbers;
}

/** The nearest mapping at or before each of `wanted`, which are lines and columns of the bundle, from 1. */
export function lookUp(map: SourceMap, wanted: readonly { line: number; column: number }[]): (Position | null)[] {
  const found: (Position | null)[] = wanted.map(() => null);
  let [source, line, column] = [0, 0, 0];
  map.mappings.split(';').forEach((text, row) => {
    let at = 0;
    for (const segment of text.split(',')) {
      const numbers = numbersOf(segment);
      at += numbers[0] ?? 0;
      if (numbers.length < 4) continue;
      source += numbers[1] ?? 0;
      line += numbers[2] ?? 0;
      column += numbers[3] ?? 0;
      const position = { source: map.sources[source] ?? '', line: line + 1, column: column + 1 };
      wanted.forEach((each, index) => {
        if (each.line === row + 1 && at <= each.column - 1) found[index] = position;
      });
    }
  });
  return found;
}

function parseMap(text: string): SourceMap | null {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) return null;
  const { sources, mappings } = value as { sources?: unknown; mappings?: unknown };
  if (!Array.isArray(sources) || typeof mappings !== 'string') return null;
  return { sources: sources.map(String), mappings };
}

/** "at .owndir/index.jsx:12:7", the frames of modules only; null where they cannot be found. */
export async function sourceStack(stack: string): Promise<string[] | null> {
  const frames = [...stack.matchAll(/(https?:\/\/\S+?\.js):(\d+):(\d+)/g)]
    .map(([, script = '', line, column]) => ({ script, line: Number(line), column: Number(column) }))
    .filter(({ script }) => /\/client-[0-9a-f]+\.js$/.test(script))
    .slice(0, kFrames);
  const script = frames[0]?.script;
  if (script === undefined || new URL(script).origin !== location.origin) return null;
  try {
    const response = await fetch(`${script}.map`, { signal: AbortSignal.timeout(kWaitMs) });
    const text = response.ok ? await response.text() : '';
    const map = text !== '' && text.length < kMapBytes ? parseMap(text) : null;
    if (!map) return null;
    const positions = lookUp(
      map,
      frames.filter(each => each.script === script),
    );
    const own = positions.filter(each => each !== null && /(?:^|\/)\.owndir/.test(each.source)) as Position[];
    return own.length === 0 ? null : own.map(each => `${each.source}:${each.line}:${each.column}`);
  } catch {
    return null;
  }
}
