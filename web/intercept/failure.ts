import { TunnelError } from '../tunnel/index.ts';
import type { FailCode, Fault } from './port.ts';

/** Why a request of an app failed, in words for its console. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly code: FailCode;

  constructor(code: FailCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** What the tunnel said of it; null when it was not the tunnel. */
export function faultOf(error: unknown): Fault | null {
  const cause = error instanceof Failure ? error.cause : error;
  if (!(cause instanceof TunnelError)) return null;
  const { code, message, repeatable, status } = cause;
  return { code, message, repeatable, status };
}

export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof TunnelError) {
    const { code } = error;
    const same = code === 'cancelled' || code === 'timeout' || code === 'refused' || code === 'tooLarge';
    return new Failure(same ? code : 'network', message, error);
  }
  if (error instanceof DOMException && error.name === 'AbortError') return new Failure('cancelled', message, error);
  return new Failure('network', message, error);
}
