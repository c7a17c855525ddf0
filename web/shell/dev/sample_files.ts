// The files of the made-up home folder.

const picture = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 600"><defs><linearGradient id="s" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#9fb8c8"/><stop offset="1" stop-color="#e9e2d0"/></linearGradient></defs><rect width="900" height="600" fill="url(#s)"/><path d="M0 330 L220 210 L360 300 L520 150 L760 320 L900 260 V600 H0z" fill="#5c6e62"/><path d="M430 216 h60 v290 h-60z" fill="#f4f7f7" opacity=".9"/><path d="M0 480 Q450 420 900 500 V600 H0z" fill="#39463f"/></svg>`;

const notes = `# Packing list

- Passport, tickets, the small tripod
- Wool: two sweaters, hat, gloves
- Camera, three batteries, the long cable

## Roads

The F-roads open in late June. Ask at the station in Hella before the river crossings; last year the ford at Krossá was closed for a week after rain, and the way back over the ridge took the whole day.

    fuel: Vík, Kirkjubæjarklaustur, Höfn
`;

const recipe = `<!doctype html><title>Rye bread</title><style>body{font:18px/1.6 Georgia,serif;max-width:34rem;margin:3rem auto;padding:0 1rem;color:#332}h1{font-weight:400}</style><h1>Rye bread, baked in the ground</h1><p>Four parts of rye flour, two of wheat, one of syrup. Bury the pot beside the spring for a day.</p><script>document.body.textContent='scripts run'</script>`;

/** One second of a 440 Hz tone, 8 bit mono. */
function tone(): Uint8Array<ArrayBuffer> {
  const rate = 8000;
  const bytes = new Uint8Array(44 + rate);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode('RIFF....WAVEfmt '));
  view.setUint32(4, 36 + rate, true);
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate, true);
  view.setUint16(32, 1, true);
  view.setUint16(34, 8, true);
  bytes.set(new TextEncoder().encode('data'), 36);
  view.setUint32(40, rate, true);
  for (let at = 0; at < rate; at += 1)
    bytes[44 + at] = 128 + Math.round(40 * Math.sin((at * 440 * 2 * Math.PI) / rate));
  return bytes;
}

export const kLongName = `/a%20name%20${'very-'.repeat(45)}long.txt`;

export interface SampleFile {
  readonly mime: string;
  readonly content: string | Uint8Array<ArrayBuffer>;
  readonly size?: number;
  readonly obstacle?: string;
}

export function sampleFiles(): Record<string, SampleFile> {
  const files: Record<string, SampleFile> = {
    '/Travel/Iceland%202024/Sk%C3%B3gafoss.svg': { mime: 'image/svg+xml', content: picture },
    '/Travel/Iceland%202024/drone.mp4': { mime: 'video/mp4', content: 'x', size: 1_934_000_000 },
    '/Travel/Iceland%202024/volcano.webm': {
      mime: 'video/webm',
      content: new Uint8Array(31_000_000),
      size: 84_000_000,
    },
    '/Travel/Iceland%202024/map%20of%20the%20highlands%20with%20the%20fords%20marked%20in%20red%20by%20Sigr%C3%BAn%20in%20Hella.pdf':
      { mime: 'application/pdf', content: 'x', size: 2_214_000 },
    '/Notes/packing%20list.md': { mime: 'text/markdown', content: notes },
    '/Notes/server.log': {
      mime: 'text/plain',
      content: Array.from(
        { length: 60_000 },
        (_, at) =>
          `2024-06-${String((at % 28) + 1).padStart(2, '0')} 04:00:${String(at % 60).padStart(2, '0')} snapshot ${at} done`,
      ).join('\n'),
    },
    '/Notes/recipe.html': { mime: 'text/html', content: recipe },
    '/Documents/tax.pdf': { mime: 'application/pdf', content: 'x', size: 482_113 },
    '/backup.tar.zst': { mime: 'application/zstd', content: 'x', size: 18_300_000_000 },
    '/memo.wav': { mime: 'audio/wav', content: tone() },
    '/budget.csv': { mime: 'text/csv', content: 'month,sum\nJune,120\n' },
    '/portrait.jpg': { mime: 'image/jpeg', content: 'x', size: 3_412_000 },
    '/scans': { mime: '', content: '', obstacle: 'outside' },
    '/bad%FF.txt': { mime: 'text/plain', content: 'No UTF-8.\n' },
    [kLongName]: { mime: 'text/plain', content: 'Long.\n' },
    '/.stignore': { mime: 'text/plain', content: 'home-only\n' },
    '/home-only/key%20facts.txt': { mime: 'text/plain', content: 'Only at home.\n' },
  };
  for (let at = 1; at <= 24; at += 1)
    files[`/Travel/Iceland%202024/DSC_${4100 + at * 7}.jpg`] = {
      mime: 'image/jpeg',
      content: 'x',
      size: 3_000_000 + at * 177_013,
    };
  return files;
}
