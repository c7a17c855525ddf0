// The page as a whole: remembers the folder, drives the connection and shows the view that fits. The address (the fragment)
// belongs to the explorer.

import { randomId, isId } from '../base/ids.ts';
import type { PageLocation } from './address.ts';
import { Connection } from './connection.ts';
import { cleanDeviceName, guessDeviceName } from './device.ts';
import { Explorer } from './explorer.ts';
import { allowed, checkFolder, droppedHandle, isGranted, pickFolder, type Chosen } from './folder.ts';
import type { Flow } from './flow_types.ts';
import { LivePorts } from './live_ports.ts';
import { FragmentPlace } from './place.ts';
import { serverOfText } from './server_text.ts';
import { snapshotOf, type Snapshot } from './snapshot.ts';
import { RendezvousError } from '../rendezvous/index.ts';
import { Store, type Remembered } from './store.ts';
import { TunnelSource } from './tunnel_source.ts';
import { problemWords, type Action } from './words.ts';
import { Frame } from './frame.ts';

export class App {
  readonly #place: PageLocation;
  readonly #store: Store;
  readonly #identity = { clientId: randomId(), deviceName: guessDeviceName(navigator.userAgent) };
  readonly #ports: LivePorts;
  readonly #connection: Connection;
  readonly #explorer: Explorer;
  readonly #frame: Frame;
  #remembered: Remembered = {};
  /** Chosen, but without permission yet. */
  #candidate: FileSystemDirectoryHandle | null = null;
  #pickerRefused = false;
  #homeName: string | null = null;
  #wasConnected = false;

