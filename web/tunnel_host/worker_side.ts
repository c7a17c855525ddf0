// What the worker does for host.ts: holds tunnels and brokers, and a session for whoever asks through a port. Everything is
// gone with the worker.

import { Broker } from '../intercept/broker.ts';
import type { Login } from '../intercept/port.ts';
import { Session } from '../intercept/session.ts';
import type { AskLogin } from '../intercept/sign_in.ts';
import { TunnelClient, type MessageChannel } from '../tunnel/index.ts';
import { backendOf } from './backend.ts';
import { CurrentTunnel } from './current.ts';
import { sessionsOpen } from './limits.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { WorkerPort } from './worker_port.ts';

type Of<Type extends ToWorker['type']> = Extract<ToWorker, { type: Type }>;

interface OpenBroker {
  readonly broker: Broker;
  readonly detach: Map<number, () => void>;
  /** Questions to the person, by their numbers. */
  readonly answers: Map<number, (login: Login | null) => void>;
}

export class WorkerSide {
  readonly #tell: (message: FromWorker, transfer?: Transferable[]) => void;
  readonly #adopt: (channel: RTCDataChannel) => MessageChannel;
  readonly #current = new CurrentTunnel<TunnelClient>();
  readonly #tunnels = new Map<number, TunnelClient>();
  readonly #ports = new Map<number, WorkerPort>();
  readonly #brokers = new Map<number, OpenBroker>();

  constructor(
    tell: (message: FromWorker, transfer?: Transferable[]) => void,
    adopt: (channel: RTCDataChannel) => MessageChannel,
  ) {
    this.#tell = tell;
    this.#adopt = adopt;
  }

  handle(message: ToWorker): void {
    try {
      this.#handle(message);
    } catch (error) {
      // Somebody waits for what was begun.
      this.fault(error, true);
    }
  }

  fault(error: unknown, broken: boolean): void {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#tell({ type: 'fault', message, broken });
  }

  #handle(message: ToWorker): void {
    switch (message.type) {
      case 'tunnel':
        return this.#openTunnel(message);
      case 'message':
        return this.#ports.get(message.id)?.receive(message.message);
      case 'close':
        return this.#tunnels.get(message.id)?.close();
      case 'broker':
        return this.#openBroker(message);
      case 'attach':
        return this.#attach(message);
      case 'detach': {
        const detach = this.#brokers.get(message.id)?.detach;
        detach?.get(message.session)?.();
        detach?.delete(message.session);
        return;
      }
      case 'login':
        this.#brokers.get(message.id)?.answers.get(message.question)?.(message.login);
        return;
      case 'closeBroker':
        this.#brokers.get(message.id)?.broker.close();
        this.#brokers.delete(message.id);
    }
  }

  #openTunnel({ id, channels }: Of<'tunnel'>): void {
    const tunnel = new TunnelClient(channels.map(this.#adopt));
    this.#tunnels.set(id, tunnel);
    const port = new WorkerPort((message, transfer) => this.#tell({ type: 'message', id, message }, transfer));
    this.#ports.set(id, port);
    const over = () => {
      this.#ports.delete(id);
      this.#tell({ type: 'over', id });
      tunnel.close();
    };
    const session = new Session(backendOf(tunnel), port, { open: sessionsOpen, uncopied: true, over });
    const ready = () => {
      this.#current.set(tunnel);
      this.#tell({ type: 'ready', id });
    };
    // Why it was not is what `closed` tells.
    tunnel.ready.then(ready, () => undefined);
    void tunnel.closed.then(({ code, message, repeatable, status }) => {
      this.#current.gone(tunnel);
      this.#tunnels.delete(id);
      this.#tell({ type: 'closed', id, fault: { code, message, repeatable, status } });
      session.retire();
    });
  }

  #openBroker({ id, identity, cookies }: Of<'broker'>): void {
    const answers: OpenBroker['answers'] = new Map();
    let questions = 0;
    const askLogin: AskLogin = (challenge, signal) =>
      new Promise(resolve => {
        const question = ++questions;
        const unask = () => {
          answers.delete(question);
          this.#tell({ type: 'unasked', id, question });
          resolve(null);
        };
        signal.addEventListener('abort', unask, { once: true });
        answers.set(question, login => {
          answers.delete(question);
          signal.removeEventListener('abort', unask);
          resolve(login);
        });
        this.#tell({ type: 'challenge', id, question, challenge });
      });
    const broker = new Broker({
      ...identity,
      askLogin,
      connected: signal => this.#current.get(signal),
      keep: { load: () => cookies, save: kept => this.#tell({ type: 'cookies', id, cookies: kept }) },
    });
    this.#brokers.set(id, { broker, detach: new Map(), answers });
  }

  #attach({ id, session, port }: Of<'attach'>): void {
    const open = this.#brokers.get(id);
    if (open) open.detach.set(session, open.broker.attach(port));
    else port.close();
  }
}
