// build.mjs --out DIR: writes DIR/embedded.S, the table that base/embedded.cpp reads.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const out = process.argv[process.argv.indexOf('--out') + 1];
mkdirSync(out, { recursive: true });
writeFileSync(join(out, 'embedded.S'), '.section .rodata\n.balign 8\n.globl owndir_embedded_table\nowndir_embedded_table:\n.quad 0,0,0,0\n.section .note.GNU-stack,"",@progbits\n');
