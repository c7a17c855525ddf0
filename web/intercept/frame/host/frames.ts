// The frames in owndir-frame.html that hold the app's documents: one that is shown, and one that is about to be. They inherit the
// file's policy, whose frame-src is what keeps them from being led to an address: such a navigation ends before anything is
// sent. The file's history entries stand for the app's in the browser's list.

import { kPermissions, kSandbox } from '../sandbox.ts';

export interface FramesEvents {
  /** From the frame that holds the app or is about to. */
  message(frame: HTMLIFrameElement, event: MessageEvent<unknown>): void;
  /** A frame was led to an address, which the policy has refused: it may be an error page now. */
  refused(): void;
  /** The person or `go` went to an entry of that number; null: to before the first. */
  traversed(number: number | null): void;
}

export class Frames {
  readonly #frames = new Set<HTMLIFrameElement>();

  constructor(events: FramesEvents) {
    addEventListener('message', event => {
      for (const frame of this.#frames) if (frame.contentWindow === event.source) events.message(frame, event);
    });
    addEventListener('popstate', ({ state }) => {
      const number = (state as { owndir?: unknown } | null)?.owndir;
      events.traversed(typeof number === 'number' ? number : null);
    });
    document.addEventListener('securitypolicyviolation', () => events.refused());
  }

  /** A new frame with that document; hidden until it is shown. */
  add(source: string): HTMLIFrameElement {
    const frame = document.createElement('iframe');
    frame.setAttribute('sandbox', kSandbox);
    frame.allow = kPermissions;
    frame.style.visibility = 'hidden';
    frame.srcdoc = source;
    this.#frames.add(frame);
    document.body.append(frame);
    return frame;
  }

  show(frame: HTMLIFrameElement): void {
    frame.style.visibility = '';
    if (document.hasFocus()) frame.focus();
  }

  remove(frame: HTMLIFrameElement): void {
    this.#frames.delete(frame);
    frame.remove();
  }

  /** In the browser's list. */
  pushEntry(number: number): void {
    history.pushState({ owndir: number }, '');
  }
  replaceEntry(number: number): void {
    history.replaceState({ owndir: number }, '');
  }
  go(delta: number): void {
    history.go(delta);
  }
}
