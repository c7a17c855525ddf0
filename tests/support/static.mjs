// static.mjs [DIRECTORY]: any static host: files of one directory over http on a free port of this machine, for every name that ends in .localhost.
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from './processes.mjs';

const types = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json', '.svg': 'image/svg+xml', '.wasm': 'application/wasm',
};

/** Resolves to its origin, http://localhost:PORT. `prefix`: the host it runs on (natbed.mjs). */
export async function serveStatic(t, directory, { prefix = [] } = {}) {
  if (prefix.length > 0) {
    const child = new Child([...prefix, 'node', fileURLToPath(import.meta.url), directory]);
    t.defer(() => child.stop());
    return child.until(() => child.lines.find((line) => line.startsWith('http:')), { what: 'its address' });
  }
  const server = createServer((req, res) => {
    const { pathname } = new URL(req.url, 'http://localhost');
    const path = join(directory, normalize(decodeURIComponent(pathname.endsWith('/') ? `${pathname}index.html` : pathname)));
    const file = statSync(path, { throwIfNoEntry: false });
    if (!file?.isFile() || !['GET', 'HEAD'].includes(req.method)) {
      res.writeHead(404, { 'Content-Type': 'text/plain' }).end('not here\n');
      return;
    }
    res.writeHead(200, { 'Content-Type': types[extname(path)] ?? 'application/octet-stream', 'Content-Length': file.size });
    createReadStream(path).pipe(res);
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  t.defer(() => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  }));
  return `http://localhost:${server.address().port}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await serveStatic({ defer() {} }, process.argv[2]));
