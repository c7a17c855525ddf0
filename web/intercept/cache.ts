// The answers of one app that may be used again (RFC 9111, as a browser's private cache; http-cache-semantics decides). In memory,
// bounded in bytes and entries; what was used longest ago gives way. Ranges are not kept.

import CachePolicy from 'http-cache-semantics';
import type { Bytes } from '../base/bytes.ts';
import type { Field } from './port.ts';

export const cacheLimits = { bytes: 48 * 1024 * 1024, entry: 4 * 1024 * 1024, entries: 1000, variants: 4 } as const;

export interface CacheRequest {
  readonly target: string;
  readonly fields: readonly Field[];
}

export interface CacheAnswer {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly Field[];
}

export interface Entry extends CacheAnswer {
  readonly body: Bytes;
  readonly policy: CachePolicy;
  /** What the request had of the fields that the answer varies with. */
  readonly vary: readonly Field[];
}

export type Lookup =
  | { readonly use: 'entry'; readonly entry: Entry }
  | { readonly use: 'revalidate'; readonly entry: Entry; readonly validators: readonly Field[] }
  | { readonly use: 'network' }
  | { readonly use: 'nothing' };

const validatorNames = ['if-none-match', 'if-modified-since'];
const conditional = new Set([...validatorNames, 'if-unmodified-since', 'if-match', 'if-range']);
/** Of a 304, these say nothing about what is kept. */
const ofMessage = new Set(['content-length', 'content-encoding', 'content-type', 'content-range', 'set-cookie']);

export function valueOf(fields: readonly Field[], name: string): string | undefined {
  const values = fields.filter(([field]) => field.toLowerCase() === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(', ');
}

function headersOf(fields: readonly Field[]): Record<string, string> {
  const headers = Object.create(null) as Record<string, string>;
  for (const [name, value] of fields) {
    const lower = name.toLowerCase();
    if (lower === 'set-cookie') continue;
    headers[lower] = lower in headers ? `${headers[lower]}, ${value}` : value;
  }
  return headers;
}

const policyRequest = ({ target, fields }: CacheRequest) => ({
  url: target,
  method: 'GET',
  headers: headersOf(fields),
});

/** The mode of a request after what its fields say (Fetch, HTTP-network-or-cache fetch). */
export function effectiveMode(mode: RequestCache, fields: readonly Field[]): RequestCache {
  const names = fields.map(([name]) => name.toLowerCase());
  if (names.includes('range')) return 'no-store';
  // With a condition of the page's own, browsers tell their service worker no-cache.
  const mayBeOwn = mode === 'default' || mode === 'no-cache';
  return mayBeOwn && names.some(name => conditional.has(name)) ? 'no-store' : mode;
}

export class HttpCache {
  /** By target, in the order of use. */
  readonly #entries = new Map<string, Entry[]>();
  #bytes = 0;
  #count = 0;

  get bytes(): number {
    return this.#bytes;
  }
  get count(): number {
    return this.#count;
  }

  lookup(request: CacheRequest, mode: RequestCache): Lookup {
    if (mode === 'no-store' || mode === 'reload') return { use: 'network' };
    const entry = this.#find(request);
    if (!entry) return mode === 'only-if-cached' ? { use: 'nothing' } : { use: 'network' };
    this.#touch(request.target);
    if (mode === 'force-cache' || mode === 'only-if-cached') return { use: 'entry', entry };
    const asked = policyRequest(request);
    if (mode !== 'no-cache' && entry.policy.satisfiesWithoutRevalidation(asked)) return { use: 'entry', entry };
    const headers = entry.policy.revalidationHeaders(asked);
    const validators: Field[] = [];
    for (const name of validatorNames) {
      const value = headers[name];
      if (typeof value === 'string') validators.push([name, value]);
    }
    return validators.length === 0 ? { use: 'network' } : { use: 'revalidate', entry, validators };
  }

  /** Whether the body of this answer is worth collecting; null when it is not. */
  storable(request: CacheRequest, answer: CacheAnswer): CachePolicy | null {
    if (answer.status === 206 || valueOf(answer.fields, 'vary')?.includes('*')) return null;
    if (Number(valueOf(answer.fields, 'content-length') ?? 0) > cacheLimits.entry) return null;
    const policy = new CachePolicy(
      policyRequest(request),
      { status: answer.status, headers: headersOf(answer.fields) },
      { shared: false },
    );
    if (!policy.storable()) return null;
    const canBeChecked = ['etag', 'last-modified'].some(name => valueOf(answer.fields, name) !== undefined);
    return policy.timeToLive() > 0 || canBeChecked ? policy : null;
  }

  store(request: CacheRequest, answer: CacheAnswer, policy: CachePolicy, body: Bytes): void {
    if (body.length > cacheLimits.entry) return;
    const names = (valueOf(answer.fields, 'vary') ?? '').split(',').map(name => name.trim().toLowerCase());
    const vary = names.filter(name => name !== '').map((name): Field => [name, valueOf(request.fields, name) ?? '']);
    const { status, reason, fields } = answer;
    const kept = fields.filter(([name]) => name.toLowerCase() !== 'set-cookie');
    this.#put(request, { status, reason, fields: kept, body, policy, vary });
  }

  /** A 304 for what was asked with the entry's validators. */
  freshen(entry: Entry, request: CacheRequest, answer: CacheAnswer): Entry {
    const { policy } = entry.policy.revalidatedPolicy(
      { ...policyRequest(request), headers: headersOf(request.fields) },
      { status: 304, headers: headersOf(answer.fields) },
    );
    const changed = answer.fields.filter(([name]) => !ofMessage.has(name.toLowerCase()));
    const names = new Set(changed.map(([name]) => name.toLowerCase()));
    const fields = [...entry.fields.filter(([name]) => !names.has(name.toLowerCase())), ...changed];
    const fresh = { ...entry, policy, fields };
    this.#put(request, fresh);
    return fresh;
  }

  /** After an unsafe method. */
  invalidate(target: string): void {
    for (const entry of this.#entries.get(target) ?? []) this.#forget(entry);
    this.#entries.delete(target);
  }

  #find(request: CacheRequest): Entry | undefined {
    const entries = this.#entries.get(request.target) ?? [];
    return entries.find(({ vary }) => vary.every(([name, value]) => (valueOf(request.fields, name) ?? '') === value));
  }

  #put(request: CacheRequest, entry: Entry): void {
    const old = this.#find(request);
    const others = (this.#entries.get(request.target) ?? []).filter(other => other !== old);
    if (old) this.#forget(old);
    while (others.length >= cacheLimits.variants) this.#forget(others.shift());
    this.#entries.delete(request.target);
    this.#entries.set(request.target, [...others, entry]);
    this.#bytes += entry.body.length;
    this.#count += 1;
    for (const target of this.#entries.keys()) {
      if (this.#bytes <= cacheLimits.bytes && this.#count <= cacheLimits.entries) break;
      if (target !== request.target) this.invalidate(target);
    }
  }

  #touch(target: string): void {
    const entries = this.#entries.get(target);
    if (!entries) return;
    this.#entries.delete(target);
    this.#entries.set(target, entries);
  }

  #forget(entry: Entry | undefined): void {
    if (!entry) return;
    this.#bytes -= entry.body.length;
    this.#count -= 1;
  }
}
