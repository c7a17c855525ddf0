// A name for this device that its owner recognises in the server's log. Pure.

import { rendezvousLimits } from '../generated/protocol.ts';

export function guessDeviceName(userAgent: string): string {
  const system =
    [
      [/iPhone/, 'iPhone'],
      [/iPad/, 'iPad'],
      [/Android/, 'Android'],
      [/CrOS/, 'Chromebook'],
      [/Mac OS X/, 'Mac'],
      [/Windows/, 'Windows'],
      [/Linux/, 'Linux'],
    ].find(([pattern]) => (pattern as RegExp).test(userAgent))?.[1] ?? 'a device';
  const browser =
    [
      [/Edg\//, 'Edge'],
      [/OPR\//, 'Opera'],
      [/Firefox\/|FxiOS\//, 'Firefox'],
      [/Chrome\/|CriOS\//, 'Chrome'],
      [/Safari\//, 'Safari'],
    ].find(([pattern]) => (pattern as RegExp).test(userAgent))?.[1] ?? 'Browser';
  return `${String(browser)} on ${String(system)}`;
}

/** Without control characters and within the record's limit of bytes. */
export function cleanDeviceName(name: string): string {
  let text = name
    .replace(/[\u0000-\u001f\u007f]/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  while (new TextEncoder().encode(text).length > rendezvousLimits.nameChars) text = [...text].slice(0, -1).join('');
  return text;
}
