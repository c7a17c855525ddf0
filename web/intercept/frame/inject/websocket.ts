// WebSocket to the app's own host over the broker. To any other, or where the app's own policy forbids it, it is the browser's
// own, which the document's policy ends at once (1006, as where nobody answers), and tells of it.

import { makeWebSocket } from '../../inject/websocket.ts';
import { appTarget, type Context } from './context.ts';
import { replaceGlobal } from './events.ts';

export function installWebSocket(context: Context): void {
  const target = (url: URL) => (context.policy.forbids('empty') === null ? appTarget(url, context.origin) : null);
  const { base, life } = context;
  replaceGlobal('WebSocket', makeWebSocket(globalThis.WebSocket, { base, target, life, port: () => context.broker }));
  Reflect.deleteProperty(globalThis, 'WebSocketStream');
}
