// Dedicated workers of an app get a way to the broker: the first message that they are sent carries a port of ours, over which they
// ask for more. `prelude.ts` takes it at the other end: the service worker puts it before scripts that come from the app, and those
// from blobs get it here.

export const kGreeting = 'owndir:port';

/** The blobs that have a URL now. */
const blobs = new Map<string, Blob>();

function rememberBlobs(): void {
  const { createObjectURL, revokeObjectURL } = URL;
  URL.createObjectURL = object => {
    const address = createObjectURL.call(URL, object);
    if (object instanceof Blob) blobs.set(address, object);
    return address;
  };
  URL.revokeObjectURL = address => {
    blobs.delete(address);
    revokeObjectURL.call(URL, address);
  };
}

export function makeWorker(
  Native: typeof Worker,
  prelude: string,
  forward: (port: MessagePort) => void,
): typeof Worker {
  rememberBlobs();
  const withPrelude = (blob: Blob) => {
    const address = URL.createObjectURL(new Blob([prelude, '\n', blob], { type: 'text/javascript' }));
    // The worker has it by then.
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    return address;
  };
  return class extends Native {
    constructor(address: string | URL, options?: WorkerOptions) {
      const blob = blobs.get(String(address));
      super(blob ? withPrelude(blob) : address, options);
      if (!blob && /^(?:blob|data):/.test(String(address))) return;
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = event => event.ports[0] && forward(event.ports[0]);
      this.postMessage(kGreeting, [port2]);
    }
  };
}
