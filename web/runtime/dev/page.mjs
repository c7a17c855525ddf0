// Makes the page of states.ts in a directory.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleRuntime } from '../bundle.mjs';

/** Returns the address of the page. */
export async function makeStates(out) {
  writeFileSync(join(out, 'states.js'), await bundleRuntime(fileURLToPath(new URL('./states.ts', import.meta.url))));
  const page =
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>states</title><body><script src="states.js"></script>';
  writeFileSync(join(out, 'states.html'), page);
  return `file://${out}/states.html`;
}
