// What the server tells over /@/live about the built site, and what the page does about it. Pure.

export interface LiveMessage {
  /** Digest of the site that the server has; '' for the built-in page. */
  readonly site: string;
  readonly state: 'ok' | 'building' | 'failed' | 'unapproved';
  readonly text: string;
}

const kMaxText = 4_000;

export function parseLive(message: unknown): LiveMessage | null {
  if (typeof message !== 'string') return null;
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { site, state, text } = value as Record<string, unknown>;
  if (typeof site !== 'string') return null;
  if (state !== 'ok' && state !== 'building' && state !== 'failed' && state !== 'unapproved') return null;
  return { site, state, text: typeof text === 'string' ? text.slice(0, kMaxText) : '' };
}

export interface Notice {
  readonly kind: 'failed' | 'unapproved' | 'newer' | 'arriving';
  readonly title: string;
  readonly text: string;
}

export interface LiveOutcome {
  /** There is another site than this page's. */
  readonly newer: boolean;
  readonly notice: Notice | null;
}

export function judge(message: LiveMessage, own: string): LiveOutcome {
  const newer = message.state === 'ok' && own !== '' && message.site !== '' && message.site !== own;
  switch (message.state) {
    case 'ok':
    case 'building':
      return { newer, notice: null };
    case 'failed':
      return {
        newer,
        notice: {
          kind: 'failed',
          title: 'The changed app could not be built; this is the last one that worked.',
          text: message.text,
        },
      };
    case 'unapproved':
      return {
        newer,
        notice: {
          kind: 'unapproved',
          title: 'The app’s code has changed and waits for approval.',
          text: message.text || 'At home, “owndir trust FOLDER” shows what changed and asks.',
        },
      };
  }
}

export const kNewer: Notice = {
  kind: 'newer',
  title: 'A newer version of this app is there.',
  text: 'Reload the page to use it.',
};

export const kArriving: Notice = {
  kind: 'arriving',
  title: 'A newer version of this app is on its way through the sync.',
  text: 'The page reloads by itself when it has arrived.',
};
