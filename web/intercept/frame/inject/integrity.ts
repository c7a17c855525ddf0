// Subresource integrity: the bytes that are checked are the server's, before anything in them is changed.

const kinds = { sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' } as const;
type Kind = keyof typeof kinds;

/** True where there is nothing to check; of several digests the strongest kind counts. */
export async function isIntact(bytes: ArrayBuffer, integrity: string | null): Promise<boolean> {
  const digests = [...(integrity ?? '').matchAll(/(?:^|\s)(sha(?:256|384|512))-([A-Za-z0-9+/_-]+=*)/g)].map(
    ([, kind, digest = '']) => ({ kind: kind as Kind, digest: digest.replace(/-/g, '+').replace(/_/g, '/') }),
  );
  const strongest = digests
    .map(({ kind }) => kind)
    .sort()
    .at(-1);
  if (strongest === undefined) return true;
  const actual = new Uint8Array(await crypto.subtle.digest(kinds[strongest], bytes));
  const text = btoa(String.fromCharCode(...actual));
  return digests.some(({ kind, digest }) => kind === strongest && digest === text);
}
