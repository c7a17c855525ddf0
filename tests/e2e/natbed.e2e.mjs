// The bed under the NAT cells: each kind maps and filters as its name says.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite } from '../support/harness.mjs';
import { natBed } from '../support/natbed.mjs';
import { root } from '../support/paths.mjs';
import { Child, capture } from '../support/processes.mjs';

const probe = ['node', join(root, 'tests/support/udpprobe.mjs')];

// same: one mapping for all destinations; opens: which unasked senders get in after one packet to the first address
const expected = {
  none: { reached: true, same: true, address: true, port: true },
  full: { reached: true, same: true, address: true, port: true },
  addr: { reached: true, same: true, address: false, port: true },
  port: { reached: true, same: true, address: false, port: false },
  sym: { reached: true, same: false, address: false, port: false },
  blocked: { reached: false },
};

suite('natbed', (test) => {
  for (const [kind, wanted] of Object.entries(expected)) {
    test(`kind ${kind} maps and filters as it should`, { needs: ['namespaces'], lane: 'natbed' }, async (t) => {
      const bed = await natBed(t, { a: kind, b: 'port' });
      const internet = new Child([...bed.internet, ...probe, 'echo']);
      t.defer(() => internet.stop());
      await internet.until(() => internet.lines.includes('ready'));
      const { stdout } = await capture([...bed.a, ...probe, 'ask']);
      assert.deepEqual(JSON.parse(stdout), wanted);
    });
  }
});
