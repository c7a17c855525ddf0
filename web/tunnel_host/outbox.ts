/** Gathers what one task says to another thread: a message costs much more than what is in it. */
export class Outbox<Message> {
  readonly #post: (messages: Message[], transfer: Transferable[]) => void;
  #messages: Message[] = [];
  #transfer: Transferable[] = [];

  constructor(post: (messages: Message[], transfer: Transferable[]) => void) {
    this.#post = post;
  }

  add(message: Message, transfer: readonly Transferable[] = []): void {
    if (this.#messages.length === 0) queueMicrotask(() => this.#flush());
    this.#messages.push(message);
    this.#transfer.push(...transfer);
  }

  #flush(): void {
    const messages = this.#messages;
    const transfer = this.#transfer;
    this.#messages = [];
    this.#transfer = [];
    this.#post(messages, transfer);
  }
}
