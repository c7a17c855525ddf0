// From a client bundle to the files of the site: each carries its content's hash in the name.
import { readFileSync } from 'node:fs';
import type { Bundle } from './bundler.ts';
import { digestOf } from './site.ts';
import { loaderScript, type ClientAssets } from './static/page.ts';
import type { Share } from './share.ts';

export interface ClientFile {
  path: string;
  bytes: Uint8Array;
}

export interface ClientSite {
  files: ClientFile[];
  assets: ClientAssets;
}

const integrity = (bytes: Uint8Array) => `sha256-${Buffer.from(digestOf(bytes), 'hex').toString('base64')}`;

/** The browser runtime, named. */
export function nameRuntime({ runtime }: Share): ClientFile | null {
  if (runtime === null) return null;
  const bytes = readFileSync(runtime);
  return { path: `owndir-${digestOf(bytes).slice(0, 10)}.js`, bytes };
}

export function nameClient(bundle: Bundle, runtime: ClientFile | null): ClientSite {
  const files: ClientFile[] = [];
  const assets: ClientAssets = { scripts: [], styles: [] };
  const add = (path: string, bytes: Uint8Array, list: ClientAssets['scripts']) => {
    files.push({ path, bytes });
    list.push({ path, digest: integrity(bytes) });
  };
  const found = (name: string) => bundle.files.find(file => file.name === name)?.bytes;
  if (runtime !== null) add(runtime.path, runtime.bytes, assets.scripts);
  for (const [kind, list] of [
    ['css', assets.styles],
    ['js', assets.scripts],
  ] as const) {
    const text = found(`client.${kind}`);
    if (text === undefined || text.length === 0) continue;
    const map = found(`client.${kind}.map`);
    const path = `client-${digestOf(digestOf(text) + (map ? digestOf(map) : '')).slice(0, 10)}.${kind}`;
    const [open, close] = kind === 'js' ? ['//', ''] : ['/*', ' */'];
    const link = map ? `${open}# sourceMappingURL=${path}.map${close}\n` : '';
    add(path, Buffer.concat([text, Buffer.from(link)]), list);
    if (map) files.push({ path: `${path}.map`, bytes: map });
  }
  for (const file of bundle.files) if (!file.name.startsWith('client.')) files.push({ path: file.name, bytes: file.bytes });
  files.push({ path: 'dist.js', bytes: Buffer.from(loaderScript(assets)) });
  return { files, assets };
}
