// What the last build of this folder has made, kept so that a build without a change starts no bundler.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Bundle, BundleFile } from './bundler.ts';
import type { Problem } from './report.ts';

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null; // absent, or half-written by a build that was ended
  }
}

export class BuildCache {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** A value that was kept under this key. */
  value<Value>(name: string, key: string): Value | null {
    const kept = readJson(join(this.#directory, `${name}.json`)) as { key?: string; value?: Value } | null;
    return kept?.key === key && kept.value !== undefined ? kept.value : null;
  }

  keep(name: string, key: string, value: unknown): void {
    mkdirSync(this.#directory, { recursive: true });
    const path = join(this.#directory, `${name}.json`);
    writeFileSync(`${path}.${process.pid}`, JSON.stringify({ key, value }));
    renameSync(`${path}.${process.pid}`, path);
  }

  /** One bundle a name is kept: the last. */
  bundle(name: string, key: string): Bundle | null {
    const place = join(this.#directory, name);
    const kept = readJson(join(place, 'list.json')) as { key?: string; names?: string[]; warnings?: Problem[] } | null;
    if (kept?.key !== key || !kept.names) return null;
    const files: BundleFile[] = [];
    for (const each of kept.names) {
      const path = join(place, 'files', each);
      if (!existsSync(path)) return null;
      files.push({ name: each, bytes: readFileSync(path) });
    }
    return { files, warnings: kept.warnings ?? [] };
  }

  /** Takes `place` for its own. */
  keepBundle(name: string, key: string, { files, warnings, place }: Bundle): void {
    const kept = join(this.#directory, name);
    const made = place ?? join(this.#directory, `.${name}.${process.pid}`);
    if (place === undefined) {
      rmSync(made, { recursive: true, force: true });
      for (const file of files) {
        const path = join(made, 'files', file.name);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, file.bytes);
      }
      mkdirSync(made, { recursive: true });
    }
    writeFileSync(join(made, 'list.json'), JSON.stringify({ key, names: files.map(file => file.name), warnings }));
    this.forgetBundle(name);
    renameSync(made, kept);
  }

  forgetBundle(name: string): void {
    const kept = join(this.#directory, name);
    if (existsSync(kept)) rmSync(kept, { recursive: true });
  }

  /** What builds that were ended have left. */
  tidy(): void {
    if (!existsSync(this.#directory)) return;
    for (const name of readdirSync(this.#directory))
      if (/^\..*\.\d+$|\.json\.\d+$/.test(name)) rmSync(join(this.#directory, name), { recursive: true, force: true });
  }
}
