import { describe, expect, it, vi } from 'vitest';
import { createTree, injectModuleKey } from './index.ts';
import type { DirectoryNode, ModuleAwareRoot, OwnDirModule, Plugin, TreeError } from './index.ts';

/** A folder of paths only. */
class Place implements DirectoryNode {
  readonly path: string;
  constructor(path = '') {
    this.path = path;
  }
  walk(path: string): Place {
    const steps = path.split('/').filter(step => step !== '' && step !== '.');
    return new Place([...(this.path ? [this.path] : []), ...steps].join('/'));
  }
}

function quietTree() {
  const heard: TreeError[] = [];
  return { OwnDir: createTree({ onError: error => heard.push(error) }), heard };
}

const placeOf = (module: OwnDirModule) => (module.directory as Place).path;

describe('inheritance', () => {
  it('gives a module what the one above it has, and lets it say otherwise', () => {
    const OwnDir = createTree();
    OwnDir.addModule('', {
      title: 'Home',
      colour: 'green',
      frame(this: OwnDirModule) {
        return `${this.title as string} in ${this.colour as string}`;
      },
    });
    const bank = OwnDir.addModule('bank', { title: 'Banking' });
    expect((bank.frame as () => string)()).toBe('Banking in green');
    expect(Object.getPrototypeOf(bank)).toBe(OwnDir('/'));
  });

  it('keeps the exported object itself, so that code which holds it sees the tree', () => {
    const OwnDir = createTree();
    const exported = { title: 'x' };
    expect(OwnDir.addModule('', exported)).toBe(exported);
    expect(OwnDir('')).toBe(exported);
  });

  it('follows an accessor of an ancestor with the descendant as `this`', () => {
    const OwnDir = createTree();
    OwnDir.addModule('', {
      get heading() {
        return (this as unknown as OwnDirModule).O.path;
      },
    });
    OwnDir.addModule('a', {});
    expect(OwnDir('a').heading).toBe('/a');
  });

  it('inherits from the nearest ancestor when directories between have no module', () => {
    const OwnDir = createTree();
    OwnDir.addModule('', { depth: 0 });
    OwnDir.addModule('a', { depth: 1 });
    const deep = OwnDir.addModule('a/b/c/d', {});
    expect(deep.depth).toBe(1);
    expect(deep.O.parent).toBe(OwnDir('a'));
    expect(OwnDir('a').O.children).toEqual([deep]);
  });

  it('does not take a neighbour whose name begins alike for an ancestor', () => {
    const OwnDir = createTree();
    OwnDir.addModule('note', { kind: 'note' });
    OwnDir.addModule('notes', {});
    expect(OwnDir('notes').kind).toBeUndefined();
    expect(OwnDir('notes/x').O.parent?.O.path).toBe('/notes');
  });

  it('starts with an empty root when the folder has no module of its own', () => {
    const OwnDir = createTree();
    const a = OwnDir.addModule('a', {});
    expect(a.O.parent?.O.path).toBe('/');
    expect(OwnDir('/').O.routes).toEqual([]);
    expect(OwnDir('/').O.children).toEqual([a]);
  });

  it('takes a directory whose .owndir holds no code for an empty module', () => {
    const OwnDir = createTree();
    OwnDir.addModule('', { title: 'Home' });
    const empty = OwnDir.addModule('quiet', undefined, [module => (module.plugged = true)]);
    expect([empty.title, empty.plugged, OwnDir.has('quiet')]).toEqual(['Home', true, true]);
  });

  it('copies what cannot be changed: a frozen export and one that stands elsewhere already', () => {
    const OwnDir = createTree();
    const shared = { title: 'shared' };
    const root = OwnDir.addModule(
      '',
      Object.freeze({ colour: 'red', O: Object.freeze({ routes: Object.freeze([]) }) }),
    );
    const first = OwnDir.addModule('a', shared);
    const second = OwnDir.addModule('b', shared);
    expect(first).not.toBe(second);
    expect([second.title, second.colour, second.O.path, first.O.path]).toEqual(['shared', 'red', '/b', '/a']);
    expect(() => root.O.routes.push(['get', '/', () => {}])).not.toThrow();
  });

  it('tells of an export that is no object and goes on with an empty module', () => {
    const { OwnDir, heard } = quietTree();
    OwnDir.addModule('a', 'text');
    expect(heard).toMatchObject([{ module: '/a', message: expect.stringContaining('not a string') as string }]);
    expect(OwnDir('a').O.path).toBe('/a');
  });

  it('refuses a second module for one directory and an ancestor that comes late', () => {
    const OwnDir = createTree();
    OwnDir.addModule('a/b', {});
    expect(() => OwnDir.addModule('/a/b/', {})).toThrow('already has a module for /a/b');
    expect(() => OwnDir.addModule('a', {})).toThrow('/a must be added before /a/b');
  });
});

