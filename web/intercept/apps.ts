// The apps of a server as `/@/info` names them, and what a frame with one of them is to the page.

export interface AppInfo {
  /** [a-z0-9-], 32 at most: a label of a host name. */
  readonly name: string;
  readonly title: string;
  /** `tcp`: no pages, only bytes. */
  readonly kind: 'http' | 'tcp';
  /** Nothing is rewritten for it. */
  readonly transparent: boolean;
}

/** An app on the page, whichever way it came there. */
export interface AppFrame {
  /** Loads the document that is shown once more. */
  reload(): void;
  close(): void;
}

const kMost = 256;

export function isAppName(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/.test(value);
}

/** Empty when the server has none, or is older than apps. */
export function appsOf(info: unknown): AppInfo[] {
  const listed = (info as Record<string, unknown> | null)?.apps;
  if (!Array.isArray(listed)) return [];
  const apps: AppInfo[] = [];
  for (const value of (listed as unknown[]).slice(0, kMost)) {
    if (typeof value !== 'object' || value === null) continue;
    const { name, title, kind, transparent } = value as Record<string, unknown>;
    if (!isAppName(name) || (kind !== 'http' && kind !== 'tcp') || apps.some(app => app.name === name)) continue;
    const words = typeof title === 'string' ? title.trim().slice(0, 100) : '';
    apps.push({ name, title: words === '' ? name : words, kind, transparent: transparent === true });
  }
  return apps;
}
