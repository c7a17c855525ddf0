// The server that started this process: it speaks JSON lines on stdin and hears them on stdout.
import type { Readable } from 'node:stream';

const maxLine = 64 * 1024 * 1024;
const maxText = 8000;

/** Text that any JSON parser takes: half characters replaced, cut to what a log line holds. */
export function logText(text: string): string {
  const cut = text.length > maxText ? `${text.slice(0, maxText)}…` : text;
  return /\p{Surrogate}/u.test(cut) ? Buffer.from(cut).toString() : cut;
}

export type Level = 'debug' | 'info' | 'warn' | 'error';

/** Whoever runs `serve` owns it. Lines are written at once, so that the last one before a hang or a crash is heard. */
export class Parent {
  /** Hears each line of stdin that is a JSON object. */
  onmessage: ((message: Record<string, unknown>) => void) | null = null;
  /** Called once, when the parent is gone or wants us gone. */
  onend: (() => void) | null = null;
  readonly #input: Readable;
  readonly #write: (line: string) => void;
  #pending: Buffer[] = [];
  #size = 0;
  #ended = false;

  constructor(input: Readable, write: (line: string) => void) {
    this.#input = input;
    this.#write = write;
  }

  /** The first line, as it is. Rejects when there is none. */
  firstLine(): Promise<string> {
    return new Promise((resolve, reject) => {
      let first = true;
      const take = (line: string) => {
        if (!first) return this.#hear(line);
        first = false;
        resolve(line);
      };
      this.#input.on('data', (chunk: Buffer) => this.#receive(chunk, take));
      const end = () => {
        if (this.#ended) return;
        this.#ended = true;
        reject(new Error('stdin ended before the job'));
        this.onend?.();
      };
      for (const event of ['end', 'close', 'error']) this.#input.on(event, end);
    });
  }

  tell(message: object): void {
    this.#write(`${JSON.stringify(message)}\n`);
  }

  log(level: Level, text: string, module: string, request = 0): void {
    const log = { level, text: logText(text), module: logText(module), ...(request ? { request } : {}) };
    this.tell({ log });
  }

  #receive(chunk: Buffer, take: (line: string) => void): void {
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      this.#pending.push(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      const line = Buffer.concat(this.#pending).toString();
      this.#pending = [];
      this.#size = 0;
      take(line);
    }
    this.#size += rest.length;
    // No line is that long: whatever writes it is not our parent.
    if (this.#size > maxLine) this.#input.destroy();
    else if (rest.length > 0) this.#pending.push(rest);
  }

  #hear(line: string): void {
    try {
      const message: unknown = JSON.parse(line);
      if (typeof message === 'object' && message !== null) this.onmessage?.(message as Record<string, unknown>);
    } catch {
      this.log('warn', 'The module host got a line on stdin that is no JSON.', '');
    }
  }
}
