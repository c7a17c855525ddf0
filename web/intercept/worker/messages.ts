// The few messages around the ports: between the page, the bootstrap document beside the app's frame, its service worker and its
// documents. Each says `owndir` and what it is.

export type Note =
  /** Bootstrap to page: the worker serves, and the app begins at this URL. */
  | { readonly owndir: 'serving'; readonly app: string; readonly start: string }
  /** Bootstrap to page: it will not. */
  | { readonly owndir: 'failed'; readonly app: string; readonly message: string }
  /** Worker to its windows: it has no port (any more). */
  | { readonly owndir: 'wanted'; readonly app: string }
  /** Document or bootstrap to page, with one end of a channel: to be given to the broker. */
  | { readonly owndir: 'port'; readonly app: string }
  /** Bootstrap to worker, with the other end. */
  | { readonly owndir: 'serve'; readonly app: string }
  /** Worker to bootstrap: it has that port, and the page answers at its other end. */
  | { readonly owndir: 'served'; readonly app: string }
  /** Page to bootstrap to worker: keeps the worker from going to sleep while answers stream. */
  | { readonly owndir: 'tick' }
  /** Document to page: where it is, for the frame's head. */
  | { readonly owndir: 'at'; readonly app: string; readonly title: string; readonly target: string }
  /** Document to page: this path of the app in another tab. */
  | { readonly owndir: 'open'; readonly app: string; readonly target: string };

const kinds = ['serving', 'failed', 'wanted', 'port', 'serve', 'served', 'tick', 'at', 'open'];
const kLongest = 20_000;

/** Null when it is none of ours. */
export function noteOf(data: unknown): Note | null {
  if (typeof data !== 'object' || data === null) return null;
  const values = Object.values(data);
  if (!kinds.includes((data as { owndir?: unknown }).owndir as string)) return null;
  if (values.length > 4 || values.some(value => typeof value !== 'string' || value.length > kLongest)) return null;
  const { owndir, app, start, message, title, target } = data as Record<string, string>;
  const has = (...texts: unknown[]) => texts.every(text => typeof text === 'string');
  if (owndir === 'tick') return { owndir };
  if (app === undefined) return null;
  if (owndir === 'serving') return has(start) ? { owndir, app, start: start ?? '' } : null;
  if (owndir === 'failed') return has(message) ? { owndir, app, message: message ?? '' } : null;
  if (owndir === 'at') return has(title, target) ? { owndir, app, title: title ?? '', target: target ?? '' } : null;
  if (owndir === 'open') return has(target) ? { owndir, app, target: target ?? '' } : null;
  return { owndir: owndir as 'wanted' | 'port' | 'serve' | 'served', app };
}
