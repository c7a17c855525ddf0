// A page and its worker are one program, so that nothing is loaded twice: the worker is started with the program's own text, which
// the build makes known to it (`knowsItself` in worker-plugin.mjs), and takes its part by its name.

/** What the build puts around a program of which one copy runs here. */
declare const owndirProgram: (() => void) | undefined;

const kName = 'owndir-tunnels';

/** This is the worker's copy: it is for `runHostWorker`, and for nothing of the page. */
export const isHostWorker: boolean =
  typeof document === 'undefined' && (globalThis as { readonly name?: unknown }).name === kName;

/** Null where there are no workers from blobs, or the program does not know itself. */
export function startHostWorker(): Worker | null {
  if (typeof owndirProgram !== 'function' || typeof Worker === 'undefined') return null;
  const text = `(${String(owndirProgram)})()`;
  const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
  try {
    return new Worker(url, { name: kName });
  } catch {
    return null;
  }
}
