// What the parts of the app share.
import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';

const { owndir } = globalThis;

/** "none", "disk" or "live": where the folder is read from just now. */
export function useMode() {
  return useSyncExternalStore(useCallback(listener => owndir.on('mode', listener), []), () => owndir.mode);
}

/** The sentence that says how the folder is reached, or why it is not. */
export function useDetail() {
  return useSyncExternalStore(useCallback(listener => owndir.on('status', listener), []), () => owndir.status.detail);
}

export function useAddress() {
  return useSyncExternalStore(useCallback(listener => owndir.on('address', listener), []), () => owndir.address);
}

/** A value that stays in this browser. */
export function useKept(key, initial) {
  const [value, setValue] = useState(() => {
    try {
      return JSON.parse(localStorage.getItem(key)) ?? initial;
    } catch {
      return initial;
    }
  });
  useEffect(() => {
    try {
      localStorage.setItem(key, JSON.stringify(value));
    } catch {
      // A private window: kept until it closes.
    }
  }, [key, value]);
  return [value, setValue];
}

/** A click that the app answers itself, unless the person wants a new tab. */
export const go = action => event => {
  if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  action();
};

export const report = error => alert(error?.message ?? String(error));

export const isTyping = event => event.target instanceof HTMLElement && event.target.matches('input, textarea, select, [contenteditable]');
