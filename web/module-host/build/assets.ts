// Images, fonts, sounds and films that modules import: small ones become part of the bundle, the others files with their
// content's hash in the name. In a script the value is a URL that works wherever the page was opened from.
import { readFileSync, statSync } from 'node:fs';
import type { Plugin } from 'esbuild';
import { rootName } from './static/root_mark.ts';

export const assetFiles =
  /\.(?:png|jpe?g|gif|webp|avif|ico|bmp|svg|woff2?|ttf|otf|eot|mp3|ogg|oga|opus|wav|flac|m4a|mp4|webm|ogv|mov|pdf|wasm|glb|bin|zip)$/i;
const fontFiles = /\.(?:woff2?|ttf|otf|eot)$/i;

const inlineBytes = 4096;
/** Pages on file:// may not load fonts from files in every browser. */
const inlineFontBytes = 256 * 1024;

function isInline(path: string, all: boolean): boolean {
  return all || statSync(path).size <= (fontFiles.test(path) ? inlineFontBytes : inlineBytes);
}

export function assetsPlugin(platform: 'client' | 'server', inlineAll: boolean): Plugin {
  // OWNDIR_SITE.root is the site's own URL. At home pages begin at "/"; while they are built, a mark stands for the way there.
  const root = platform === 'client' ? 'globalThis.OWNDIR_SITE.root' : `(globalThis.${rootName} ?? "/")`;
  const value = `module.exports = /^data:/.test(path) ? path : ${root} + path.replace(/^\\.\\//, "");`;
  return {
    name: 'owndir-assets',
    setup: build => {
      build.onResolve({ filter: assetFiles }, async args => {
        if (args.namespace === 'owndir-asset') return { path: args.path, pluginData: { raw: true } };
        const { kind, importer, resolveDir, path } = args;
        if ((args.pluginData as { resolved?: boolean } | undefined)?.resolved) return undefined;
        if (kind === 'url-token' || kind === 'entry-point' || kind === 'import-rule' || /^[^./]/.test(path))
          return undefined;
        const found = await build.resolve(path, { kind, importer, resolveDir, pluginData: { resolved: true } });
        if (found.errors.length > 0) return { errors: found.errors };
        return { path: found.path, namespace: 'owndir-asset' };
      });
      build.onLoad({ filter: /./, namespace: 'owndir-asset' }, args => ({
        contents: `var path = require(${JSON.stringify(args.path)}); ${value}`,
        loader: 'js',
        resolveDir: '/',
      }));
      build.onLoad({ filter: assetFiles }, args => ({
        contents: readFileSync(args.path),
        loader: isInline(args.path, inlineAll) ? 'dataurl' : 'file',
      }));
    },
  };
}
