import type { Timers } from '../base/time.ts';
import type { Answer, Presence } from './record.ts';

/** What the newest presence record of one server says. */
export interface ServerPresence extends Presence {
  /** Modification time of the record's file, Unix milliseconds: most sync tools keep the writer's. */
  lastModified: number;
}

export type Progress =
  | { state: 'writing' }
  /** `note` says what was seen and refused while waiting (an answer that does not fit), null when nothing was. */
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

/** One client's half of the handshake directory. One exchange at a time. */
export declare class RendezvousClient {
  constructor(handshake: FileSystemDirectoryHandle, options: RendezvousClientOptions);
  /** The newest record of each server, newest first. */
  presence(): Promise<ServerPresence[]>;
  /**
   * Writes an offer with this SDP and waits for its answer, as long as the offer is valid. `onProgress` is called once a
   * second. Rejects with a RendezvousError. The offer's file stays until `spent`.
   */
  exchange(sdp: string, options: { signal?: AbortSignal; onProgress?: (progress: Progress) => void }): Promise<Answer>;
  /** Removes the offer file of the last exchange (connected, or given up). */
  spent(): Promise<void>;
  /** Removes offer files and temporary files of this client id that an earlier page left behind. */
  removeLeftovers(): Promise<void>;
}
