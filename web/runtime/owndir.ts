// What apps find as globalThis.owndir (docs/modules.md).

import type { Directory } from '../fsnode/index.ts';
import type { Snapshot } from '../shell/snapshot.ts';
import type { Address, AddressParts } from './address.ts';
import type { NavigateOptions } from './router.ts';
import type { Mode, Status, Where } from './status.ts';

export interface RuntimeState extends Partial<Omit<Snapshot, 'connected'>> {
  readonly where: Where;
  /** Where the folder is read from just now. */
  readonly backing: Mode;
  readonly connected: boolean;
}

export interface Owndir {
  /** A first way to the folder is there, or it is known that there is none yet. */
  readonly ready: Promise<void>;
  /** The root of the folder. */
  readonly directory: Directory;
  /** Where it is read from: "disk" is this device's copy, "live" the server's. */
  readonly mode: Mode;
  /** What answered this page: an owndir server, the disk, or another server. */
  readonly where: Where;
  readonly address: Address;
  /** What the corner of the page says, and the sentence behind it. */
  readonly status: Pick<Status, 'tone' | 'text' | 'detail'>;
  /** A URL of that place that works here: in a link, in a new tab. */
  href(path: string, parts?: AddressParts): string;
  navigate(path: string, options?: NavigateOptions): void;
  on(event: 'mode', listener: (mode: Mode) => void): () => void;
  on(event: 'address', listener: (address: Address) => void): () => void;
  on(event: 'status', listener: (status: Owndir['status']) => void): () => void;
  /** Opens the panel with the connection. */
  connect(): void;
  /** Set it to false, and a newer version of the site is announced instead of loaded. */
  reloadWhenChanged: boolean;
  state(): RuntimeState;
}
