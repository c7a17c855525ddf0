// O.static as a module writes it, parsed into operations: [to, from, options?], in order.

export type Generator = (this: unknown, o: unknown) => unknown;

export type From = { path: string } | { content: string | Uint8Array } | { generate: Generator };

export interface Operation {
  /** As written; relative to the module's directory. */
  to: string;
  from: From;
  inject: unknown;
}

const maxOperations = 10_000;

function fromOf(value: unknown, isContent: boolean, to: string): From {
  if (typeof value === 'string') return isContent ? { content: value } : { path: value };
  if (typeof value === 'function') return { generate: value as Generator };
  if (value instanceof Uint8Array) return { content: value };
  if (typeof value === 'object' && value !== null) {
    const { file } = value as { file?: unknown };
    if (typeof file === 'string') return { path: file };
  }
  throw new Error(`O.static: what "${to}" is made from must be a path, a function, bytes or { file }`);
}

function operation(entry: unknown, index: number): Operation {
  if (!Array.isArray(entry) || entry.length < 2)
    throw new Error(`O.static: entry ${index + 1} must be [to, from] or [to, from, options]`);
  const [to, from, options] = entry as unknown[];
  if (typeof to !== 'string') throw new Error(`O.static: the destination of entry ${index + 1} must be a string`);
  if (options !== undefined && (typeof options !== 'object' || options === null))
    throw new Error(`O.static: the options of "${to}" must be an object`);
  const inject = (options as { inject?: unknown } | undefined)?.inject;
  return { to, from: fromOf(from, false, to), inject };
}

/** A list, a map of contents, or a path to a ready folder. Functions are not called here. */
export function parseOperations(value: unknown): Operation[] {
  let operations: Operation[];
  if (value === undefined || value === null) return [];
  if (typeof value === 'string') operations = [{ to: './', from: { path: value }, inject: undefined }];
  else if (Array.isArray(value)) operations = value.map(operation);
  else if (typeof value === 'object')
    operations = Object.entries(value).map(([to, from]) => ({ to, from: fromOf(from, true, to), inject: undefined }));
  else throw new Error('O.static must be a list, a map, or a function that returns a path');
  if (operations.length > maxOperations) throw new Error(`O.static has more than ${maxOperations} entries`);
  return operations;
}

const maxPath = 1024;

/** The destination from the site's root; "" is the root itself. Throws when it would lie elsewhere. */
export function destination(module: string, to: string): string {
  const refuse = (why: string): never => {
    throw new Error(`O.static: the destination "${to}" ${why}`);
  };
  if (to.startsWith('/')) refuse('must be relative to the directory of the module');
   
  if (/[\0-\x1f\\]/.test(to)) refuse('has a character that no path may have');
  const steps = to.split('/').filter(step => step !== '' && step !== '.');
  if (steps.includes('..')) refuse('leads out of the directory of the module');
  const path = [...(module === '' ? [] : module.split('/')), ...steps];
  if (path[0] === '@') refuse('is taken: everything below /@/ belongs to the server');
  if (path.some(step => step === '.wrtc-proxy' || step === '.stfolder' || step === '.stversions'))
    refuse('is a name that is never served');
  const joined = path.join('/');
  if (Buffer.byteLength(joined) > maxPath || path.some(step => Buffer.byteLength(step) > 255)) refuse('is too long');
  return joined;
}

/** True for destinations that name a directory: "./", "a/". */
export function isDirectoryTarget(to: string): boolean {
  return /(?:^|\/)\.?$/.test(to);
}
