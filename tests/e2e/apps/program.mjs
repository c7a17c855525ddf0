// A web app as a program that the test starts.
import { until } from '../../support/harness.mjs';
import { door } from '../../support/natbed.mjs';
import { Child } from '../../support/processes.mjs';

/** Starts it; resolves when something answers at `address`. It ends with the test. `prefix`: the host it runs on (natbed.mjs). */
export async function started(t, command, address, { prefix = [], ...options } = {}) {
  const child = new Child([...prefix, ...command], options);
  t.defer(() => child.stop());
  await door(t, prefix, Number(new URL(address).port));
  await until(
    async () => {
      if (child.code !== undefined) throw new Error(`${command[0]} ended (${child.code}):\n${child.tail()}`);
      return fetch(address, { signal: AbortSignal.timeout(2000) }).then(() => true, () => false);
    },
    { seconds: 30, what: `${command[0]} answers` },
  );
  return child;
}
