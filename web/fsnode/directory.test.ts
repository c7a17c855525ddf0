import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createDirectory, Directory, FsError, injectModule } from './index.ts';
import { MemoryBacking } from './testing/memory.ts';

describe('nodes', () => {
  it('have the members that modules compare and print, and nothing else', () => {
    const node = createDirectory(new MemoryBacking()).walk('a/b');
    expect(JSON.parse(JSON.stringify(node))).toEqual({
      name: 'b',
      path: 'a/b',
      relativePath: 'a/b',
      absolutePath: '/a/b',
    });
    expect(node).toBeInstanceOf(Directory);
    expect(node).toEqual(createDirectory(new MemoryBacking()).walk('a/x/../b'));
  });

  it('have the module that was injected for their folder, and not for another', () => {
    const [one, other] = [createDirectory(new MemoryBacking()), createDirectory(new MemoryBacking())];
    const early = one.walk('a');
    injectModule(one, path => `module of ${path}`);
    expect(early.module).toBe('module of a');
    expect(one.walk('b/c').module).toBe('module of b/c');
    expect(other.module).toBeUndefined();
  });

  it('take what Node’s streams give', async () => {
    const memory = new MemoryBacking();
    const root = createDirectory(memory);
    await root.write('f', Readable.from([Buffer.from('ab'), Buffer.from('cd')]));
    await root.write('g', Readable.from('text'));
    await root.write('h', Buffer.from('buffer'));
    expect(await root.walk('f').text()).toBe('abcd');
    expect(await root.walk('g').text()).toBe('text');
    expect((await root.readAll('h')).toString()).toBe('buffer');
  });

  it('answer what they cannot walk with 400', () => {
    const root = createDirectory(new MemoryBacking());
    expect(() => root.walk(undefined as unknown as string)).toThrow(FsError);
    const sub = root.sub.bind(root) as (...given: unknown[]) => unknown;
    expect(() => sub('x')).toThrow(FsError);
    expect(() => sub(['nonsense'], '.', () => undefined)).toThrow('nonsense');
  });

  it('stay outside once they are outside, whatever the root is called', () => {
    const root = createDirectory(new MemoryBacking());
    expect(root.walk('../x/../../y').path).toBe('../../y');
    expect(root.walk('../x').walk('..').path).toBe('');
    expect(root.walk('../x').walk('/a').path).toBe('a');
    expect(root.walk('a/../../..').path).toBe('');
  });
});

describe('errors', () => {
  it('are Errors that look like the objects of the folder API', () => {
    const error = new FsError(404, 'gone', new Error('cause'));
    expect({ ...error }).toEqual({ success: false, status: 404, error: 'gone' });
    expect(JSON.parse(JSON.stringify(error))).toEqual({ success: false, status: 404, error: 'gone' });
    expect(error).toBeInstanceOf(Error);
    expect(error.message).toBe('gone');
    expect(String(error)).toBe('FsError: gone');
  });

  it('answer a request of Express', () => {
    const answered: unknown[] = [];
    const response = {
      status: (code: number) => {
        answered.push(code);
        return { json: (body: unknown) => answered.push(body) };
      },
    };
    new FsError(409, 'in the way').respond(response);
    expect(answered).toEqual([409, { success: false, status: 409, error: 'in the way' }]);
  });
});
