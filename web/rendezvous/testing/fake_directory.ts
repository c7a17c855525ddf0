// A directory handle in memory, with the behaviour of Chromium's that matters here: a created file is there at once and
// empty, what is written appears on close, `move` replaces, and faults can be put in.

function fault(name: string): Error {
  return new DOMException(`fake ${name}`, name);
}

export class FakeDirectory {
  readonly kind = 'directory';
  readonly name: string;
  readonly files = new Map<string, { bytes: Uint8Array<ArrayBuffer>; lastModified: number }>();
  readonly directories = new Map<string, FakeDirectory>();
  /** The name of the DOMException that everything fails with, null for none. */
  broken: string | null = null;
  /** How many reads of a file fail as they do after a change from outside. */
  stale = 0;
  canMove = true;
  /** Every name that was there at some time. */
  readonly seen = new Set<string>();

  constructor(name: string) {
    this.name = name;
  }

  /** As the sync would. */
  put(name: string, text: string): void {
    this.seen.add(name);
    this.files.set(name, { bytes: new TextEncoder().encode(text), lastModified: Date.now() });
  }
  text(name: string): string {
    return new TextDecoder().decode(this.files.get(name)?.bytes);
  }
  get names(): string[] {
    return [...this.files.keys()];
  }
  get handle(): FileSystemDirectoryHandle {
    return this as unknown as FileSystemDirectoryHandle;
  }

  #check(): void {
    if (this.broken !== null) throw fault(this.broken);
  }
  async *keys(): AsyncGenerator<string> {
    this.#check();
    yield* this.names;
  }
  async getDirectoryHandle(name: string): Promise<FakeDirectory> {
    this.#check();
    if (this.files.has(name)) throw fault('TypeMismatchError');
    const directory = this.directories.get(name);
    if (!directory) throw fault('NotFoundError');
    return directory;
  }
  async getFileHandle(name: string, options: { create?: boolean } = {}): Promise<FakeFile> {
    this.#check();
    if (!this.files.has(name)) {
      if (!options.create) throw fault('NotFoundError');
      this.put(name, '');
    }
    return new FakeFile(this, name);
  }
  async removeEntry(name: string): Promise<void> {
    this.#check();
    if (!this.files.delete(name)) throw fault('NotFoundError');
  }
}

class FakeFile {
  readonly kind = 'file';
  readonly #directory: FakeDirectory;
  name: string;
  move?: (name: string) => Promise<void>;

  constructor(directory: FakeDirectory, name: string) {
    this.#directory = directory;
    this.name = name;
    if (directory.canMove)
      this.move = async to => {
        const file = directory.files.get(this.name);
        if (!file) throw fault('NotFoundError');
        directory.files.delete(this.name);
        directory.files.set(to, file);
        directory.seen.add(to);
        this.name = to;
      };
  }

  async getFile(): Promise<File> {
    const file = this.#directory.files.get(this.name);
    if (!file) throw fault('NotFoundError');
    if (this.#directory.stale > 0) {
      this.#directory.stale--;
      throw fault('NotReadableError');
    }
    const { bytes, lastModified } = file;
    return Object.assign(new Blob([bytes]), { name: this.name, lastModified, webkitRelativePath: '' });
  }

  async createWritable() {
    if (this.#directory.broken !== null) throw fault(this.#directory.broken);
    let written: Uint8Array<ArrayBuffer> = new Uint8Array();
    return {
      write: async (bytes: Uint8Array<ArrayBuffer>) => void (written = bytes.slice()),
      close: async () => void this.#directory.files.set(this.name, { bytes: written, lastModified: Date.now() }),
      abort: async () => undefined,
    };
  }
}
