import { Code } from '../generated/protocol.ts';

export type CodeName = keyof typeof Code;
/** A code of the protocol, or `closed`: the connection ended. */
export type TunnelErrorCode = CodeName | 'closed';

const names = new Map<number, CodeName>(Object.entries(Code).map(([name, value]) => [value, name as CodeName]));

/** A code that a newer version of the other end may send counts as a fault of the sender. */
export function codeName(value: number): CodeName {
  return names.get(value) ?? 'internal';
}

export class TunnelError extends Error {
  override readonly name = 'TunnelError';
  readonly code: TunnelErrorCode;
  /** The other end has not started the exchange: it may be repeated, whatever its method. */
  readonly repeatable: boolean;
  /** Of the response that came instead of a WebSocket. */
  readonly status: number | null;

  constructor(
    code: TunnelErrorCode,
    message: string,
    options: { repeatable?: boolean; cause?: unknown; status?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.repeatable = options.repeatable ?? false;
    this.status = options.status ?? null;
  }
}
