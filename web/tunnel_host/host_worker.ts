// The dedicated worker behind host.ts.

import { fromDataChannel } from '../tunnel/index.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { Outbox } from './outbox.ts';
import { WorkerSide } from './worker_side.ts';

/** Lives as long as the worker. */
export function runHostWorker(): void {
  const outbox = new Outbox<FromWorker>((messages, transfer) => self.postMessage(messages, { transfer }));
  const tell = (message: FromWorker, transfer?: Transferable[]): void => outbox.add(message, transfer);
  const side = new WorkerSide(tell, fromDataChannel);
  self.onmessage = ({ data }: MessageEvent<ToWorker>) => side.handle(data);
  self.onmessageerror = () => side.fault('a message could not be read', true);
  // A page hears of a worker's errors, but not of its unhandled rejections.
  self.addEventListener('unhandledrejection', ({ reason }) => side.fault(reason, false));
  tell({ type: 'up', able: typeof RTCDataChannel === 'function' });
}