describe('O', () => {
  it('is never inherited: each module has its own lists', () => {
    const OwnDir = createTree();
    const route = ['get', '/x', () => {}] as const;
    OwnDir.addModule('', { O: { routes: [route], middleware: [route], static: [['./', './static']], extra: 1 } });
    const child = OwnDir.addModule('a', {});
    expect([child.O.routes, child.O.middleware]).toEqual([[], []]);
    expect(child.O.static).toBeUndefined();
    expect(child.O.extra).toBeUndefined();
    expect(OwnDir('').O.static).toEqual([['./', './static']]);
    expect(OwnDir('').O.extra).toBe(1);
    expect(OwnDir('').O.routes).toEqual([route]);
  });

  it('says where the module stands', () => {
    const OwnDir = createTree();
    OwnDir.addModule('');
    const b = OwnDir.addModule('b');
    const a = OwnDir.addModule('a');
    const ab = OwnDir.addModule('a/b');
    expect([OwnDir('').O.path, ab.O.path]).toEqual(['/', '/a/b']);
    expect(OwnDir('').O.parent).toBeUndefined();
    expect(ab.O.parent).toBe(a);
    expect(OwnDir('').O.children).toEqual([a, b]);
    expect(ab.O.module).toBe(ab);
    expect(OwnDir.modules.map(module => module.O.path)).toEqual(['/', '/b', '/a', '/a/b']);
  });

  it('makes lists of what a module wrongly gives in their place', () => {
    const OwnDir = createTree();
    const a = OwnDir.addModule('a', { O: { routes: 'none', middleware: null } });
    expect([a.O.routes, a.O.middleware]).toEqual([[], []]);
    expect(OwnDir.addModule('b', { O: 7 }).O.path).toBe('/b');
  });
});

