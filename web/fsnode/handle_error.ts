import { FsError } from './error.ts';

export function hasName(error: unknown, ...names: string[]): boolean {
  return error instanceof Error && names.includes(error.name);
}

/** What the browser's file access failed with, as a sentence that says what to do. */
export function handleError(error: unknown, path: string): FsError {
  if (error instanceof FsError) return error;
  const failed = (status: FsError['status'], sentence: string) => new FsError(status, sentence, error);
  if (hasName(error, 'NotFoundError')) return failed(404, `${path} is not there (any more).`);
  if (hasName(error, 'TypeMismatchError')) return failed(409, `${path} is of another kind.`);
  if (hasName(error, 'NotAllowedError', 'SecurityError'))
    return failed(
      403,
      `The browser does not let this page use ${path || 'the folder'}. Allow it to view and edit the folder, then try again.`,
    );
  if (hasName(error, 'NoModificationAllowedError'))
    return failed(409, `${path} cannot be changed now: it is read-only, or another program holds it.`);
  if (hasName(error, 'QuotaExceededError')) return failed(507, 'The disk is full. Make room, then try again.');
  if (hasName(error, 'NotReadableError')) return failed(409, `${path} changed while it was read. Read it again.`);
  if (hasName(error, 'TypeError')) return failed(400, `The browser does not accept the name ${path}.`);
  return failed(500, error instanceof Error ? error.message : String(error));
}
