// Module scripts. Each module becomes a blob in which it imports others by their absolute addresses, and an import map leads
// these to the blobs: so cycles and shared modules are the browser's own affair. Needs several import maps in a document
// (Chromium 133).

import { ask, decoderFor, limits, readAll, fieldOf, essence, withoutFragment, type Context } from './context.ts';
import { nativeURL, trusted } from './natives.ts';
import { moduleText } from './script_text.ts';

interface Loaded {
  readonly blob: string;
  readonly imports: readonly string[];
}

export interface ImportMap {
  readonly imports: Readonly<Record<string, string>>;
  readonly scopes: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const maxModules = 5000;

// The bundler knows it with one argument only.

const nativeImport = (0, eval)(trusted.createScript('(url, options) => import(url, options)')) as (
  url: string,
  options?: ImportCallOptions,
) => Promise<unknown>;

export class Modules {
  readonly #context: Context;
  readonly #loading = new Map<string, Promise<Loaded>>();
  readonly #mapped = new Set<string>();
  readonly #meta = new Map<string, object>();
  #map: ImportMap = { imports: {}, scopes: {} };
  #inline = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  /** The app's own import map; the first one counts, as in the browsers that know one. */
  addImportMap(text: string, base: string): void {
    try {
      const parsed = JSON.parse(text) as { imports?: unknown; scopes?: unknown } | null;
      const addresses = (value: unknown): Record<string, string> => {
        const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
        return Object.fromEntries(
          entries.flatMap(([key, address]): [string, string][] => {
            const url = typeof address === 'string' ? urlLike(address, base) : null;
            return url === null ? [] : [[urlLike(key, base) ?? key, url]];
          }),
        );
      };
      const scopes = typeof parsed?.scopes === 'object' && parsed.scopes !== null ? Object.entries(parsed.scopes) : [];
      this.#map = {
        imports: { ...addresses(parsed?.imports), ...this.#map.imports },
        scopes: {
          ...Object.fromEntries(scopes.map(([scope, map]) => [new URL(scope, base).href, addresses(map)])),
          ...this.#map.scopes,
        },
      };
    } catch (error) {
      console.error(`The import map cannot be read: ${String(error)}`);
    }
  }

