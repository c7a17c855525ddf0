// What owndir-frame.html and the script in an app's document say to each other over a MessagePort of their own, beside the one to the
// broker (../port.ts). The document is hostile: what comes from it is parsed here; it trusts its shell.

/** The first message of a new document, to its parent; the answer brings the two ports. */
export const kHello = 'owndir-hello';
export const kWelcome = 'owndir-welcome';

export interface Submission {
  readonly bytes: Blob;
  readonly type: string;
}

export interface Target {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly body: Submission | null;
}

export interface Navigation extends Target {
  readonly replace: boolean;
  /** Where it comes from, for Referer. */
  readonly referrer: string;
  /** Past caches. */
  readonly reload: boolean;
}

export type Entries = readonly (readonly [key: string, value: string])[];

/** What a new document begins with. */
export interface Welcome {
  readonly type: typeof kWelcome;
  /** https://NAME.owndir.invalid */
  readonly origin: string;
  readonly navigation: Navigation;
  /** history.state and .length. */
  readonly state: unknown;
  readonly historyLength: number;
  readonly local: Entries;
  readonly session: Entries;
  /** The script itself, for frames and workers in the document. */
  readonly source: string;
  /** In a frame of another document of the app. */
  readonly nested: boolean;
  /** The document itself, where it is no answer but text of the one around it. */
  readonly html?: string | null;
  /** Of the document around it, which such text inherits. */
  readonly policy?: string;
}

export type Area = 'local' | 'session';

export type Stored =
  | { readonly type: 'store'; readonly area: Area; readonly key: string; readonly value: string | null }
  | { readonly type: 'clear'; readonly area: Area };

/** For a shared worker; a port comes along. */
export interface SharedWorkerAsk {
  readonly type: 'share';
  readonly url: string;
  readonly name: string;
  readonly module: boolean;
  /** Of a blob, which nobody else can read. */
  readonly text: string | null;
  /** Of the document, for such a worker. */
  readonly policy: string;
}

export type FromDocument =
  | { readonly type: 'navigate'; readonly navigation: Navigation }
  /** The answer is here and becomes the document at this address. */
  | { readonly type: 'commit'; readonly url: string }
  /** The answer is no document: what was there stays. */
  | { readonly type: 'stay' }
  | { readonly type: 'push' | 'replace'; readonly url: string; readonly state: unknown }
  | { readonly type: 'go'; readonly delta: number }
  | { readonly type: 'title'; readonly title: string }
  | Stored
  | SharedWorkerAsk
  | { readonly type: 'external'; readonly url: string }
  | { readonly type: 'pong' }
  /** The document's load event. */
  | { readonly type: 'loaded' }
  /** Brings a port for another client of the broker. */
  | { readonly type: 'client' }
  /** Brings a port that wants the text of the media library. */
  | { readonly type: 'media' };

export type ToDocument =
  /** The person or history.go went to another entry of the same document. */
  | { readonly type: 'pop'; readonly url: string; readonly state: unknown; readonly length: number }
  | { readonly type: 'length'; readonly length: number }
  /** Asks for a pong. */
  | { readonly type: 'ping' };

export const controlLimits = {
  url: 16 * 1024,
  title: 1024,
  key: 64 * 1024,
  value: 5 * 1024 * 1024,
  script: 16 * 1024 * 1024,
  /** Of a form that is sent. */
  submission: 2 * 1024 * 1024 * 1024,
} as const;

type Unknown = Readonly<Record<string, unknown>>;

const isText = (value: unknown, max: number): value is string => typeof value === 'string' && value.length <= max;
const isArea = (value: unknown): value is Area => value === 'local' || value === 'session';

/** An address of the app, without credentials. */
export function isAppUrl(value: unknown, origin: string): value is string {
  return isText(value, controlLimits.url) && value.startsWith(`${origin}/`) && URL.canParse(value);
}

function parseNavigation(value: unknown, origin: string): Navigation | null {
  if (typeof value !== 'object' || value === null) return null;
  const { url, method, body, replace, referrer, reload } = value as Unknown;
  if (!isAppUrl(url, origin) || !isText(referrer, controlLimits.url)) return null;
  const submission = parseSubmission(body);
  if (submission === undefined) return null;
  const post = method === 'POST';
  return {
    ...{ url, method: post ? 'POST' : 'GET', body: post ? submission : null },
    ...{ replace: replace === true, referrer, reload: reload === true },
  };
}

/** Undefined: it is none. */
function parseSubmission(value: unknown): Submission | null | undefined {
  if (value === null || value === undefined) return null;
  const { bytes, type } = value as Unknown;
  if (!(bytes instanceof Blob) || bytes.size > controlLimits.submission || !isText(type, 1024)) return undefined;
  return { bytes, type };
}

/** Null when it is none of ours. */
export function parseFromDocument(data: unknown, origin: string): FromDocument | null {
  if (typeof data !== 'object' || data === null) return null;
  const message = data as Unknown;
  const { type, url, state } = message;
  switch (type) {
    case 'navigate': {
      const navigation = parseNavigation(message.navigation, origin);
      return navigation && { type, navigation };
    }
    case 'commit':
      return isAppUrl(url, origin) ? { type, url } : null;
    case 'push':
    case 'replace':
      return isAppUrl(url, origin) ? { type, url, state } : null;
    case 'stay':
    case 'client':
    case 'media':
    case 'pong':
    case 'loaded':
      return { type };
    case 'go':
      return Number.isInteger(message.delta) ? { type, delta: message.delta as number } : null;
    case 'title':
      return typeof message.title === 'string' ? { type, title: message.title.slice(0, controlLimits.title) } : null;
    case 'share':
      return parseShare(message, origin);
    case 'external':
      return isOutside(url) ? { type, url } : null;
    default:
      return parseStored(data);
  }
}

function parseShare({ url, name, module, text, policy }: Unknown, origin: string): SharedWorkerAsk | null {
  if (!isAppUrl(url, origin) || !isText(name, controlLimits.title) || !isText(policy, controlLimits.key)) return null;
  if (text !== null && !isText(text, controlLimits.script)) return null;
  return { type: 'share', url, name, module: module === true, text, policy };
}

export function parseStored(data: object): Stored | null {
  const { type, area, key, value } = data as Unknown;
  if (!isArea(area)) return null;
  if (type === 'clear') return { type, area };
  const fits = value === null || isText(value, controlLimits.value);
  return type === 'store' && isText(key, controlLimits.key) && fits ? { type, area, key, value } : null;
}

/** An address that a person's click may open in a tab of its own. */
export function isOutside(url: unknown): url is string {
  return isText(url, controlLimits.url) && /^(?:https?|mailto|tel):/.test(url);
}
