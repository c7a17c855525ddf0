// Child processes of a test: started, read line by line, and ended by their own id whatever happens to the test.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const alive = new Set();
process.on('exit', () => {
  for (const child of alive) child.signal('SIGKILL');
});
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => process.exit(130));

export class Child {
  lines = [];
  errors = [];
  code = undefined;
  #waiting = new Set();

  /** `command` is an array; `onLine` sees each line of standard output. */
  constructor(command, { env = {}, cwd, onLine, stdin = 'ignore' } = {}) {
    this.command = command;
    this.process = spawn(command[0], command.slice(1), {
      cwd,
      env: { ...process.env, ...env },
      stdio: [stdin, 'pipe', 'pipe'],
    });
    alive.add(this);
    const keep = (list) => (line) => {
      list.push(line);
      if (list.length > 2000) list.splice(0, 1000);
      for (const waiter of this.#waiting) waiter();
    };
    createInterface({ input: this.process.stdout }).on('line', (line) => {
      onLine?.(line);
      keep(this.lines)(line);
    });
    createInterface({ input: this.process.stderr }).on('line', keep(this.errors));
    this.ended = new Promise((resolve) => {
      const end = (code) => {
        alive.delete(this);
        this.code = code;
        for (const waiter of this.#waiting) waiter();
        resolve(code);
      };
      this.process.on('error', (error) => {
        this.errors.push(String(error));
        end(127);
      });
      this.process.on('close', (code, signal) => end(code ?? signal));
    });
  }

  get pid() {
    return this.process.pid;
  }
  signal(name) {
    if (this.code === undefined && this.process.exitCode === null) this.process.kill(name);
  }

  /** The first truthy value of `pick` over lines and state, now or later. */
  async until(pick, { seconds = 15, what = 'the expected output' } = {}) {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      const value = pick();
      if (value) return value;
      if (this.code !== undefined) throw new Error(`${this.name} ended (${this.code}) before ${what}\n${this.tail()}`);
      if (Date.now() >= deadline) throw new Error(`no ${what} from ${this.name} within ${seconds} s\n${this.tail()}`);
      await new Promise((resolve) => {
        const timer = setTimeout(done, deadline - Date.now());
        const waiting = this.#waiting;
        function done() {
          clearTimeout(timer);
          waiting.delete(done);
          resolve();
        }
        waiting.add(done);
      });
    }
  }
  get name() {
    return this.command.map((word) => word.split('/').at(-1)).slice(0, 3).join(' ');
  }
  tail(count = 12) {
    return [...this.lines.slice(-count), ...this.errors.slice(-count)].join('\n');
  }

  /** Asks, waits, forces. Returns the exit code or the name of the signal. */
  async stop({ signal = 'SIGTERM', seconds = 10 } = {}) {
    this.signal(signal);
    const done = new AbortController();
    const late = sleep(seconds * 1000, 'late', { signal: done.signal }).catch(() => 'done');
    if ((await Promise.race([this.ended, late])) === 'late') this.signal('SIGKILL');
    done.abort();
    return this.ended;
  }
}

/** Runs to the end; returns { code, stdout, stderr }. */
export async function capture(command, options = {}) {
  const child = new Child(command, options);
  const code = await child.ended;
  return { code, stdout: child.lines.join('\n'), stderr: child.errors.join('\n') };
}
