// The runtime of a built page: finds out where the page is, keeps a way to the folder (disk first, then live), and shows in a
// corner what it does. One for each page, for as long as the page lives.

import { Deferred } from '../base/deferred.ts';
import { reportFault } from '../base/emitter.ts';
import {
  createDirectory,
  fsnodeSubprotocol,
  HandleBacking,
  RemoteBacking,
  SwitchingBacking,
  type Directory,
  type Transport,
} from '../fsnode/index.ts';
import { locate } from '../rendezvous/index.ts';
import { pageLocation, type PageLocation } from '../shell/address.ts';
import { initialFlow } from '../shell/flow.ts';
import { Uplink } from '../shell/uplink.ts';
import { Keeper } from './keeper.ts';
import { HostedLink, TunnelLink, type Link } from './links.ts';
import type { RuntimeState } from './owndir.ts';
import { Panel } from './panel.ts';
import { HostedContent, UplinkContent } from './panel_content.ts';
import { Router } from './router.ts';
import type { Site } from './site.ts';
import {
  flowStatus,
  hostedInvitation,
  hostedStatus,
  invitationOf,
  type Hosted,
  type Invitation,
  type Mode,
  type Status,
  type Where,
} from './status.ts';
import { StatusModel, defineStatusElement } from './status_element.ts';
import { Updates } from './updates.ts';

/** How long an operation waits while there is no way to the folder: for the person to open it, or the server to return. */
const kPatienceMs = 10 * 60_000;
const kTickMs = 1_000;

export class Runtime {
  readonly #place: PageLocation = pageLocation(location.pathname);
  readonly #backing = new SwitchingBacking({ waitMs: kPatienceMs });
  readonly #ready = new Deferred<void>();
  readonly #status = new StatusModel();
  readonly #panel = new Panel({ act: action => this.#uplink?.act(action), reload: () => location.reload() });
  readonly #updates: Updates;
  readonly #hosted: HostedLink;
  /** Of the page: nothing ends it but the page's own end. */
  readonly #life = new AbortController().signal;
  readonly #keepers: Keeper<Transport>[] = [];
  readonly directory: Directory = createDirectory(this.#backing);
  readonly router: Router;
  #where: Where;
  #uplink: Uplink | null = null;
  /** `<meta name="owndir" content="quiet">`: a page that can do without the folder shows nothing of us until it asks. */
  #quiet = false;
  #origin: Hosted = { state: 'connecting', since: Date.now() };
  reloadWhenChanged = true;

  constructor(site: Site) {
    const onDisk = location.protocol === 'file:';
    this.#where = onDisk ? 'file' : 'server';
    this.#hosted = new HostedLink(site.root);
    // Which server it is shows later; one that knows fragments only has been given one.
    this.router = new Router(site, onDisk || location.hash.startsWith('#/') ? 'fragment' : 'path');
    this.#updates = new Updates(site, this.router.page ?? 'index.html', {
      where: () => this.#where,
      disk: () => this.#backing.disk,
      automatic: () => this.reloadWhenChanged,
      notify: notice => this.#panel.notify(notice),
    });
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get mode(): Mode {
    return this.#backing.mode;
  }

  get where(): Where {
    return this.#where;
  }

  /** The same object until something of it changes. */
  get status(): Status {
    return this.#status.status ?? this.#words();
  }

  onStatus(listener: (status: Status) => void): () => void {
    return this.#status.changed.on(listener);
  }

  onMode(listener: (mode: Mode) => void): () => void {
    return this.#backing.on('mode', listener);
  }

