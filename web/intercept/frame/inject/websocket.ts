// WebSocket (../../inject/websocket.ts) where nothing but the app can be reached.

import { makeWebSocket } from '../../inject/websocket.ts';
import { appTarget, isForbidden, type Context } from './context.ts';
import { replaceGlobal } from './events.ts';

export function installWebSocket(context: Context): void {
  const shim = makeWebSocket(globalThis.WebSocket, {
    base: () => context.base(),
    target: url => {
      const target = appTarget(url, context.origin);
      return target === null || isForbidden(context, url) ? null : target;
    },
    port: () => context.broker,
    elsewhere: url => {
      if (appTarget(url, context.origin) === null)
        console.warn(`WebSocket: ${url.origin} is not part of this app and cannot be reached from a page on disk.`);
      return null;
    },
    life: context.life,
  });
  replaceGlobal('WebSocket', shim);
  Reflect.deleteProperty(globalThis, 'WebSocketStream');
}
