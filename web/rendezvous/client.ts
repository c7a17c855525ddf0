// One client's half of the handshake directory (docs/protocol.md, section 1), through a directory handle. The handle and
// its permission belong to the caller.
import { rendezvousLimits } from '../generated/protocol.ts';
import { randomId } from '../base/ids.ts';
import { systemTimers, type Timers } from '../base/time.ts';
import { directoryError, listNames, readFile, removeFile, removeUnused, watch, writeFile } from './directory.ts';
import { RendezvousError } from './error.ts';
import { checkAnswer, prepareOffer, type PreparedOffer } from './manual.ts';
import { heldLocks, startTicker, stayAwake } from './patience.ts';
import { parseName, parseRecord, type Answer, type Presence, type RecordName } from './record.ts';

/** What the newest presence record of one server says. */
export interface ServerPresence extends Presence {
  /** Modification time of the record's file, Unix milliseconds: most sync tools keep the writer's. */
  lastModified: number;
}

export type Progress =
  | { state: 'writing' }
  /** `note` says what was seen and refused while waiting, null when there is nothing to say. */
  | { state: 'waiting'; waitedMs: number; remainingMs: number; fileName: string; note: string | null };

export interface RendezvousClientOptions {
  /** 16 lower-case hexadecimal digits; kept by the caller. */
  clientId: string;
  /** Of this device, shown at the server. */
  name: string;
  /** Only this server shall answer. */
  server?: string;
  validS?: number;
  timers?: Timers;
  randomId?: () => string;
}

export interface ExchangeOptions {
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

const serversShown = 64;
/** How long after its offer has expired at the server an answer may still come through the sync. */
const answerGraceMs = 60_000;
/** A file that does not parse may be half-written for this long. */
const halfWrittenMs = 2000;

type AnswerName = Extract<RecordName, { type: 'answer' }>;
type PresenceName = Extract<RecordName, { type: 'presence' }>;

function temporaryPrefix(clientId: string): string {
  return `.part-${clientId}-`;
}

/**
 * Holds the offer's id, so that another tab sees whose it is. It ends in ".json": before Chromium lets go of a file of a kind that it does
 * not know, it asks a service on the internet about it, and waits 7 s for an answer where there is none.
 */
function temporaryName(clientId: string, offer: string): string {
  return `${temporaryPrefix(clientId)}${offer}.json`;
}

function lockName(offer: string): string {
  return `owndir-offer-${offer}`;
}

/** One exchange at a time. */
export class RendezvousClient {
  readonly #handshake: FileSystemDirectoryHandle;
  readonly #options: RendezvousClientOptions;
  readonly #timers: Timers;
  readonly #randomId: () => string;
  #written: { name: string; offer: string; release: () => void } | null = null;

  constructor(handshake: FileSystemDirectoryHandle, options: RendezvousClientOptions) {
    this.#handshake = handshake;
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
    this.#randomId = options.randomId ?? randomId;
  }

