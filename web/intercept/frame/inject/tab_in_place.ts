// What `window.open` gives here, where nothing but the frame can show the app: leading it somewhere leads the frame there. Apps open
// an empty tab at a click, so that no browser takes it for a pop-up, and lead it when they know where to.

import { VirtualLocation } from './location.ts';

export function tabInPlace(base: () => string, go: (url: string) => void): Window {
  const location = new VirtualLocation({ url: () => 'about:blank', base, go, reload: () => undefined });
  const nothing = () => undefined;
  const tab = Object.assign(new EventTarget(), {
    ...{ closed: false, name: '', opener: null, focus: nothing, blur: nothing, postMessage: nothing },
    close: () => void (tab.closed = true),
  });
  Object.defineProperty(tab, 'location', {
    enumerable: true,
    get: () => location,
    set: (to: unknown) => void (location.href = String(to)),
  });
  return tab as unknown as Window;
}
