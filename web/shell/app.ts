// The page as a whole: its way home (uplink.ts) and the view that fits, the folder or the apps of the computer at home. The address
// (the fragment) belongs to that view.

import { appsOf } from '../intercept/apps.ts';
import type { PageLocation } from './address.ts';
import { appWays } from './app_ways.ts';
import { AppsView } from './apps_view.ts';
import { h } from './dom.ts';
import { Explorer } from './explorer.ts';
import { Frame } from './frame.ts';
import { FragmentPlace } from './place.ts';
import type { Snapshot } from './snapshot.ts';
import { SignIn } from './sign_in.ts';
import { TunnelSource } from './tunnel_source.ts';
import { Uplink } from './uplink.ts';

const kLongestName = 255;

export class App {
  readonly #uplink: Uplink;
  readonly #explorer: Explorer;
  readonly #apps: AppsView;
  readonly #signIn = new SignIn();
  readonly #frame: Frame;
  readonly #stage: HTMLDivElement;
  #folder: FileSystemDirectoryHandle | null = null;
  #homeName: string | null = null;
  #wasConnected = false;

  constructor(place: PageLocation) {
    this.#uplink = new Uplink(place);
    const connected = (signal: AbortSignal) => this.#uplink.connected(signal);
    this.#explorer = new Explorer({
      source: new TunnelSource(connected),
      place: new FragmentPlace(),
      rootName: () => this.#rootName(),
    });
    this.#apps = new AppsView({
      open: appWays(this.#uplink, () => this.#rootName(), this.#signIn),
      folder: () => shellWord(place.folder ?? this.#uplink.flow.folder ?? 'FOLDER'),
    });
    this.#stage = h('div', { class: 'home' }, this.#explorer.element, this.#apps.element);
    this.#frame = new Frame({ element: this.#stage }, this.#uplink);
    this.#uplink.updated.on(() => this.#update());
    this.#uplink.folder.on(handle => void this.#resetUnless(handle));
  }

  snapshot(): Snapshot {
    return { ...this.#uplink.snapshot(), app: this.#apps.app };
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
    this.#apps.reset();
    this.#signIn.reset();
  }

  #update(): void {
    const { flow } = this.#uplink;
    const isConnected = flow.phase === 'connected';
    if (isConnected && !this.#wasConnected) void this.#show();
    this.#wasConnected = isConnected;
    this.#frame.update(flow, Date.now(), this.#uplink.note, this.#rootName());
  }

  /** The apps where the server has some, else the folder. */
  async #show(): Promise<void> {
    const info = await this.#askInfo();
    const name = (info as Record<string, unknown> | null)?.name;
    if (typeof name === 'string' && name !== '') this.#homeName = name.slice(0, kLongestName);
    const apps = appsOf(info);
    if (apps.length > 0) {
      this.#explorer.element.hidden = true;
      this.#apps.set(apps, this.#rootName());
    } else if (info !== null || this.#apps.element.hidden) {
      this.#apps.set([], '');
      this.#explorer.element.hidden = false;
      if (this.#explorer.isEmpty) this.#explorer.start();
      else this.#explorer.refresh();
      this.#explorer.showRootName();
    }
    this.#update();
  }

  /** What the server says of itself: the folder that it serves, whatever the copy here is called, and its apps. */
  async #askInfo(): Promise<unknown> {
    try {
      const signal = AbortSignal.timeout(10_000);
      const tunnel = await this.#uplink.connected(signal);
      const response = await tunnel.fetch({ method: 'GET', target: '/@/info' }, { signal });
      const info = await response.json(256 * 1024);
      return response.status === 200 ? info : null;
    } catch {
      return null;
    }
  }

  #rootName(): string {
    return this.#homeName ?? this.#uplink.place.name ?? this.#uplink.flow.folder ?? 'Home folder';
  }
}

/** As a person would type it. */
function shellWord(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