  /** The newest record of each server, newest first. Rejects with a RendezvousError. */
  async presence(): Promise<ServerPresence[]> {
    try {
      const byServer = new Map<string, PresenceName[]>();
      for (const text of await listNames(this.#handshake)) {
        const name = parseName(text);
        if (name?.type !== 'presence') continue;
        const names = byServer.get(name.server) ?? [];
        names.push(name);
        byServer.set(name.server, names);
      }
      const newest = [...byServer.values()].map(names => names.sort((a, b) => b.n - a.n));
      newest.sort(([a], [b]) => (b?.n ?? 0) - (a?.n ?? 0));
      const found = await Promise.all(newest.slice(0, serversShown).map(names => this.#readPresence(names)));
      return found.filter(presence => presence !== null).sort((a, b) => b.created - a.created);
    } catch (error) {
      throw directoryError(error);
    }
  }

  /**
   * Writes an offer with this SDP and waits for its answer, as long as the offer is valid. `onProgress` is called once a
   * second, in a hidden tab too. Rejects with a RendezvousError. The offer's file stays until `spent`.
   */
  async exchange(sdp: string, { signal, onProgress }: ExchangeOptions = {}): Promise<Answer> {
    throwIfAborted(signal);
    await this.spent();
    onProgress?.({ state: 'writing' });
    const offer = await prepareOffer(sdp, this.#options, this.#timers.wallNow(), this.#randomId);
    const release = stayAwake(lockName(offer.offer));
    this.#written = { name: offer.name, offer: offer.offer, release };
    try {
      const temporary = temporaryName(offer.client, offer.offer);
      await writeFile(this.#handshake, temporary, offer.name, offer.bytes);
    } catch (error) {
      this.#written = null;
      release();
      throw directoryError(error);
    }
    throwIfAborted(signal);
    return new AnswerWait(this.#handshake, offer, this.#validMs(), this.#timers).run(signal, onProgress);
  }

  /** Removes the offer file of the last exchange (connected, or given up). Rejects with a RendezvousError. */
  async spent(): Promise<void> {
    const written = this.#written;
    if (!written) return;
    this.#written = null;
    try {
      await removeFile(this.#handshake, written.name);
    } catch (error) {
      throw directoryError(error);
    } finally {
      written.release();
    }
  }

  /**
   * Removes offer files and temporary files of this client id that a page left behind, but not those that another tab
   * still waits with. Rejects with a RendezvousError.
   */
  async removeLeftovers(): Promise<void> {
    try {
      const held = await heldLocks();
      for (const text of await listNames(this.#handshake)) {
        const offer = this.#leftover(text);
        if (offer === null || offer === this.#written?.offer || held.has(lockName(offer))) continue;
        await removeUnused(this.#handshake, text);
      }
    } catch (error) {
      throw directoryError(error);
    }
  }

  /** The offer that a file of this client id belongs to; null for any other file. */
  #leftover(text: string): string | null {
    const name = parseName(text);
    if (name) return name.type === 'offer' && name.client === this.#options.clientId ? name.offer : null;
    const prefix = temporaryPrefix(this.#options.clientId);
    return text.startsWith(prefix) ? text.slice(prefix.length).replace(/\..*$/, '') : null;
  }

  #validMs(): number {
    return (this.#options.validS ?? rendezvousLimits.offerValidS) * 1000 + answerGraceMs;
  }

  /** The first of the names, newest first, that holds a record. */
  async #readPresence(names: PresenceName[]): Promise<ServerPresence | null> {
    for (const name of names.slice(0, 4)) {
      const file = await readFile(this.#handshake, `server-${name.server}-${name.n}.json`);
      if (!file) continue;
      try {
        const record = parseRecord(name, file.bytes);
        if (record.type === 'presence') return { ...record.value, lastModified: file.lastModified };
      } catch (error) {
        if (!(error instanceof RendezvousError)) throw error;
      }
    }
    return null;
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new RendezvousError('cancelled', 'Waiting was cancelled.', signal.reason);
}

/** Waits for the answer to one offer. */
class AnswerWait {
  readonly #handshake: FileSystemDirectoryHandle;
  readonly #offer: PreparedOffer;
  readonly #validMs: number;
  readonly #timers: Timers;
  readonly #startedAt: number;
  /** Answers that did not parse or fit, by name, with when they were first seen so. */
  readonly #refused = new Map<string, number>();
  #note: string | null = null;
  #scanning = false;
  #again = false;

  constructor(handshake: FileSystemDirectoryHandle, offer: PreparedOffer, validMs: number, timers: Timers) {
    this.#handshake = handshake;
    this.#offer = offer;
    this.#validMs = validMs;
    this.#timers = timers;
    // Wall time: a suspended device's other clocks stand still, the server's validity does not.
    this.#startedAt = timers.wallNow();
  }

  run(signal: AbortSignal | undefined, onProgress: ((progress: Progress) => void) | undefined): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      const look = (names: string[]) => {
        void this.#lookAt(names, finish);
        void this.#look(finish, fail);
      };
      const onTick = () => {
        const waitedMs = Math.max(0, this.#timers.wallNow() - this.#startedAt);
        if (waitedMs >= this.#validMs) return fail(new RendezvousError('timeout', this.#timeoutMessage()));
        const remainingMs = this.#validMs - waitedMs;
        onProgress?.({ state: 'waiting', waitedMs, remainingMs, fileName: this.#offer.name, note: this.#note });
      };
      const onAbort = () => fail(new RendezvousError('cancelled', 'Waiting was cancelled.', signal?.reason));
      const watching = watch(this.#handshake, look);
      const ticker = startTicker(1000, onTick);
      const stop = () => {
        watching.close();
        ticker.close();
        signal?.removeEventListener('abort', onAbort);
      };
      const finish = (answer: Answer) => {
        stop();
        resolve(answer);
      };
      const fail = (error: RendezvousError) => {
        stop();
        reject(error);
      };
      signal?.addEventListener('abort', onAbort);
      onTick();
      look([]);
    });
  }

  #timeoutMessage(): string {
    const seen = this.#note === null ? '' : ` ${this.#note}`;
    return `No answer came in ${Math.round(this.#validMs / 60_000)} minutes.${seen}`;
  }

  /** One scan at a time; a change during a scan makes another. */
  async #look(finish: (answer: Answer) => void, fail: (error: RendezvousError) => void): Promise<void> {
    if (this.#scanning) {
      this.#again = true;
      return;
    }
    this.#scanning = true;
    try {
      do {
        this.#again = false;
        const answer = await this.#scan();
        if (answer) return finish(answer);
      } while (this.#again);
    } catch (error) {
      const problem = directoryError(error);
      // A folder that is moved or unmounted for a while may come back; a permission does not by itself.
      if (problem.code === 'denied') fail(problem);
      else this.#note = problem.message;
    } finally {
      this.#scanning = false;
    }
  }

  /** Looks at names that the browser told of, without waiting for a scan; whatever goes wrong is the scan's to tell. */
  async #lookAt(names: string[], finish: (answer: Answer) => void): Promise<void> {
    for (const text of names) {
      const name = this.#answerName(text);
      const answer = name ? await this.#read(text, name).catch(() => null) : null;
      if (answer) return finish(answer);
    }
  }

  #answerName(text: string): AnswerName | null {
    const name = parseName(text);
    if (name?.type !== 'answer' || name.client !== this.#offer.client || name.offer !== this.#offer.offer) return null;
    return name;
  }

  async #scan(): Promise<Answer | null> {
    const names: { text: string; name: AnswerName }[] = [];
    let offered = false;
    for (const text of await listNames(this.#handshake)) {
      offered ||= text === this.#offer.name;
      const name = this.#answerName(text);
      if (name) names.push({ text, name });
    }
    // A directory that is moved or unmounted looks empty.
    this.#note = offered ? null : 'The offer file is not in the handshake folder any more: was the folder moved?';
    names.sort((a, b) => b.name.n - a.name.n);
    for (const { text, name } of names) {
      const answer = await this.#read(text, name);
      if (answer) return answer;
    }
    return null;
  }

  async #read(text: string, name: AnswerName): Promise<Answer | null> {
    const file = await readFile(this.#handshake, text);
    if (!file) return null;
    try {
      const record = parseRecord(name, file.bytes);
      return record.type === 'answer' ? checkAnswer(record.value, this.#offer) : null;
    } catch (error) {
      if (!(error instanceof RendezvousError)) throw error;
      this.#refuse(text, error);
      return null;
    }
  }

  #refuse(text: string, error: RendezvousError): void {
    const now = this.#timers.now();
    const since = this.#refused.get(text) ?? now;
    this.#refused.set(text, since);
    if (error.code !== 'malformed' || now - since >= halfWrittenMs) this.#note = `${text}: ${error.message}`;
  }
}
