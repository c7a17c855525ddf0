// Paths in the folder, as text, and as they stand in a URL.

/** As in a URL; a byte that is no UTF-8 is U+DC80…U+DCFF in a path and %XX here. */
export function encodePath(path: string): string {
  return [...path]
    .map(char => {
      const code = char.codePointAt(0) ?? 0;
      if (code >= 0xdc80 && code <= 0xdcff) return `%${(code - 0xdc00).toString(16).toUpperCase()}`;
      if (code >= 0xd800 && code <= 0xdfff) return '%EF%BF%BD';
      return char === '/' ? char : encodeURIComponent(char);
    })
    .join('');
}

export function decodePath(path: string): string {
  return path.replace(/(?:%[0-9a-f]{2})+/gi, run => {
    try {
      return decodeURIComponent(run);
    } catch {
      // Byte by byte: what is valid stays text, the rest is escaped.
      return run.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => {
        const byte = parseInt(hex, 16);
        return String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte);
      });
    }
  });
}
