export type ErrorStatus = 400 | 403 | 404 | 408 | 409 | 413 | 429 | 499 | 500 | 501 | 503 | 507;

const statuses = new Set<number>([400, 403, 404, 408, 409, 413, 429, 499, 500, 501, 503, 507]);

/** What modules' routes hand us: an Express response, as far as we use it. */
interface JsonResponse {
  status(code: number): { json(body: unknown): unknown };
}

/**
 * What every operation of the folder API fails with: an Error that looks like `{success: false, status, error}` to those who
 * compare or serialise it. `error` is a sentence for people; `status` reads as HTTP's. 503: there is no connection.
 */
export class FsError extends Error {
  readonly success = false;
  readonly status: ErrorStatus;
  readonly error: string;

  constructor(status: ErrorStatus, sentence: string, cause?: unknown) {
    super(sentence, cause === undefined ? undefined : { cause });
    this.status = status;
    this.error = sentence;
  }

  /** Answers an Express request with this error. */
  respond(response: JsonResponse): unknown {
    return response.status(this.status).json({ success: false, status: this.status, error: this.error });
  }

  static {
    // On the prototype: as an own property it would be part of what callers compare.
    Object.defineProperty(this.prototype, 'name', { value: 'FsError', configurable: true, writable: true });
  }
}

/** The connection ended, or never came, before the outcome was known. */
export class ConnectionLost extends FsError {
  constructor(sentence: string, cause?: unknown) {
    super(503, sentence, cause);
  }
}

export function statusOf(code: unknown): ErrorStatus {
  return typeof code === 'number' && statuses.has(code) ? (code as ErrorStatus) : 500;
}

export function cancelled(reason: unknown): FsError {
  if (reason instanceof FsError) return reason;
  return new FsError(499, 'The operation was cancelled.', reason);
}

export function asFsError(fault: unknown): FsError {
  if (fault instanceof FsError) return fault;
  return new FsError(500, fault instanceof Error ? fault.message : String(fault), fault);
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled(signal.reason);
}
