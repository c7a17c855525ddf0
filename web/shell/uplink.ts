// The way home of one page: remembers the folder on this device, gets permission for it, drives the connection and does what
// the person's buttons ask. It has no view: the file browser (app.ts) and the runtime of built pages show what it tells.

import { Deferred } from '../base/deferred.ts';
import { Emitter } from '../base/emitter.ts';
import { randomId, isId } from '../base/ids.ts';
import { RendezvousError } from '../rendezvous/index.ts';
import type { Tunnel } from '../tunnel/index.ts';
import type { TunnelHost } from '../tunnel_host/index.ts';
import type { PageLocation } from './address.ts';
import type { ConnectHooks } from './connect_view.ts';
import { Connection } from './connection.ts';
import { cleanDeviceName, guessDeviceName } from './device.ts';
import type { Flow } from './flow_types.ts';
import { allowed, checkFolder, droppedHandle, isGranted, pickFolder, type Chosen } from './folder.ts';
import { LivePorts } from './live_ports.ts';
import { serverOfText } from './server_text.ts';
import { snapshotOf, type Snapshot } from './snapshot.ts';
import { Store, type Remembered } from './store.ts';
import { problemWords, type Action } from './words.ts';

const kTickMs = 500;

export class Uplink implements ConnectHooks {
  readonly place: PageLocation;
  readonly #store: Store;
  readonly #identity = { clientId: randomId(), deviceName: guessDeviceName(navigator.userAgent) };
  readonly #ports: LivePorts;
  readonly #connection: Connection;
  #remembered: Remembered = {};
  /** Chosen, but without permission yet. */
  #candidate: FileSystemDirectoryHandle | null = null;
  #pickerRefused = false;
  /** What is remembered has been read: a folder that comes before must not be overruled by it. */
  readonly #begun = new Deferred<void>();
  /** Something that is shown has changed, be it only the time; while the page is visible. */
  readonly updated = new Emitter<Flow>();
  /** The folder that may be used from now on; null when it is to be forgotten. */
  readonly folder = new Emitter<FileSystemDirectoryHandle | null>();

  constructor(place: PageLocation) {
    this.place = place;
    this.#store = new Store(place.key);
    this.#ports = new LivePorts(this.#identity, { onExtras: () => this.#update(), onForget: () => this.#forget() });
    this.#connection = new Connection(this.#ports);
    this.#connection.changed.on(() => this.#update());
  }

  get flow(): Flow {
    return this.#connection.flow;
  }

  /** What was seen and refused while waiting for the answer. */
  get note(): string | null {
    return this.#ports.extras.note;
  }

  snapshot(): Snapshot {
    const { flow } = this.#connection;
    const title = flow.problem ? problemWords(flow.problem, flow, this.place).title : null;
    return snapshotOf(flow, title, Date.now());
  }

  /** Where its tunnels run, and the brokers of apps with them. */
  get tunnels(): TunnelHost {
    return this.#ports.tunnels;
  }

  /** The tunnel of the moment, or the next one. */
  connected(signal: AbortSignal): Promise<Tunnel> {
    return this.#ports.connected(signal);
  }

  /** Resolves when it is known whether a folder is remembered and may be used; the connection goes on from there. */
  async start(): Promise<void> {
    this.#listen();
    this.#remembered = await this.#store.load();
    if (isId(this.#remembered.clientId)) this.#identity.clientId = this.#remembered.clientId;
    if (this.#remembered.deviceName) this.#identity.deviceName = this.#remembered.deviceName;
    await this.#save({ clientId: this.#identity.clientId });
    const canPick = typeof window.showDirectoryPicker === 'function';
    const handle = canPick ? (this.#remembered.handle ?? null) : null;
    this.#ports.handle = handle;
    const remembered = handle ? { name: this.#nameOf(handle), granted: await isGranted(handle) } : null;
    if (handle && remembered?.granted) this.folder.emit(handle);
    this.#connection.dispatch({
      type: 'started',
      canPick,
      hasPeer: typeof RTCPeerConnection === 'function',
      remembered,
    });
    this.#begun.resolve();
  }

  #listen(): void {
    addEventListener('online', () => this.#connection.dispatch({ type: 'hurry' }));
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState !== 'visible') return;
      this.#connection.dispatch({ type: 'hurry' });
      this.#update();
    });
    setInterval(() => {
      if (document.visibilityState === 'visible' && this.flow.phase !== 'connected') this.#update();
    }, kTickMs);
  }

