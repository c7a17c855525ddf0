// run.mjs [NAME…]: the benchmarks whose name starts with one of the names (all without), one JSON line each.
// Native programs are build/release/bench/bench_*, which take name prefixes as arguments and print their own lines;
// modules beside this file export `names` and `measure`.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

process.env.OWNDIR_PRESET = 'release'; // before what reads it
const { Context } = await import('../tests/support/harness.mjs');
const { root } = await import('../tests/support/paths.mjs');

const wanted = process.argv.slice(2);
const programs = join(root, 'build/release/bench');
const parts = new Set(['bench_near_end', 'bench_far_end', 'bench_delayed_link']); // of what modules measure
const lines = [];
const matches = (name) => wanted.length === 0 || wanted.some((prefix) => name.startsWith(prefix));
let failed = false;

function print(result) {
  lines.push(result);
  console.log(JSON.stringify(result));
}

function runProgram(path) {
  return new Promise((resolve) => {
    const child = spawn(path, wanted, { stdio: ['ignore', 'pipe', 'inherit'] });
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop();
      for (const line of parts.filter(Boolean)) {
        lines.push(line);
        console.log(line);
      }
    });
    child.on('close', (code, signal) => {
      if (code !== 0) {
        console.error(`./dev bench: ${path.split('/').at(-1)} ended with ${code ?? signal}`);
        failed = true;
      }
      resolve();
    });
  });
}

for (const file of readdirSync(programs).sort()) {
  if (/^bench_\w+$/.test(file) && !parts.has(file)) await runProgram(join(programs, file));
}
for (const file of readdirSync(new URL('.', import.meta.url)).sort()) {
  if (!file.endsWith('.mjs') || file === 'run.mjs') continue;
  const module = await import(`./${file}`);
  const chosen = module.names.filter(matches);
  if (chosen.length === 0) continue;
  const context = new Context({ suite: 'bench', title: file }, false);
  try {
    await module.measure(context, chosen, programs, print);
  } catch (error) {
    console.error(`./dev bench: ${chosen.join(', ')}: ${error.message}\n${context.lines.slice(-10).join('\n')}`);
    failed = true;
  }
  await context.end();
}
if (lines.length === 0 && !failed) {
  console.error(`./dev bench: no benchmark is called ${wanted.join(' or ')}…`);
  failed = true;
}
process.exit(failed ? 1 : 0);
