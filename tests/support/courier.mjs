// A sync of two copies of the handshake directory that takes as long as a test wants: offers arrive at once, answers
// after a delay, removals soon after. Files arrive as real tools deliver them: under a temporary name, then renamed.
import { copyFileSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { handshakeDirectory } from './paths.mjs';

const isRecord = (name) => /^(offer|answer|server)-[0-9a-f-]+\.json$/.test(name);
const other = { home: 'away', away: 'home' };

export class Courier {
  #timer;
  #records = new Map(); // name -> { from, due, delivered }: which copy it appeared in first
  delivered = [];

  /** `home` and `away` are folders; `answerDelay` in seconds. */
  constructor(t, { home, away, answerDelay = 0 }) {
    this.directories = { home: handshakeDirectory(home), away: handshakeDirectory(away) };
    this.answerDelay = answerDelay;
    mkdirSync(this.directories.away, { recursive: true });
    this.#timer = setInterval(() => this.#look(), 50);
    t.defer(() => this.stop());
  }
  stop() {
    clearInterval(this.#timer);
  }

  #names(side) {
    try {
      return readdirSync(this.directories[side]).filter(isRecord);
    } catch {
      return [];
    }
  }

  #look() {
    const now = Date.now();
    const present = { home: new Set(this.#names('home')), away: new Set(this.#names('away')) };
    for (const side of ['home', 'away']) {
      for (const name of present[side]) {
        if (this.#records.has(name)) continue;
        this.#records.set(name, { from: side, due: now + (name.startsWith('answer-') ? this.answerDelay * 1000 : 0) });
      }
    }
    for (const [name, record] of this.#records) {
      const to = other[record.from];
      if (!present[record.from].has(name)) {
        rmSync(join(this.directories[to], name), { force: true });
        this.#records.delete(name);
      } else if (!record.delivered && now >= record.due && this.#deliver(name, record.from, to)) {
        record.delivered = true;
        this.delivered.push({ name, at: Date.now() });
      }
    }
  }

  #deliver(name, from, to) {
    const temporary = join(this.directories[to], `.syncthing.${name}.tmp`);
    try {
      if (statSync(join(this.directories[from], name)).size === 0) return false;
      copyFileSync(join(this.directories[from], name), temporary);
      renameSync(temporary, join(this.directories[to], name));
      return true;
    } catch {
      rmSync(temporary, { force: true }); // it went away meanwhile; the next look knows
      return false;
    }
  }
}
