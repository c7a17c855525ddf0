/** A promise with its handles. One that nobody waits for does not count as an unhandled rejection. */
export class Deferred<Value> {
  readonly promise: Promise<Value>;
  resolve!: (value: Value | PromiseLike<Value>) => void;
  reject!: (error: Error) => void;

  constructor() {
    this.promise = new Promise<Value>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.promise.catch(() => undefined);
  }
}
