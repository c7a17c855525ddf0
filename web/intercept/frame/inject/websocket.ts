// WebSocket to the app's own host over the broker. To any other it is the browser's own, which the document's policy ends at once
// (1006, as where nobody answers).

import { makeWebSocket } from '../../inject/websocket.ts';
import { appTarget, isForbidden, type Context } from './context.ts';
import { replaceGlobal } from './events.ts';

export function installWebSocket(context: Context): void {
  const target = (url: URL) => (isForbidden(context, url) ? null : appTarget(url, context.origin));
  const { base, life } = context;
  replaceGlobal('WebSocket', makeWebSocket(globalThis.WebSocket, { base, target, life, port: () => context.broker }));
  Reflect.deleteProperty(globalThis, 'WebSocketStream');
}
