// A newer site than this page: reloads the page once it can have the new one, or says so.

import { createDirectory, type Backing } from '../fsnode/index.ts';
import { sleep } from '../base/time.ts';
import { judge, kArriving, kNewer, parseLive, type Notice } from './live.ts';
import type { Site } from './site.ts';
import type { Where } from './status.ts';

const kLookEveryMs = 2_000;
const kReloadedKey = 'owndir.reloaded';
const kSitePath = '.owndir/.dist';

export interface UpdateHooks {
  readonly where: () => Where;
  readonly disk: () => Backing | null;
  readonly automatic: () => boolean;
  notify(notice: Notice | null): void;
}

export class Updates {
  readonly #site: Site;
  readonly #page: string;
  readonly #hooks: UpdateHooks;
  #waiting: AbortController | null = null;

  /** `page`: this page's path in the site. */
  constructor(site: Site, page: string, hooks: UpdateHooks) {
    this.#site = site;
    this.#page = page;
    this.#hooks = hooks;
  }

  /** A message of /@/live. */
  hear(text: unknown): void {
    const message = parseLive(text);
    if (!message) return;
    const { newer, notice } = judge(message, this.#site.digest);
    this.#waiting?.abort();
    this.#waiting = null;
    if (!newer) return this.#hooks.notify(notice);
    if (!this.#hooks.automatic() || this.#alreadyTried(message.site)) return this.#hooks.notify(kNewer);
    if (this.#hooks.where() === 'server') return this.#reload(message.site);
    if (this.#hooks.where() === 'static' || !this.#hooks.disk()) return this.#hooks.notify(kNewer);
    this.#hooks.notify(kArriving);
    this.#waiting = new AbortController();
    void this.#await(message.site, this.#waiting.signal).catch(() => undefined);
  }

  /** Until the page on disk is the one of that site: the sync brings file by file, the page itself last or not. */
  async #await(digest: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const disk = this.#hooks.disk();
      const page = disk ? createDirectory(disk).walk(`${kSitePath}/${this.#page}`) : null;
      const text = await page?.text().catch(() => '');
      signal.throwIfAborted();
      if (text?.includes(digest)) return this.#reload(digest);
      await sleep(kLookEveryMs, signal);
    }
  }

  /** A page that was reloaded for that digest and still is another must not do so for ever. */
  #alreadyTried(digest: string): boolean {
    try {
      return sessionStorage.getItem(kReloadedKey) === digest;
    } catch {
      return true;
    }
  }

  #reload(digest: string): void {
    try {
      sessionStorage.setItem(kReloadedKey, digest);
    } catch {
      return this.#hooks.notify(kNewer);
    }
    location.reload();
  }
}
