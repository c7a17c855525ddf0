// What modules print becomes log lines with the module's name: stdout belongs to the protocol.
import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { currentVisit } from './visit.ts';
import type { Level, Parent } from './parent.ts';

const maxPart = 8000;

/** Takes text in any pieces and tells whole lines. */
class LineLog {
  readonly #tell: (text: string) => void;
  #part = '';

  constructor(tell: (text: string) => void) {
    this.#tell = tell;
  }

  add(text: string): void {
    const lines = (this.#part + text).split('\n');
    this.#part = lines.pop() ?? '';
    for (const line of lines) if (line !== '') this.#tell(line);
    if (this.#part.length <= maxPart) return;
    this.#tell(this.#part);
    this.#part = '';
  }
}

function consoleFor(tell: (text: string) => void): Console {
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: unknown, _encoding, done) {
      tell(String(chunk).replace(/\n$/, ''));
      done();
    },
  });
  return new Console({ stdout: stream, stderr: stream, colorMode: false });
}

/** Takes over `console` and direct writes to stdout for the rest of the process's life. */
export function captureOutput(parent: Parent): void {
  const at = (level: Level) => (text: string) => {
    const visit = currentVisit();
    parent.log(level, text, visit?.module ?? '', visit?.request);
  };
  const [debug, info, warn, error] = [at('debug'), at('info'), at('warn'), at('error')].map(consoleFor);
  if (!debug || !info || !warn || !error) return;
  const replaced = Object.assign(info, { debug: debug.log, warn: warn.log, error: error.log, trace: error.trace });
  Object.defineProperty(globalThis, 'console', { value: replaced, configurable: true, writable: true });
  const direct = new LineLog(at('info'));
  process.stdout.write = (chunk: string | Uint8Array, encoding?: unknown, done?: unknown) => {
    direct.add(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString());
    const callback = typeof encoding === 'function' ? encoding : done;
    if (typeof callback === 'function') process.nextTick(callback);
    return true;
  };
}
