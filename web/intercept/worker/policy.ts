// The fields of an answer that would keep it from being shown in the page's frame, or reach beyond the app.

import type { Field } from '../port.ts';

/** The frame, the worker's registration and its origin's other data are ours. */
const dropped = new Set(['x-frame-options', 'clear-site-data', 'service-worker-allowed', 'strict-transport-security']);
const policies = new Set(['content-security-policy', 'content-security-policy-report-only']);

export function adjustedFields(fields: readonly Field[], nonce: string): Field[] {
  const adjusted: Field[] = [];
  for (const [name, value] of fields) {
    const lower = name.toLowerCase();
    if (dropped.has(lower)) continue;
    if (!policies.has(lower)) adjusted.push([name, value]);
    else {
      const policy = value
        .split(',')
        .map(one => adjustedPolicy(one, nonce))
        .filter(one => one !== '');
      if (policy.length > 0) adjusted.push([name, policy.join(', ')]);
    }
  }
  return adjusted;
}

/** One policy: may be framed, is not moved to https, and allows the script with the nonce. */
export function adjustedPolicy(policy: string, nonce: string): string {
  const directives = new Map<string, string[]>();
  for (const part of policy.split(';')) {
    const [name = '', ...values] = part.trim().split(/\s+/);
    const lower = name.toLowerCase();
    if (lower !== '' && !directives.has(lower)) directives.set(lower, values);
  }
  for (const name of ['frame-ancestors', 'upgrade-insecure-requests', 'block-all-mixed-content'])
    directives.delete(name);
  const governing = ['script-src-elem', 'script-src', 'default-src'].find(name => directives.has(name));
  if (governing !== undefined) {
    const sources = directives.get(governing) ?? [];
    if (!allowsInline(sources)) {
      const others = sources.filter(source => source.toLowerCase() !== "'none'");
      directives.set(governing === 'default-src' ? 'script-src' : governing, [...others, `'nonce-${nonce}'`]);
    }
  }
  return [...directives].map(([name, values]) => [name, ...values].join(' ')).join('; ');
}

/** A nonce would switch 'unsafe-inline' off for the app's own scripts. */
function allowsInline(sources: readonly string[]): boolean {
  const lower = sources.map(source => source.toLowerCase());
  const strict = lower.some(source => /^'(?:nonce-|sha(?:256|384|512)-|strict-dynamic')/.test(source));
  return lower.includes("'unsafe-inline'") && !strict;
}
