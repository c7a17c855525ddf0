// The folder's nodes, as the modules of this process get them (`this.directory`).
import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import { createDirectory, fromNodeStream, openDirectory, type Directory } from '../fsnode/index.ts';
import { DiskBacking } from './disk_backing.ts';

/** Where the server leaves its end of the connection. */
const channel = 3;

function hasChannel(): boolean {
  try {
    return fstatSync(channel).isSocket();
  } catch {
    return false;
  }
}

/** Over the server's connection; without one, straight from disk and only to be read. Call it once. */
export async function openFolder(folder: string): Promise<Directory> {
  if (!hasChannel()) return createDirectory(new DiskBacking(folder));
  return openDirectory(fromNodeStream(new Socket({ fd: channel, readable: true, writable: true })));
}
