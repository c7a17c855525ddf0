import { describe, expect, it } from 'vitest';
import { createDirectory, RemoteBacking, SwitchingBacking, type Backing } from './index.ts';
import { contractCases, runCase, type Ground, type Outside } from './testing/contract.ts';
import { MemoryBacking } from './testing/memory.ts';
import { MemoryTransport } from './testing/pair.ts';
import { ReferenceServer } from './testing/reference_server.ts';

function outsideOf(memory: MemoryBacking): Outside {
  return {
    put: async (path, content) => memory.put(path, content),
    remove: async path => memory.remove(path),
    read: async path => {
      const bytes = memory.bytes(path);
      return bytes && new TextDecoder().decode(bytes);
    },
  };
}

async function remote(memory: MemoryBacking, finish: (() => void)[], root = ''): Promise<Backing> {
  const [here, there] = MemoryTransport.pair();
  const server = new ReferenceServer(there, memory, { root });
  const backing = new RemoteBacking(here);
  await backing.ready;
  finish.push(() => {
    expect(server.faults).toEqual([]);
    backing.close();
  });
  return backing;
}

const grounds: Record<string, (memory: MemoryBacking, finish: (() => void)[]) => Promise<Backing>> = {
  memory: memory => Promise.resolve(memory),
  'a connection': remote,
  'a connection of the module host': (memory, finish) => remote(memory, finish, '/srv/folder'),
  'a copy that may go live': memory => {
    const switching = new SwitchingBacking();
    switching.setDisk(memory);
    return Promise.resolve(switching);
  },
  'a copy that went live': async (memory, finish) => {
    const switching = new SwitchingBacking();
    switching.setDisk(new MemoryBacking('old copy'));
    switching.setLive(await remote(memory, finish));
    return switching;
  },
};

describe.each(Object.entries(grounds))('the folder API over %s', (_, open) => {
  it.each(contractCases.map((one, i) => [one.name, one, i] as const))('%s', async (_name, one, i) => {
    const memory = new MemoryBacking();
    const finish: (() => void)[] = [];
    const root = createDirectory(await open(memory, finish));
    const ground: Ground = {
      root,
      outside: outsideOf(memory),
      can: { folderTimes: true, anyName: true },
    };
    await runCase(one, ground, `case-${i}`);
    for (const action of finish) action();
    expect(memory.watches).toBe(0);
  });
});