describe('plugins', () => {
  const mark =
    (name: string): Plugin =>
    module => {
      module.marks = [...(Object.hasOwn(module, 'marks') ? (module.marks as string[]) : []), name];
    };
  const propagating = (name: string) => Object.assign(mark(name), { propagate: true });

  it('are applied to the module of their directory in the order of their names', () => {
    const OwnDir = createTree();
    const plugins = ['20-c', '00-a', '10-b'].map(name => ({ name, apply: mark(name) }));
    expect(OwnDir.addModule('', {}, plugins).marks).toEqual(['00-a', '10-b', '20-c']);
  });

  it('keep the given order when they have no names', () => {
    expect(createTree().addModule('', {}, [mark('z'), mark('a')]).marks).toEqual(['z', 'a']);
  });

  it('are passed to all modules below only with `propagate`, those from above first', () => {
    const OwnDir = createTree();
    OwnDir.addModule('', {}, [mark('here'), propagating('down')]);
    OwnDir.addModule('a', {}, [mark('a')]);
    OwnDir.addModule('a/x/b', {}, [propagating('b')]);
    expect(OwnDir('').marks).toEqual(['here', 'down']);
    expect(OwnDir('a').marks).toEqual(['down', 'a']);
    expect(OwnDir('a/x/b').marks).toEqual(['down', 'b']);
    expect(OwnDir('a').O.plugins).toHaveLength(2);
  });

  it('see the whole of O, and what they push stays with that module', () => {
    const OwnDir = createTree();
    const favicon: Plugin = module => void module.O.routes.push(['get', '/favicon.ico', () => module.icon]);
    OwnDir.addModule('', { icon: '🌱' }, [favicon]);
    OwnDir.addModule('a', {});
    expect(OwnDir('').O.routes).toHaveLength(1);
    expect(OwnDir('a').O.routes).toHaveLength(0);
  });

  it('may walk up by O.parent, each with its own directory', async () => {
    const OwnDir = createTree();
    const css: Plugin = Object.assign(
      (module: OwnDirModule) => {
        module.css = async function (this: OwnDirModule): Promise<string> {
          const above = (await (this.O.parent?.css as (() => Promise<string>) | undefined)?.call(this.O.parent)) ?? '';
          return `${above}/${placeOf(this)}`;
        };
      },
      { propagate: true },
    );
    OwnDir.addModule('', {}, [css]);
    OwnDir.addModule('a', {});
    OwnDir.injectFsRoot(new Place());
    expect(await (OwnDir('a/b').css as () => Promise<string>)()).toBe('//a/a/b');
  });

  it('that throw are told of by name and take down neither the others nor the module', () => {
    const { OwnDir, heard } = quietTree();
    const broken = () => {
      throw new Error('no icon');
    };
    const module = OwnDir.addModule('a', { title: 'A' }, [
      { name: '00-broken', apply: broken },
      { name: '10-good', apply: mark('good') },
    ]);
    expect([module.title, module.marks]).toEqual(['A', ['good']]);
    expect(heard).toMatchObject([{ module: '/a', plugin: '00-broken', message: 'no icon' }]);
    expect(OwnDir.errors).toEqual(heard);
  });

  it('that are no functions, or reject later, are told of likewise', async () => {
    const { OwnDir, heard } = quietTree();
    OwnDir.addModule('', {}, [
      { name: '00-object', apply: {} },
      { name: '10-null', apply: null },
      { name: '20-late', apply: () => Promise.reject(new Error('late')) },
    ]);
    await vi.waitFor(() => expect(heard).toHaveLength(3));
    expect(heard.map(error => [error.plugin, error.message])).toEqual([
      ['00-object', 'a plugin exports a function, not a object'],
      ['10-null', 'a plugin exports a function, not null'],
      ['20-late', 'late'],
    ]);
  });

  it('tell of one fault once, however many directories it is met in', () => {
    const { OwnDir, heard } = quietTree();
    const picky = Object.assign(
      (module: OwnDirModule) => {
        if (module.O.path !== '/') throw new Error('only at the top');
      },
      { propagate: true },
    );
    OwnDir.addModule('', {}, [{ name: 'picky', apply: picky }]);
    for (let i = 0; i < 50; i++) OwnDir(`place-${i}`);
    expect(heard).toHaveLength(1);
  });

  it('are named on the console when nobody listens', () => {
    const written = vi.spyOn(console, 'error').mockImplementation(() => {});
    const broken = () => {
      throw new Error('boom');
    };
    createTree().addModule('', {}, [{ name: 'broken', apply: broken }]);
    expect(written).toHaveBeenCalledWith('owndir: plugin broken of /: boom', expect.any(Error));
    written.mockRestore();
  });
});

describe('a directory without a module', () => {
  it('has a derived one: all from the nearest above, and its own place', () => {
    const OwnDir = createTree();
    OwnDir.addModule('', { title: 'Home' });
    OwnDir.addModule('a', { title: 'A', O: { routes: [['get', '/', () => {}]] } });
    OwnDir.injectFsRoot(new Place());
    const derived = OwnDir('/a/b/c');
    expect([derived.title, derived.O.path, placeOf(derived)]).toEqual(['A', '/a/b/c', 'a/b/c']);
    expect(derived.O.parent?.O.path).toBe('/a/b');
    expect(derived.O.routes).toEqual([]);
    expect(OwnDir('a/b/c')).toBe(derived);
    expect(OwnDir('a/b')).toBe(derived.O.parent);
  });

  it('gets the plugins that propagate, and no others', () => {
    const OwnDir = createTree();
    const style = Object.assign((module: OwnDirModule) => void module.O.routes.push(['get', '/style.css', () => {}]), {
      propagate: true,
    });
    OwnDir.addModule('', {}, [style, module => (module.once = module.O.path)]);
    expect(OwnDir('x').O.routes).toHaveLength(1);
    expect(OwnDir('x').once).toBe('/');
    expect(Object.hasOwn(OwnDir('x'), 'once')).toBe(false);
  });

  it('is no child, no module of the list, and steps aside when one is added', () => {
    const OwnDir = createTree();
    OwnDir.addModule('', { title: 'Home' });
    const before = OwnDir('a/b');
    expect(OwnDir('').O.children).toEqual([]);
    expect(OwnDir.has('a/b')).toBe(false);
    OwnDir.addModule('a', { title: 'A' });
    expect(before.title).toBe('Home');
    expect(OwnDir('a/b').title).toBe('A');
    expect(OwnDir.nearest('a/b')).toBe(OwnDir('a'));
  });

  it('is remade when a thousand others were asked for since, so that visits cost no memory for ever', () => {
    const OwnDir = createTree();
    const first = OwnDir('first');
    for (let i = 0; i < 1000; i++) OwnDir(`d/${i}`);
    expect(OwnDir('first')).not.toBe(first);
    expect(OwnDir('first').O.path).toBe('/first');
  });
});

