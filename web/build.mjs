// build.mjs --out DIR: bundles the page and the listing into DIR and writes DIR/embedded.S, the assembly table of their
// names and bytes that src/base/embedded.cpp reads. Same input, same bytes; a file that would not change is not touched.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const web = fileURLToPath(new URL('.', import.meta.url));
const bundles = [
  { from: 'shell/page.ts', to: 'page.js', isWorkerToo: true },
  { from: 'shell/page.css', to: 'page.css' },
  { from: 'shell/listing.ts', to: 'listing.js' },
  { from: 'shell/listing.css', to: 'listing.css' },
  { from: 'intercept/worker/sw.ts', to: 'owndir-sw.js' },
];
/** Scripts that leave a function. */
const functions = [
  {
    from: 'intercept/media/main.ts',
    name: 'owndirMedia',
    notice: 'With Mediabunny 1.61.0, MPL-2.0, source: https://github.com/Vanilagy/mediabunny',
    to: 'owndir-media.js',
  },
];
/** Pages with their only script in them. */
const pages = [
  { from: 'intercept/worker/app.html', script: 'intercept/worker/bootstrap.ts', to: 'owndir-app.html' },
  { from: 'intercept/frame/frame.html', script: 'intercept/frame/host/main.ts', to: 'owndir-frame.html' },
];
const copies = [{ from: 'shell/index.html', to: 'index.html' }];

function fail(message) {
  console.error(`build.mjs: ${message}`);
  process.exit(1);
}

async function loadTools() {
  try {
    return await import('./bundle.mjs');
  } catch (error) {
    if (error?.code === 'ERR_MODULE_NOT_FOUND')
      fail('run ./dev setup first (web/node_modules is missing or incomplete)');
    throw error;
  }
}

function write(path, bytes) {
  if (existsSync(path) && readFileSync(path).equals(Buffer.from(bytes))) return;
  writeFileSync(path, bytes);
}

/** Quotes a path for a directive; the preprocessor sees the line, so that a '#' inside quotes is harmless. */
const quoted = path => `"${path.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

/** The pointers need relocations, hence the table's own section: read-only after the loader has been there. */
function assembly(out, names) {
  const blobs = names.map(
    (name, i) =>
      `.Lname${i}: .ascii ${quoted(name)}\n.Lname_end${i}:\n.balign 16\n` +
      `.Lcontent${i}: .incbin ${quoted(join(out, name))}\n.Lcontent_end${i}:\n.byte 0\n`,
  );
  const rows = names.map(
    (_, i) => `.quad .Lname${i}, .Lname_end${i} - .Lname${i}, .Lcontent${i}, .Lcontent_end${i} - .Lcontent${i}\n`,
  );
  return (
    `.section .rodata\n${blobs.join('')}` +
    `.section .data.rel.ro,"aw",@progbits\n.balign 8\n.globl owndir_embedded_table\n` +
    `.type owndir_embedded_table, @object\nowndir_embedded_table:\n${rows.join('')}.quad 0, 0, 0, 0\n` +
    `.size owndir_embedded_table, . - owndir_embedded_table\n.section .note.GNU-stack,"",@progbits\n`
  );
}

const option = process.argv.indexOf('--out');
if (option < 0 || !process.argv[option + 1]) fail('usage: node build.mjs --out DIR');
const out = resolve(process.argv[option + 1]);
mkdirSync(out, { recursive: true });
execFileSync(process.execPath, [join(web, '../protocol/generate.mjs'), '--ts', join(web, 'generated/protocol.ts')], {
  stdio: 'inherit',
});

const { bundle, functionBundle, knowsItself, pageWithScript } = await loadTools();
const names = [];
try {
  for (const { from, to, isWorkerToo } of bundles) {
    if (!existsSync(join(web, from))) continue;
    write(join(out, to), await bundle(from, isWorkerToo ? knowsItself : {}));
    names.push(to);
  }
  for (const { from, name, notice, to } of functions) {
    if (!existsSync(join(web, from))) continue;
    write(join(out, to), await functionBundle(from, name, notice));
    names.push(to);
  }
  for (const { from, script, to } of pages) {
    if (!existsSync(join(web, from))) continue;
    write(join(out, to), await pageWithScript(from, script));
    names.push(to);
  }
} catch (error) {
  // esbuild has already said what and where.
  if (Array.isArray(error?.errors)) process.exit(1);
  throw error;
}
for (const { from, to } of copies) {
  if (!existsSync(join(web, from))) continue;
  write(join(out, to), readFileSync(join(web, from)));
  names.push(to);
}
// Always rewritten: its time stamp is what makes the assembler read changed files again.
writeFileSync(join(out, 'embedded.S'), assembly(out, names));