  resolve(specifier: string, base: string): string | null {
    const url = urlLike(specifier, base);
    const key = url ?? specifier;
    for (const scope of Object.keys(this.#map.scopes).sort((a, b) => b.length - a.length)) {
      if (base !== scope && !(scope.endsWith('/') && base.startsWith(scope))) continue;
      const found = lookup(this.#map.scopes[scope] ?? {}, key);
      if (found !== null) return found;
    }
    return lookup(this.#map.imports, key) ?? url;
  }

  /** Everything that it imports is there; the address of a blob for a script element's src. */
  async prepare(url: string): Promise<string> {
    const loaded = await this.#load(url);
    this.#addMap(await this.#graph([url]));
    return loaded.blob;
  }

  /** The same for a module without an address of its own. */
  async prepareInline(text: string, base: string): Promise<string> {
    const made = moduleText(text, base, specifier => this.#ours(specifier, base));
    this.#addMap(await this.#graph(made.imports));
    this.#inline += 1;
    return scriptBlob(`${made.text}\n//# sourceURL=${withoutFragment(base)}#module-${this.#inline}`);
  }

  /** `import()` in a script at `base`. */
  async import(base: string, specifier: unknown, options?: ImportCallOptions): Promise<unknown> {
    const text = String(specifier);
    const url = this.#ours(text, base);
    if (url !== null) await this.prepare(url);
    return nativeImport(url ?? this.resolve(text, base) ?? text, options);
  }

  meta(url: string): object {
    let meta = this.#meta.get(url);
    if (!meta) {
      const resolve = (specifier: string) => {
        const found = this.resolve(String(specifier), url);
        if (found === null) throw new TypeError(`"${specifier}" leads nowhere.`);
        return found;
      };
      meta = Object.assign(Object.create(null) as object, { url, resolve });
      this.#meta.set(url, meta);
    }
    return meta;
  }

  /** Null: not for us to load. */
  #ours(specifier: string, base: string): string | null {
    const url = this.resolve(specifier, base);
    return url !== null && /^https?:/.test(url) ? url : null;
  }

  #load(url: string): Promise<Loaded> {
    let loading = this.#loading.get(url);
    if (!loading) {
      if (this.#loading.size >= maxModules) return Promise.reject(new TypeError(`More than ${maxModules} modules.`));
      loading = this.#fetch(url);
      this.#loading.set(url, loading);
      loading.catch(() => this.#loading.delete(url));
    }
    return loading;
  }

  async #fetch(url: string): Promise<Loaded> {
    const answer = await ask(this.#context, { url: new URL(url), dest: 'script' });
    const { status, target } = answer.head;
    if (status < 200 || status > 299) {
      await answer.body?.cancel().catch(() => undefined);
      throw new TypeError(`Failed to fetch dynamically imported module: ${url} (${status})`);
    }
    const type = essence(fieldOf(answer.head.fields, 'content-type'));
    const blob = await readAll(answer, limits.text);
    if (/json$/.test(type))
      return { blob: nativeURL.create(new Blob([blob], { type: 'application/json' })), imports: [] };
    if (type === 'text/css') return { blob: nativeURL.create(new Blob([blob], { type })), imports: [] };
    if (type !== '' && !/script|wasm/.test(type)) throw new TypeError(`${url} is no script: its type is "${type}".`);
    const text = decoderFor(null).decode(await blob.arrayBuffer());
    const base = this.#context.origin + target + new URL(url).hash;
    const made = moduleText(text, base, specifier => this.#ours(specifier, base));
    return { blob: scriptBlob(`${made.text}\n//# sourceURL=${url}`), imports: made.imports };
  }

  /** All modules that these need, themselves too. One that is missing is left for the browser to complain about. */
  async #graph(urls: readonly string[]): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    const seen = new Set<string>();
    const visit = async (url: string): Promise<void> => {
      if (seen.has(url)) return;
      seen.add(url);
      try {
        const { blob, imports } = await this.#load(url);
        found.set(url, blob);
        await Promise.all(imports.map(visit));
      } catch (error) {
        console.error(String(error));
      }
    };
    await Promise.all(urls.map(visit));
    return found;
  }

  #addMap(graph: ReadonlyMap<string, string>): void {
    const imports = Object.fromEntries([...graph].filter(([url]) => !this.#mapped.has(url)));
    if (Object.keys(imports).length === 0) return;
    for (const url of Object.keys(imports)) this.#mapped.add(url);
    const script = document.createElement('script');
    script.type = 'importmap';
    script.textContent = trusted.createScript(JSON.stringify({ imports }));
    (document.head ?? document.documentElement ?? document).append(script);
    script.remove();
  }
}

export function scriptBlob(text: string): string {
  return nativeURL.create(new Blob([text], { type: 'text/javascript' }));
}

/** Absolute for an address; null for a bare name. */
function urlLike(specifier: string, base: string): string | null {
  try {
    if (/^(?:\/|\.\/|\.\.\/)/.test(specifier)) return new URL(specifier, base).href;
    return new URL(specifier).href;
  } catch {
    return null;
  }
}

function lookup(map: Readonly<Record<string, string>>, key: string): string | null {
  if (Object.hasOwn(map, key)) return map[key] ?? null;
  const prefix = Object.keys(map)
    .filter(one => one.endsWith('/') && key.startsWith(one))
    .sort((a, b) => b.length - a.length)[0];
  if (prefix === undefined) return null;
  try {
    return new URL(key.slice(prefix.length), map[prefix]).href;
  } catch {
    return null;
  }
}
