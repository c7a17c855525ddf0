// Assertions for the contract suite, which runs in pages as well as in Node, where no test framework is at hand.
import { FsError } from '../error.ts';

function show(value: unknown): string {
  return (
    JSON.stringify(value, (_, item: unknown) =>
      item instanceof Uint8Array ? `bytes ${String(item.slice(0, 80))}` : item,
    ) ?? 'undefined'
  );
}

function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Uint8Array && b instanceof Uint8Array)
    return a.length === b.length && a.every((byte, i) => byte === b[i]);
  const [left, right] = [Object.entries(a), Object.entries(b)];
  return (
    left.length === right.length &&
    left.every(([key, value]) => key in b && same(value, (b as Record<string, unknown>)[key]))
  );
}

export function equal(actual: unknown, expected: unknown, what: string): void {
  if (!same(actual, expected)) throw new Error(`${what}: expected ${show(expected)}, got ${show(actual)}`);
}

export function ok(value: unknown, what: string): void {
  if (value !== true) throw new Error(`${what}: got ${show(value)}`);
}

/** The operation fails as the folder API's do. */
export async function fails(
  status: number | readonly number[],
  action: () => Promise<unknown>,
  what: string,
): Promise<FsError> {
  let result: unknown;
  try {
    result = await action();
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    const statuses = typeof status === 'number' ? [status] : status;
    if (!statuses.includes(error.status)) throw new Error(`${what}: expected ${show(status)}, got ${show(error)}`);
    equal(Object.keys(error).sort(), ['error', 'status', 'success'], `${what}: shape of the error`);
    equal([error.success, error.message], [false, error.error], `${what}: members of the error`);
    return error;
  }
  throw new Error(`${what}: expected ${show(status)}, but it succeeded with ${show(result)}`);
}

export async function until<Value>(
  look: () => Value | null | undefined | false,
  what: () => string,
  ms = 15_000,
): Promise<Value> {
  const end = Date.now() + ms;
  for (;;) {
    const value = look();
    if (value !== null && value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`waited in vain: ${what()}`);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}