describe('paths', () => {
  it.each([
    ['', '/'],
    ['/', '/'],
    ['.', '/'],
    ['a', '/a'],
    ['/a/b/', '/a/b'],
    ['./a//b', '/a/b'],
    ['a/x/../b', '/a/b'],
    ['../../etc', '/etc'],
    ['a b/ü/🌱\n', '/a b/ü/🌱\n'],
    ['__proto__/constructor', '/__proto__/constructor'],
  ])('%j is the place %j', (given, place) => {
    expect(createTree()(given).O.path).toBe(place);
  });
});

describe('the folder', () => {
  it('is absent until it is injected, then every module has its directory by all three names', () => {
    const OwnDir = createTree();
    const a = OwnDir.addModule('a', {});
    expect([a.directory, a.O.directory]).toEqual([undefined, undefined]);
    OwnDir.injectFsRoot(new Place());
    expect([placeOf(OwnDir('/')), placeOf(a)]).toEqual(['', 'a']);
    expect([a.fsNode, a.file, a.O.directory]).toEqual([new Place('a'), new Place('a'), new Place('a')]);
  });

  it('may be replaced', () => {
    const OwnDir = createTree();
    OwnDir.injectFsRoot(new Place('old'));
    OwnDir.injectFsRoot(new Place('new'));
    expect(placeOf(OwnDir('a'))).toBe('new/a');
  });

  it('learns how its nodes find their modules', () => {
    const OwnDir = createTree();
    OwnDir.addModule('a', { title: 'A' });
    let find: ((path: string) => OwnDirModule) | undefined;
    const root: ModuleAwareRoot = Object.assign(new Place(), {
      [injectModuleKey]: (given: (path: string) => OwnDirModule) => (find = given),
    });
    OwnDir.injectFsRoot(root);
    expect(find?.('a/b').title).toBe('A');
    expect(find?.('').O.path).toBe('/');
  });

  it('does not hide a property of that name that a module has itself', () => {
    const OwnDir = createTree();
    OwnDir.addModule('a', { file: 'mine' });
    OwnDir.injectFsRoot(new Place());
    expect(OwnDir('a').file).toBe('mine');
  });
});

describe('modules in the style of the earlier OwnDir', () => {
  it('run unchanged: a CommonJS plugin that pushes a bound route, one that propagates, and three levels of frames', async () => {
    const OwnDir = createTree();
    const icon: Plugin = owndir => {
      owndir.O.routes.push([
        'get',
        '/favicon.ico',
        async function (this: OwnDirModule) {
          return `<svg>${(this.favicon as string | undefined) ?? '📖'}</svg>`;
        },
      ]);
    };
    const frame = function (this: OwnDirModule) {
      return `<h1>${this.title as string}</h1>${(this.main as () => string)()}`;
    };
    OwnDir.addModule('', { frame, title: 'Top', main: () => '', favicon: '🏠' }, [{ name: '00-icon', apply: icon }]);
    OwnDir.addModule('money', {
      title: 'Money',
      main(this: OwnDirModule) {
        return placeOf(this);
      },
    });
    OwnDir.injectFsRoot(new Place());
    expect((OwnDir('money/2020').frame as () => string)()).toBe('<h1>Money</h1>money/2020');
    const [, , handler] = OwnDir('').O.routes[0] as unknown as [string, string, () => Promise<string>];
    expect(await handler.call(OwnDir(''))).toBe('<svg>🏠</svg>');
  });
});