  constructor(place: PageLocation) {
    this.#place = place;
    this.#store = new Store(place.key);
    this.#ports = new LivePorts(this.#identity, { onExtras: () => this.#update(), onForget: () => this.#forget() });
    this.#connection = new Connection(this.#ports);
    this.#explorer = new Explorer({
      source: new TunnelSource(signal => this.#ports.connected(signal)),
      place: new FragmentPlace(),
      rootName: () => this.#rootName(),
    });
    this.#frame = new Frame(this.#explorer, {
      place,
      deviceName: () => this.#identity.deviceName,
      setDeviceName: name => this.#setDeviceName(name),
      act: action => void this.#act(action),
      pickerRefused: () => this.#pickerRefused,
      offerText: () => this.#ports.extras.offerText,
      submitServer: text => this.#submitServer(text),
      submitAnswer: text => this.#submitAnswer(text),
    });
    this.#connection.changed.on(flow => this.#changed(flow));
  }

  snapshot(): Snapshot {
    const { flow } = this.#connection;
    const title = flow.problem ? problemWords(flow.problem, flow, this.#place).title : null;
    return snapshotOf(flow, title, Date.now());
  }

  async start(): Promise<void> {
    this.#frame.mount(this.#rootName());
    this.#update();
    this.#listen();
    this.#remembered = await this.#store.load();
    if (isId(this.#remembered.clientId)) this.#identity.clientId = this.#remembered.clientId;
    if (this.#remembered.deviceName) this.#identity.deviceName = this.#remembered.deviceName;
    await this.#save({ clientId: this.#identity.clientId });
    const canPick = typeof window.showDirectoryPicker === 'function';
    const handle = canPick ? (this.#remembered.handle ?? null) : null;
    this.#ports.handle = handle;
    const remembered = handle ? { name: this.#nameOf(handle), granted: await isGranted(handle) } : null;
    this.#connection.dispatch({
      type: 'started',
      canPick,
      hasPeer: typeof RTCPeerConnection === 'function',
      remembered,
    });
  }

  #listen(): void {
    addEventListener('online', () => this.#connection.dispatch({ type: 'hurry' }));
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState !== 'visible') return;
      this.#connection.dispatch({ type: 'hurry' });
      this.#update();
    });
    addEventListener('dragover', event => event.preventDefault());
    addEventListener('drop', event => {
      event.preventDefault();
      const handle = droppedHandle(event);
      if (handle) void handle.then(async found => (found ? this.#use(found) : undefined));
    });
    setInterval(() => {
      if (document.visibilityState === 'visible' && this.#connection.flow.phase !== 'connected') this.#update();
    }, 500);
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
    const known = this.#ports.handle;
    if (this.#connection.flow.phase === 'connected' && known && (await known.isSameEntry(handle))) return;
    if (handle instanceof FileSystemDirectoryHandle) this.#candidate = handle;
    this.#took(await checkFolder(handle));
  }

  #took(chosen: Chosen): void {
    if (chosen.ok) {
      this.#pickerRefused = false;
      this.#candidate = null;
      void this.#resetUnless(chosen.handle, this.#ports.handle);
      this.#ports.handle = chosen.handle;
      void this.#save({ handle: chosen.handle });
      this.#connection.dispatch({ type: 'folder', name: this.#nameOf(chosen.handle) });
    } else if (chosen.problem) {
      this.#connection.dispatch({ type: 'folder-problem', problem: chosen.problem });
    } else if (chosen.cancelled) {
      this.#pickerRefused = true;
      this.#update();
    }
  }

  async #resetUnless(handle: FileSystemDirectoryHandle, before: FileSystemDirectoryHandle | null): Promise<void> {
    if (before && !(await before.isSameEntry(handle))) this.#explorer.reset();
  }

  #submitServer(text: string | null): string | null {
    const { attempt } = this.#connection.flow;
    if (text === null) {
      this.#connection.dispatch({ type: 'servers', attempt, servers: [] });
      return null;
    }
    const server = serverOfText(text);
    if (typeof server === 'string') return server;
    this.#connection.dispatch({ type: 'servers', attempt, servers: [server] });
    return null;
  }

  #submitAnswer(text: string): string | null {
    try {
      this.#ports.submitAnswer(text);
      return null;
    } catch (error) {
      if (error instanceof RendezvousError && error.code === 'malformed')
        return `This is not a whole answer: open the file answer-….json, or paste all of its text. (${error.message})`;
      return error instanceof Error ? error.message : String(error);
    }
  }

  #changed(flow: Flow): void {
    if (flow.phase === 'connected' && !this.#wasConnected) {
      if (this.#explorer.isEmpty) this.#explorer.start();
      else this.#explorer.refresh();
      void this.#askName();
    }
    this.#wasConnected = flow.phase === 'connected';
    this.#update();
  }

  #update(): void {
    const { flow } = this.#connection;
    this.#frame.update(flow, Date.now(), this.#ports.extras.note, this.#rootName());
  }

  /** The folder's name as the server has it, where this device does not know one. */
  async #askName(): Promise<void> {
    if (this.#homeName !== null) return;
    try {
      const signal = AbortSignal.timeout(10_000);
      const tunnel = await this.#ports.connected(signal);
      const response = await tunnel.fetch({ method: 'GET', target: '/@/info' }, { signal });
      const info: unknown = await response.json(64 * 1024);
      const name = (info as Record<string, unknown> | null)?.name;
      if (response.status === 200 && typeof name === 'string' && name !== '') this.#homeName = name;
      this.#update();
    } catch {
      // Only a name.
    }
  }

  #rootName(): string {
    return this.#place.name ?? this.#connection.flow.folder ?? this.#homeName ?? 'Home folder';
  }

  /** A person who had to choose `.owndir` or the handshake directory still means the folder. */
  #nameOf(handle: FileSystemDirectoryHandle): string {
    return handle.name.startsWith('.') || handle.name === '' ? (this.#place.name ?? handle.name) : handle.name;
  }

  #setDeviceName(name: string): void {
    this.#identity.deviceName = cleanDeviceName(name) || guessDeviceName(navigator.userAgent);
    void this.#save({ deviceName: this.#identity.deviceName });
  }

  async #save(change: Remembered): Promise<void> {
    this.#remembered = { ...this.#remembered, ...change };
    await this.#store.save(this.#remembered);
  }

  async #forget(): Promise<void> {
    this.#explorer.reset();
    delete this.#remembered.handle;
    await this.#store.save(this.#remembered);
  }
}
