// One open note: loads it, saves it by itself a moment after the last key, and notices when the file was changed elsewhere
// meanwhile. Nothing that somebody wrote is overwritten unseen.

const kSaveAfterMs = 700;
const kRetryAfterMs = 4_000;

export class Draft {
  #node;
  #saved = '';
  #timer = null;
  #saving = null;
  #closed = false;
  #listeners = new Set();
  /** state: loading, clean, dirty, saving, conflict, failed (not saved), gone, missing */
  snapshot = { state: 'loading', text: '', theirs: null, error: null, arrived: 0 };

  constructor(node) {
    this.#node = node;
  }

  subscribe = listener => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  getSnapshot = () => this.snapshot;

  #set(change) {
    this.snapshot = { ...this.snapshot, ...change };
    for (const listener of this.#listeners) listener();
  }

  get isDirty() {
    return this.snapshot.text !== this.#saved;
  }

  async load() {
    try {
      this.#saved = await this.#node.text();
      this.#set({ state: 'clean', text: this.#saved, error: null });
    } catch (error) {
      this.#set({ state: error?.status === 404 ? 'missing' : 'failed', error: error?.message ?? String(error) });
    }
  }

  /** The folder can be reached again. */
  retry() {
    if (this.snapshot.state !== 'failed') return;
    if (this.isDirty) void this.save();
    else void this.load();
  }

  edit(text) {
    const { state } = this.snapshot;
    if (state === 'loading' || state === 'missing' || text === this.snapshot.text) return;
    this.#set({ text, state: state === 'conflict' ? 'conflict' : 'dirty' });
    if (state !== 'conflict') this.#saveAfter(kSaveAfterMs);
  }

  #saveAfter(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.save(), ms);
  }

  /** Saves what is not saved yet; resolves when it is, or when it cannot be. */
  async save() {
    clearTimeout(this.#timer);
    if (this.#saving) await this.#saving;
    const { state } = this.snapshot;
    if (!this.isDirty || ['conflict', 'loading', 'missing', 'gone'].includes(state)) return;
    this.#saving = this.#write().finally(() => (this.#saving = null));
    await this.#saving;
  }

  async #write() {
    const { text } = this.snapshot;
    this.#set({ state: 'saving' });
    try {
      const theirs = await this.#read();
      if (theirs !== null && theirs !== this.#saved && theirs !== text) return this.#set({ state: 'conflict', theirs });
      if (theirs !== text) await this.#node.write(text);
      this.#saved = text;
      if (this.isDirty) this.#saveAfter(kSaveAfterMs);
      this.#set({ state: this.isDirty ? 'dirty' : 'clean', error: null });
    } catch (error) {
      this.#set({ state: 'failed', error: error?.message ?? String(error) });
      if (!this.#closed) this.#saveAfter(kRetryAfterMs);
    }
  }

  /** What is on disk now; null when the file is not there. */
  async #read() {
    try {
      return await this.#node.text();
    } catch (error) {
      if (error?.status === 404) return null;
      throw error;
    }
  }

  /** The file was changed, by us or elsewhere. */
  async hearChange() {
    if (this.#closed || this.snapshot.state === 'loading') return;
    if (this.#saving) await this.#saving;
    const theirs = await this.#read().catch(() => null);
    if (this.#closed || theirs === null || theirs === this.#saved) return;
    if (!this.isDirty || theirs === this.snapshot.text) {
      this.#saved = theirs;
      clearTimeout(this.#timer);
      this.#set({ state: 'clean', text: theirs, theirs: null, error: null, arrived: this.snapshot.arrived + 1 });
    } else {
      clearTimeout(this.#timer);
      this.#set({ state: 'conflict', theirs });
    }
  }

  hearGone() {
    if (this.#closed || this.snapshot.state === 'loading') return;
    clearTimeout(this.#timer);
    this.#saved = null;
    this.#set({ state: 'gone' });
  }

  /** The person has decided: 'mine' overwrites the file, 'theirs' drops what was typed here. */
  resolve(choice) {
    const { theirs } = this.snapshot;
    if (theirs === null) return;
    this.#saved = theirs;
    if (choice === 'theirs') return this.#set({ state: 'clean', text: theirs, theirs: null });
    this.#set({ state: 'dirty', theirs: null });
    void this.save();
  }

  async close() {
    await this.save();
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}
