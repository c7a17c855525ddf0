/** A list of listeners for one kind of event. A listener that throws does not keep the others from being called. */
export class Emitter<Event> {
  readonly #listeners = new Set<(event: Event) => void>();

  /** Returns the function that removes the listener. */
  on(listener: (event: Event) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  emit(event: Event): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        reportFault(error);
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}

/** Shows a fault of our own in the console, and as an error event where there is one, without disturbing the caller. */
export function reportFault(error: unknown): void {
  if (typeof reportError === 'function') reportError(error);
  else console.error(error);
}
