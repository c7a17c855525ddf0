// The dedicated worker behind host.ts: tunnels and brokers away from the page's thread, which may be busy.

import { Broker } from '../intercept/broker.ts';
import { Session } from '../intercept/session.ts';
import { fromDataChannel, TunnelClient } from '../tunnel/index.ts';
import { backendOf } from './backend.ts';
import { CurrentTunnel } from './current.ts';
import { sessionsOpen } from './limits.ts';
import type { FromWorker, ToWorker } from './messages.ts';

interface OpenBroker {
  readonly broker: Broker;
  readonly detach: Map<number, () => void>;
}

const current = new CurrentTunnel<TunnelClient>();
const tunnels = new Map<number, TunnelClient>();
const brokers = new Map<number, OpenBroker>();

const tell = (message: FromWorker): void => self.postMessage(message);

function fault(error: unknown, broken: boolean): void {
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  tell({ type: 'fault', message, broken });
}

function openTunnel({ id, channels, port }: Extract<ToWorker, { type: 'tunnel' }>): void {
  const tunnel = new TunnelClient(channels.map(fromDataChannel));
  tunnels.set(id, tunnel);
  const session = new Session(backendOf(tunnel), port, { open: sessionsOpen, over: () => tunnel.close() });
  const ready = () => {
    current.set(tunnel);
    tell({ type: 'ready', id });
  };
  // Why it was not is what `closed` tells.
  tunnel.ready.then(ready, () => undefined);
  void tunnel.closed.then(error => {
    current.gone(tunnel);
    tunnels.delete(id);
    const { code, message, repeatable, status } = error;
    tell({ type: 'closed', id, fault: { code, message, repeatable, status } });
    session.retire();
  });
}

function openBroker({ id, identity, cookies }: Extract<ToWorker, { type: 'broker' }>): void {
  const broker = new Broker({
    ...identity,
    connected: signal => current.get(signal),
    keep: { load: () => cookies, save: kept => tell({ type: 'cookies', id, cookies: kept }) },
  });
  brokers.set(id, { broker, detach: new Map() });
}

function attach({ id, session, port }: Extract<ToWorker, { type: 'attach' }>): void {
  const open = brokers.get(id);
  if (open) open.detach.set(session, open.broker.attach(port));
  else port.close();
}

function handle(data: ToWorker): void {
  switch (data.type) {
    case 'tunnel':
      return openTunnel(data);
    case 'close':
      return tunnels.get(data.id)?.close();
    case 'broker':
      return openBroker(data);
    case 'attach':
      return attach(data);
    case 'detach': {
      const detach = brokers.get(data.id)?.detach;
      detach?.get(data.session)?.();
      detach?.delete(data.session);
      return;
    }
    case 'closeBroker':
      brokers.get(data.id)?.broker.close();
      brokers.delete(data.id);
  }
}

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  try {
    handle(data);
  } catch (error) {
    // Somebody waits for what was begun.
    fault(error, true);
  }
};
// A page hears of a worker's errors, but not of its unhandled rejections.
self.addEventListener('unhandledrejection', ({ reason }) => fault(reason, false));
self.onmessageerror = () => fault('a message could not be read', true);
tell({ type: 'up', able: typeof RTCDataChannel === 'function' });
