import type { Directory } from '../directory.ts';
import type { SubArguments } from '../sub.ts';
import { equal, ok, until } from './check.ts';
import type { ContractCase } from './contract.ts';

/** Events as they come: "add a/b", paths from the folder. */
class Recorder {
  readonly events: string[] = [];
  readonly #from: Directory;

  constructor(from: Directory) {
    this.#from = from;
  }

  readonly listen = (event: string, node: Directory): void => {
    const path = node.path === this.#from.path ? '.' : node.path.slice(this.#from.path.length + 1);
    this.events.push(`${event} ${path}`);
  };

  async until(event: string): Promise<void> {
    await until(
      () => this.events.includes(event),
      () => `${event} among ${this.events.join(', ')}`,
    );
  }

  /** Waits for the event and forgets all. */
  async next(event: string): Promise<void> {
    await this.until(event);
    this.events.length = 0;
  }
}

type Watched = [Recorder, () => void];

function watch(folder: Directory, ...given: unknown[]): Watched {
  const recorder = new Recorder(folder);
  const list = given.map(item => (item === 'LISTEN' ? recorder.listen : item)) as unknown as SubArguments;
  return [recorder, folder.sub(...list)];
}

export const subCases: ContractCase[] = [
  {
    name: 'sub tells what is there, then ready, then changes',
    async run(folder, { outside }) {
      await outside.put(`${folder.path}/a/b.txt`, 'x');
      const [recorder, off] = watch(folder, ['all', 'ready'], ['.'], 'LISTEN');
      await recorder.until('ready .');
      equal(recorder.events, ['addDir .', 'addDir a', 'add a/b.txt', 'ready .'], 'at first');
      recorder.events.length = 0;
      await outside.put(`${folder.path}/a/c.txt`, 'y');
      await recorder.next('add a/c.txt');
      await outside.put(`${folder.path}/a/c.txt`, 'longer');
      await recorder.next('change a/c.txt');
      await outside.put(`${folder.path}/new/deep`, 'z');
      await recorder.until('addDir new');
      await recorder.next('add new/deep');
      await outside.remove(`${folder.path}/a/c.txt`);
      await recorder.next('unlink a/c.txt');
      await outside.remove(`${folder.path}/new`);
      await recorder.until('unlinkDir new');
      ok(recorder.events.includes('unlink new/deep'), `contents are told: ${recorder.events.join(', ')}`);
      off();
    },
  },
  {
    name: 'sub tells of changes made through the folder API',
    async run(folder) {
      const [recorder, off] = watch(folder, ['all', 'ready'], null, 'LISTEN', { ignoreInitial: true });
      await recorder.next('ready .');
      await folder.write('f', 'x');
      await recorder.next('add f');
      await folder.write('f', 'xy');
      await recorder.next('change f');
      await folder.walk('f').move('g');
      await recorder.until('add g');
      await recorder.next('unlink f');
      off();
    },
  },
  {
    name: 'sub has defaults for events and paths, and takes single ones',
    async run(folder, { outside }) {
      await outside.put(`${folder.path}/in/f`, 'x');
      await outside.put(`${folder.path}/out/f`, 'x');
      const [all, offAll] = watch(folder, 'LISTEN');
      const [inside, offInside] = watch(folder, 'in', 'LISTEN');
      const [adds, offAdds] = watch(folder, 'add', ['in', 'out'], 'LISTEN');
      await all.until('add out/f');
      await inside.until('add in/f');
      await adds.until('add out/f');
      ok(
        inside.events.every(event => event.split(' ')[1]?.startsWith('in') === true),
        `only there: ${inside.events.join(', ')}`,
      );
      ok(
        adds.events.every(event => event.startsWith('add ')),
        `only files: ${adds.events.join(', ')}`,
      );
      for (const off of [offAll, offInside, offAdds]) off();
    },
  },
  {
    name: 'sub passes over what exists when told to, and what is ignored',
    async run(folder, { outside }) {
      await outside.put(`${folder.path}/old`, 'x');
      const options = { ignoreInitial: true, ignored: /skipped/ };
      const [recorder, off] = watch(folder, ['all', 'ready'], '.', 'LISTEN', options);
      await recorder.until('ready .');
      await outside.put(`${folder.path}/skipped`, 'x');
      await outside.put(`${folder.path}/told`, 'x');
      await recorder.until('add told');
      equal(recorder.events, ['ready .', 'add told'], 'events');
      off();
    },
  },
  {
    name: 'sub goes as deep as it is told',
    async run(folder, { outside }) {
      await outside.put(`${folder.path}/a/b/c`, 'x');
      const [recorder, off] = watch(folder, ['all', 'ready'], '.', 'LISTEN', { depth: 0 });
      await recorder.until('ready .');
      equal(recorder.events, ['addDir .', 'addDir a', 'ready .'], 'entries only');
      off();
    },
  },
  {
    name: 'a sub that was ended is silent',
    async run(folder, { outside }) {
      const [ended, off] = watch(folder, 'LISTEN');
      await ended.until('addDir .');
      const [witness, offWitness] = watch(folder, 'LISTEN');
      await witness.until('addDir .');
      off();
      off();
      const before = ended.events.length;
      await outside.put(`${folder.path}/late`, 'x');
      await witness.until('add late');
      equal(ended.events.length, before, 'events of the ended one');
      offWitness();
    },
  },
  {
    name: 'a sub of what is not there yet waits for it',
    async run(folder, { outside }) {
      const [recorder, off] = watch(folder, ['all', 'ready'], 'later', 'LISTEN');
      await recorder.until('ready .');
      await outside.put(`${folder.path}/later/f`, 'x');
      await recorder.until('add later/f');
      off();
    },
  },
];
