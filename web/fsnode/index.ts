import { Directory } from './directory.ts';
import { RemoteBacking } from './remote.ts';
import type { ConnectionOptions } from './connection.ts';
import type { Transport } from './transport.ts';
import type { Backing } from './types.ts';

/** The root of a folder. The backing's `root` must be known: await RemoteBacking's `ready` before. */
export function createDirectory(backing: Backing): Directory {
  return Directory.over(backing);
}

/** The root of the folder at the other end, once it has greeted. */
export async function openDirectory(transport: Transport, options?: ConnectionOptions): Promise<Directory> {
  const backing = new RemoteBacking(transport, options);
  await backing.ready;
  return createDirectory(backing);
}

/** Gives the nodes of `root`'s folder their `module`; `moduleOf` is called with a node's path, at each look. */
export function injectModule(root: Directory, moduleOf: (path: string) => unknown): void {
  Directory.injectModule(root, moduleOf);
}

/** What a node gets its answers from. */
export function backingOf(node: Directory): Backing {
  return Directory.backingOf(node);
}

export { Directory, type WriteOpts } from './directory.ts';
export type { WriteData } from './data.ts';
export { ConnectionLost, FsError, type ErrorStatus } from './error.ts';
export { fsnodeSubprotocol } from './limits.ts';
export { HandleBacking, type HandleOptions } from './handle.ts';
export { RemoteBacking } from './remote.ts';
export type { SubArguments, SubListener, SubOpts } from './sub.ts';
export {
  fromBrowserWebSocket,
  fromNodeStream,
  fromTunnelSocket,
  type Message,
  type NodeStreamLike,
  type Transport,
  type TunnelSocketLike,
  type WebSocketLike,
} from './transport.ts';
export type { Backing, Entry, Info, OpenRead, SubEvent, Told } from './types.ts';
export { SwitchingBacking, type Mode, type SwitchingOptions } from './switching.ts';
export { uploadFile, type UploadFileOptions } from './upload.ts';