  /** A folder that is dropped there is taken, while `wanted` says so. */
  acceptDrops(target: EventTarget, wanted: () => boolean = () => true): void {
    target.addEventListener('dragover', event => wanted() && event.preventDefault());
    target.addEventListener('drop', event => {
      if (!wanted()) return;
      event.preventDefault();
      const handle = droppedHandle(event as DragEvent);
      if (handle) void handle.then(async found => (found ? this.#use(found) : undefined));
    });
  }

  act(action: Action): void {
    void this.#act(action);
  }

  async #act(action: Action): Promise<void> {
    switch (action) {
      case 'choose':
        return this.#took(await pickFolder(this.#ports.handle));
      case 'renew':
        return this.#renew();
      case 'reload':
        return location.reload();
      case 'anyway':
        return this.#connection.dispatch({ type: 'retry', anyway: true });
      default:
        this.#connection.dispatch({ type: action });
    }
  }

  async #renew(): Promise<void> {
    const handle = this.#candidate ?? this.#ports.handle;
    if (!handle) return this.#took(await pickFolder(null));
    if (await allowed(handle)) return this.#took(await checkFolder(handle));
    this.#connection.dispatch({
      type: 'folder-problem',
      problem: { kind: 'permission-refused', name: this.#nameOf(handle) },
    });
  }

  async #use(handle: FileSystemHandle): Promise<void> {
    await this.#begun.promise;
    const known = this.#ports.handle;
    if (this.flow.phase === 'connected' && known && (await known.isSameEntry(handle))) return;
    if (handle instanceof FileSystemDirectoryHandle) this.#candidate = handle;
    this.#took(await checkFolder(handle));
  }

  #took(chosen: Chosen): void {
    if (chosen.ok) {
      this.#pickerRefused = false;
      this.#candidate = null;
      this.#ports.handle = chosen.handle;
      void this.#save({ handle: chosen.handle });
      this.folder.emit(chosen.handle);
      this.#connection.dispatch({ type: 'folder', name: this.#nameOf(chosen.handle) });
    } else if (chosen.problem) {
      this.#connection.dispatch({ type: 'folder-problem', problem: chosen.problem });
    } else if (chosen.cancelled) {
      this.#pickerRefused = true;
      this.#update();
    }
  }

  pickerRefused(): boolean {
    return this.#pickerRefused;
  }

  offerText(): ReturnType<ConnectHooks['offerText']> {
    return this.#ports.extras.offerText;
  }

  submitServer(text: string | null): string | null {
    const { attempt } = this.flow;
    if (text === null) {
      this.#connection.dispatch({ type: 'servers', attempt, servers: [] });
      return null;
    }
    const server = serverOfText(text);
    if (typeof server === 'string') return server;
    this.#connection.dispatch({ type: 'servers', attempt, servers: [server] });
    return null;
  }

  submitAnswer(text: string): string | null {
    try {
      this.#ports.submitAnswer(text);
      return null;
    } catch (error) {
      if (error instanceof RendezvousError && error.code === 'malformed')
        return `This is not a whole answer: open the file answer-….json, or paste all of its text. (${error.message})`;
      return error instanceof Error ? error.message : String(error);
    }
  }

  deviceName(): string {
    return this.#identity.deviceName;
  }

  setDeviceName(name: string): void {
    this.#identity.deviceName = cleanDeviceName(name) || guessDeviceName(navigator.userAgent);
    void this.#save({ deviceName: this.#identity.deviceName });
  }

  /** A person who had to choose `.owndir` or the handshake directory still means the folder. */
  #nameOf(handle: FileSystemDirectoryHandle): string {
    return handle.name.startsWith('.') || handle.name === '' ? (this.place.name ?? handle.name) : handle.name;
  }

  #update(): void {
    this.updated.emit(this.flow);
  }

  async #save(change: Remembered): Promise<void> {
    this.#remembered = { ...this.#remembered, ...change };
    await this.#store.save(this.#remembered);
  }

  async #forget(): Promise<void> {
    this.folder.emit(null);
    delete this.#remembered.handle;
    await this.#store.save(this.#remembered);
  }
}
