// For tests: a package registry on the loopback, with packages made of texts.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';

interface Version {
  name: string;
  version: string;
  tarball: Buffer;
}

export class Registry {
  readonly #server: Server;
  readonly #versions: Version[] = [];
  readonly #directory: string;
  readonly requests: string[] = [];

  private constructor(directory: string) {
    this.#directory = directory;
    this.#server = createServer((request, response) => {
      const path = decodeURIComponent(request.url ?? '');
      this.requests.push(path);
      const tarball = this.#versions.find(each => path === `/${each.name}-${each.version}.tgz`)?.tarball;
      const versions = this.#versions.filter(each => path === `/${each.name}`);
      response.setHeader('connection', 'close');
      if (tarball) response.end(tarball);
      else if (versions.length > 0) response.end(JSON.stringify(this.#packument(versions)));
      else response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"Not found"}');
    });
  }

  static async start(directory: string): Promise<Registry> {
    const registry = new Registry(directory);
    await new Promise<void>(resolve => registry.#server.listen(0, '127.0.0.1', resolve));
    return registry;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  #packument(versions: readonly Version[]) {
    const described = versions.map(({ name, version, tarball }) => {
      const dist = { tarball: `${this.url}${name}-${version}.tgz`, integrity: integrityOf(tarball) };
      return [version, { name, version, dist, hasInstallScript: true }];
    });
    const last = versions.at(-1);
    return {
      name: last?.name,
      'dist-tags': { latest: last?.version },
      versions: Object.fromEntries(described) as unknown,
    };
  }

  /** Returns the tarball's integrity, as a lock file has it. */
  add(name: string, version: string, main: string): string {
    const place = join(this.#directory, `${name}-${version}`);
    const file = (path: string, text: string) => {
      mkdirSync(dirname(join(place, path)), { recursive: true });
      writeFileSync(join(place, path), text);
    };
    const scripts = { postinstall: "node -e \"fs.writeFileSync('ran', '')\"" };
    file('package/package.json', JSON.stringify({ name, version, main: 'main.js', scripts }));
    file('package/main.js', main);
    execFileSync('tar', ['-czf', join(place, 'package.tgz'), '-C', place, 'package']);
    const tarball = readFileSync(join(place, 'package.tgz'));
    this.#versions.push({ name, version, tarball });
    return integrityOf(tarball);
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    await new Promise(resolve => this.#server.close(resolve));
  }
}

function integrityOf(bytes: Uint8Array): string {
  return `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
}