  state(): RuntimeState {
    return { ...this.#uplink?.snapshot(), where: this.#where, backing: this.mode, connected: this.mode === 'live' };
  }

  connect(): void {
    if (this.#quiet && this.#where !== 'server' && !this.#uplink) this.#startUplink().catch(reportFault);
    this.#panel.open();
  }

  async start(): Promise<void> {
    defineStatusElement(this.#status);
    this.#status.clicked.on(status => this.#clicked(status));
    this.#backing.on('mode', () => this.#show());
    this.#quiet = document.querySelector('meta[name="owndir"][content~="quiet"]') !== null;
    if (!this.#quiet) this.#showBadge();
    this.#show();
    setInterval(() => document.visibilityState === 'visible' && this.mode !== 'live' && this.#show(), kTickMs);
    if (this.#where === 'server' && (await this.#hosted.probe(this.#life)) === 'other') this.#where = 'static';
    if (this.#where === 'server') return this.#startHosted();
    this.router.style = 'fragment';
    if (!this.#quiet) return this.#startUplink();
    this.#ready.resolve();
  }

  /** In the corner, as long as the app has not placed its own. */
  #showBadge(): void {
    const badge = document.createElement('owndir-status');
    badge.setAttribute('floating', '');
    const place = (count: number) => (badge.hidden = count > 0);
    this.#status.placement.on(place);
    document.documentElement.append(badge);
  }

  #startHosted(): void {
    this.router.style = 'path';
    this.#panel.mount(new HostedContent(() => this.#words()));
    const keeper = this.#keep('@/fs', this.#hosted, {
      use: (transport, signal) => this.#useLive(transport, signal),
      onAway: retryAt => void this.#wentAway(retryAt),
    });
    this.#keep('@/live', this.#hosted, { use: (transport, signal) => this.#hear(transport, signal) });
    const hurry = () => document.visibilityState === 'visible' && keeper.hurry();
    addEventListener('online', hurry);
    document.addEventListener('visibilitychange', hurry);
  }

  async #wentAway(retryAt: number): Promise<void> {
    const answers = await this.#hosted.probe(this.#life);
    if (this.mode === 'live') return;
    this.#origin = answers === 'away' ? { state: 'away', retryAt } : { state: 'refused' };
    this.#ready.resolve();
    this.#show();
  }

  async #startUplink(): Promise<void> {
    const uplink = new Uplink(this.#place);
    this.#uplink = uplink;
    this.#panel.mount(new UplinkContent(uplink));
    // What is dropped on an app that shows its folder is the app's.
    uplink.acceptDrops(window, () => this.mode === 'none' || this.#panel.isOpen);
    let disk = Promise.resolve();
    uplink.folder.on(handle => {
      disk = this.#useDisk(handle).catch(reportFault);
    });
    uplink.updated.on(flow => {
      if (flow.phase === 'connected') for (const keeper of this.#keepers) keeper.hurry();
      this.#show();
    });
    const link = new TunnelLink(signal => uplink.connected(signal));
    this.#keep('@/fs', link, { use: (transport, signal) => this.#useLive(transport, signal) });
    this.#keep('@/live', link, { use: (transport, signal) => this.#hear(transport, signal) });
    await uplink.start();
    await disk;
    this.#ready.resolve();
    this.#show();
  }

  /** Only the folder itself holds the files: of its .owndir alone there is nothing to show. */
  async #useDisk(handle: FileSystemDirectoryHandle | null): Promise<void> {
    if (!handle) return this.#backing.setDisk(null);
    const found = await locate(handle);
    const isFolder = found.ok ? found.kind === 'folder' : found.reason === 'no_handshake_directory';
    this.#backing.setDisk(isFolder && !handle.name.startsWith('.owndir') ? new HandleBacking(handle) : null);
  }

  #keep(
    path: string,
    link: Link,
    hooks: { use: (transport: Transport, signal: AbortSignal) => Promise<void>; onAway?: (retryAt: number) => void },
  ): Keeper<Transport> {
    const protocols = path === '@/fs' ? [fsnodeSubprotocol] : [];
    const keeper = new Keeper<Transport>({ ...hooks, open: signal => link.open(path, protocols, signal) });
    this.#keepers.push(keeper);
    void keeper.run(this.#life).catch(reportFault);
    return keeper;
  }

  async #useLive(transport: Transport, signal: AbortSignal): Promise<void> {
    const backing = new RemoteBacking(transport);
    const stop = () => backing.close();
    signal.addEventListener('abort', stop, { once: true });
    try {
      await backing.ready;
      this.#origin = { state: 'open', server: this.#hosted.server };
      this.#backing.setLive(backing);
      this.#ready.resolve();
      await backing.closed;
    } finally {
      signal.removeEventListener('abort', stop);
      backing.close();
      if (this.#backing.live === backing) this.#backing.setLive(null);
    }
  }

  #hear(transport: Transport, signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      signal.addEventListener('abort', () => transport.close(), { once: true });
      transport.onclose = () => resolve();
      transport.onmessage = message => this.#updates.hear(message);
    });
  }

  #words(): Status {
    const now = Date.now();
    if (this.#where === 'server') return hostedStatus(this.#origin, this.mode, now);
    return flowStatus(this.#uplink?.flow ?? initialFlow(), this.mode, this.#place, now);
  }

  #invitation(): Invitation | null {
    if (this.#where === 'server') return hostedInvitation(this.#origin);
    return this.#uplink && invitationOf(this.#uplink.flow, this.mode, this.#place);
  }

  #show(): void {
    const status = this.#words();
    document.documentElement.dataset.owndirMode = this.mode;
    this.#status.set(status);
    this.#panel.update(status);
    if (!this.#quiet) this.#panel.invite(this.#invitation());
  }

  #clicked(status: Status): void {
    if (status.action === 'panel') this.#panel.open();
    else this.#uplink?.act(status.action);
  }
}
