// `owndir serve` and `owndir connect` as a test sees them: a process with --json events.
import { join } from 'node:path';
import { Child } from './processes.mjs';
import { owndir } from './paths.mjs';

export class Owndir extends Child {
  events = [];
  constructor(args, { prefix = [], onEvent, ...options } = {}) {
    const events = [];
    super([...prefix, owndir, ...args, '--json'], {
      ...options,
      onLine: (line) => {
        try {
          const event = JSON.parse(line);
          events.push({ ...event, at: Date.now() });
          onEvent?.(event);
        } catch {
          // not an event: shown by tail()
        }
      },
    });
    this.events = events;
  }
  get name() {
    return `owndir ${this.command.find((word) => ['serve', 'connect', 'proxy'].includes(word))}`;
  }
  /** The nth event of that name (1: the first), now or later. */
  event(name, { seconds = 20, nth = 1 } = {}) {
    return this.until(() => this.events.filter((event) => event.event === name)[nth - 1], {
      seconds,
      what: `event ${name}${nth > 1 ? ` (${nth})` : ''}`,
    });
  }
}

/** Starts `owndir serve` and waits until it listens. `t` is the test's context. */
export async function serve(t, folder, { stun = 'none', state = join(t.directory, 'state-home'), port: wanted = 0, args = [], ...options } = {}) {
  const server = new Owndir(['serve', folder, '--port', String(wanted), '--stun', stun, '--state', state, ...args], options);
  t.defer(() => server.stop());
  const { url, port } = await server.event('listening');
  return Object.assign(server, { url, port });
}

export async function connect(t, folder, { stun = 'none', state = join(t.directory, 'state-away'), args = [], ...options } = {}) {
  const client = new Owndir(['connect', folder, '--port', '0', '--stun', stun, '--state', state, ...args], options);
  t.defer(() => client.stop());
  const { url, port } = await client.event('listening');
  return Object.assign(client, { url, port });
}

/** Starts `owndir proxy` with one app and waits until it can be reached. */
export async function proxy(t, folder, to, { stun = 'none', state = join(t.directory, 'state-home'), args = [], ...options } = {}) {
  const server = new Owndir(['proxy', folder, '--to', to, '--folder-members', '--stun', stun, '--state', state, ...args], options);
  t.defer(async () => {
    const code = await server.stop();
    if (code !== 0) throw new Error(`owndir proxy did not stop as asked but with ${code}`);
  });
  await server.event('listening');
  return server;
}
