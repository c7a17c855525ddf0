// `onNAME` beside addEventListener, for the classes that stand for the browser's.

type Handler = ((event: Event) => unknown) | null;

const handlers = new WeakMap<EventTarget, Map<string, { handler: Handler; listener: (event: Event) => void }>>();

function get(target: EventTarget, name: string): Handler {
  return handlers.get(target)?.get(name)?.handler ?? null;
}

function set(target: EventTarget, name: string, value: unknown): void {
  const all = handlers.get(target) ?? new Map<string, { handler: Handler; listener: (event: Event) => void }>();
  handlers.set(target, all);
  const handler = typeof value === 'function' ? (value as Handler) : null;
  const known = all.get(name);
  if (known && handler) {
    known.handler = handler;
    return;
  }
  if (known) {
    target.removeEventListener(name, known.listener);
    all.delete(name);
  }
  if (!handler) return;
  const entry = {
    handler: handler as Handler,
    listener: (event: Event) => {
      if (entry.handler?.call(target, event) === false) event.preventDefault();
    },
  };
  all.set(name, entry);
  target.addEventListener(name, entry.listener);
}

export function defineHandlers(prototype: object, names: readonly string[]): void {
  for (const name of names)
    Object.defineProperty(prototype, `on${name}`, {
      configurable: true,
      enumerable: true,
      get(this: EventTarget) {
        return get(this, name);
      },
      set(this: EventTarget, value: unknown) {
        set(this, name, value);
      },
    });
}

export function defineConstants(constructor: { prototype: object }, values: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(values))
    for (const object of [constructor, constructor.prototype])
      Object.defineProperty(object, name, { value, enumerable: true });
}

/** The class under the browser's name. */
export function replaceGlobal(name: string, value: unknown): void {
  if (typeof value === 'function') Object.defineProperty(value, 'name', { value: name, configurable: true });
  if (typeof value === 'function' && typeof value.prototype === 'object' && value.prototype !== null)
    Object.defineProperty(value.prototype, Symbol.toStringTag, { value: name, configurable: true });
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true, enumerable: false });
}
