// The file browser's page as a whole: its way home (uplink.ts) and the view that fits. The address (the fragment) belongs to
// the explorer.

import type { PageLocation } from './address.ts';
import { Explorer } from './explorer.ts';
import { Frame } from './frame.ts';
import { FragmentPlace } from './place.ts';
import type { Snapshot } from './snapshot.ts';
import { TunnelSource } from './tunnel_source.ts';
import { Uplink } from './uplink.ts';

const kLongestName = 255;

export class App {
  readonly #uplink: Uplink;
  readonly #explorer: Explorer;
  readonly #frame: Frame;
  #folder: FileSystemDirectoryHandle | null = null;
  #homeName: string | null = null;
  #wasConnected = false;

  constructor(place: PageLocation) {
    this.#uplink = new Uplink(place);
    this.#explorer = new Explorer({
      source: new TunnelSource(signal => this.#uplink.connected(signal)),
      place: new FragmentPlace(),
      rootName: () => this.#rootName(),
    });
    this.#frame = new Frame(this.#explorer, this.#uplink);
    this.#uplink.updated.on(() => this.#update());
    this.#uplink.folder.on(handle => void this.#resetUnless(handle));
  }

  snapshot(): Snapshot {
    return this.#uplink.snapshot();
  }

  async start(): Promise<void> {
    this.#frame.mount(this.#rootName());
    this.#update();
    this.#uplink.acceptDrops(window);
    await this.#uplink.start();
  }

  async #resetUnless(handle: FileSystemDirectoryHandle | null): Promise<void> {
    const before = this.#folder;
    this.#folder = handle;
    if (handle && (!before || (await before.isSameEntry(handle)))) return;
    this.#homeName = null;
    this.#explorer.reset();
  }

  #update(): void {
    const { flow } = this.#uplink;
    const isConnected = flow.phase === 'connected';
    if (isConnected && !this.#wasConnected) {
      if (this.#explorer.isEmpty) this.#explorer.start();
      else this.#explorer.refresh();
      void this.#askName();
    }
    this.#wasConnected = isConnected;
    this.#frame.update(flow, Date.now(), this.#uplink.note, this.#rootName());
  }

  /** The folder's name as the server has it: that is the folder that is shown, whatever the copy here is called. */
  async #askName(): Promise<void> {
    try {
      const signal = AbortSignal.timeout(10_000);
      const tunnel = await this.#uplink.connected(signal);
      const response = await tunnel.fetch({ method: 'GET', target: '/@/info' }, { signal });
      const info: unknown = await response.json(64 * 1024);
      const name = (info as Record<string, unknown> | null)?.name;
      if (response.status !== 200 || typeof name !== 'string' || name === '') return;
      this.#homeName = name.slice(0, kLongestName);
      this.#explorer.showRootName();
      this.#update();
    } catch {
      // Only a name.
    }
  }

  #rootName(): string {
    return this.#homeName ?? this.#uplink.place.name ?? this.#uplink.flow.folder ?? 'Home folder';
  }
}
