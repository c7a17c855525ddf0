// For tests: the runtime of a built page over a folder in memory, with its address in the fragment. The page gets it before
// its own runtime, which then leaves it in place.
import { createDirectory } from '../../fsnode/index.ts';
import { MemoryBacking } from '../../fsnode/testing/memory.ts';

const { OWNDIR_TEST_FILES: files } = globalThis as unknown as { OWNDIR_TEST_FILES: Record<string, string> };
const backing = new MemoryBacking('test');
for (const [path, content] of Object.entries(files)) backing.put(path, content);

type Listener = (value: unknown) => void;
const listeners: Listener[] = [];
const address = () => ({ path: decodeURIComponent(location.hash.slice(1)) || '/', query: '', hash: '' });
addEventListener('hashchange', () => listeners.forEach(listener => listener(address())));

const owndir = {
  ready: Promise.resolve(),
  directory: createDirectory(backing),
  mode: 'disk',
  where: 'file',
  status: { tone: 'disk', text: 'From disk', detail: 'From disk.' },
  get address() {
    return address();
  },
  href: (path: string) => `#${encodeURI(path)}`,
  navigate: (path: string) => {
    location.hash = encodeURI(path);
  },
  on: (event: string, listener: Listener) => {
    if (event === 'address') listeners.push(listener);
    return () => undefined;
  },
  connect: () => undefined,
  state: () => ({ where: 'file' }),
};
Object.assign(globalThis, { owndir, testBacking: backing });
