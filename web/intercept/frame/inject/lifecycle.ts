// The document's load event waits for what the page still loads for it, as the browser's own would.

const longestMs = 20_000;

export class LoadHold {
  readonly #pending = new Set<Promise<unknown>>();
  #over = false;

  /** Rejected or not. */
  until(work: Promise<unknown>): void {
    if (this.#over) return;
    this.#pending.add(work);
    work.catch(() => undefined).finally(() => this.#pending.delete(work));
  }

  /** Listens before any script of the app does. */
  install(window: Window, loaded: () => void): void {
    const onLoad = (event: Event) => {
      if (event.target !== window.document || this.#over) return;
      event.stopImmediatePropagation();
      window.removeEventListener('load', onLoad, true);
      void this.#wait().then(() => {
        this.#over = true;
        window.dispatchEvent(new Event('load'));
        loaded();
      });
    };
    window.addEventListener('load', onLoad, true);
  }

  async #wait(): Promise<void> {
    const late = new Promise(resolve => setTimeout(resolve, longestMs));
    while (this.#pending.size > 0) {
      const all = Promise.allSettled([...this.#pending]);
      if ((await Promise.race([all, late.then(() => null)])) === null) return;
    }
  }
}
