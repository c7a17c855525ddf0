/** The tunnel of the moment, and those who wait for the next one. */
export class CurrentTunnel<Kind> {
  #tunnel: Kind | null = null;
  readonly #waiting = new Set<(tunnel: Kind) => void>();

  set(tunnel: Kind | null): void {
    this.#tunnel = tunnel;
    if (tunnel === null) return;
    for (const resolve of [...this.#waiting]) resolve(tunnel);
  }

  /** It is of the moment no longer. */
  gone(tunnel: Kind): void {
    if (this.#tunnel === tunnel) this.#tunnel = null;
  }

  /** Rejects with an AbortError after an abort. */
  get(signal: AbortSignal): Promise<Kind> {
    if (this.#tunnel !== null) return Promise.resolve(this.#tunnel);
    return new Promise((resolve, reject) => {
      const cancel = () => {
        this.#waiting.delete(take);
        reject(new DOMException('cancelled', 'AbortError'));
      };
      const take = (tunnel: Kind) => {
        this.#waiting.delete(take);
        signal.removeEventListener('abort', cancel);
        resolve(tunnel);
      };
      if (signal.aborted) return cancel();
      signal.addEventListener('abort', cancel, { once: true });
      this.#waiting.add(take);
    });
  }
}
