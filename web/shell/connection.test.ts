import { describe, expect, it } from 'vitest';
import { Connection, FlowFailure, OfferExpired, type Ports } from './connection.ts';
import type { Server } from './flow_types.ts';

const home: Server = { name: 'home', up: true, created: 0, everyS: 3600, iceServers: ['stun:a'] };

/** Ports whose every call is answered by hand. */
class HandPorts implements Ports {
  readonly calls: string[] = [];
  readonly pending: {
    name: string;
    resolve: (value: unknown) => void;
    reject: (error: unknown) => void;
    signal: AbortSignal;
  }[] = [];
  drops = 0;
  closed: (reason: string) => void = () => undefined;
  written: ((file: string) => void) | null = null;

  #call<T>(name: string, signal: AbortSignal): Promise<T> {
    this.calls.push(name);
    return new Promise<unknown>((resolve, reject) =>
      this.pending.push({ name, resolve, reject, signal }),
    ) as Promise<T>;
  }
  now = () => 0;
  open = (signal: AbortSignal) => this.#call<void>('open', signal);
  presence = (signal: AbortSignal) => this.#call<readonly Server[]>('presence', signal);
  offer = (ice: readonly string[], signal: AbortSignal) => this.#call<readonly string[]>(`offer ${ice.join()}`, signal);
  exchange = (mode: string, signal: AbortSignal, onWritten: (file: string) => void) => {
    this.written = onWritten;
    return this.#call<string>(`exchange ${mode}`, signal);
  };
  connect = (signal: AbortSignal) => this.#call<{ server: string | null; closed: Promise<string> }>('connect', signal);
  wait = (ms: number, signal: AbortSignal) => this.#call<void>(`wait ${ms}`, signal);
  drop = () => void (this.drops += 1);
  forget = () => this.#call<void>('forget', new AbortController().signal);

  async answer(value?: unknown): Promise<void> {
    this.pending.pop()?.resolve(value);
    await new Promise(resolve => setTimeout(resolve));
  }
  async fail(error: unknown): Promise<void> {
    this.pending.pop()?.reject(error);
    await new Promise(resolve => setTimeout(resolve));
  }
}

async function toSync(): Promise<{ ports: HandPorts; connection: Connection }> {
  const ports = new HandPorts();
  const connection = new Connection(ports);
  connection.dispatch({ type: 'started', canPick: true, hasPeer: true, remembered: { name: 'Photos', granted: true } });
  await ports.answer();
  await ports.answer([home]);
  await ports.answer(['host']);
  return { ports, connection };
}

describe('the driver of a connection', () => {
  it('runs one port after the other and reports the end', async () => {
    const { ports, connection } = await toSync();
    ports.written?.('offer.json');
    expect(connection.flow.offerFile).toBe('offer.json');
    await ports.answer('home');
    await ports.answer({ server: null, closed: new Promise<string>(resolve => (ports.closed = resolve)) });
    expect(ports.calls).toEqual(['open', 'presence', 'offer stun:a', 'exchange folder', 'connect']);
    expect(connection.flow).toMatchObject({ phase: 'connected', server: 'home' });
    ports.closed('no sign of life');
    await new Promise(resolve => setTimeout(resolve));
    expect(connection.flow).toMatchObject({ phase: 'reconnecting', lost: { reason: 'no sign of life' } });
    expect(ports.calls.at(-1)).toBe('wait 1000');
  });

  it('writes a new offer when one expires', async () => {
    const { ports, connection } = await toSync();
    await ports.fail(new OfferExpired());
    expect(connection.flow.attempt).toBe(2);
    expect(ports.calls.at(-1)).toBe('open');
  });

  it('tells a person’s problem from a fault of ours', async () => {
    const { ports, connection } = await toSync();
    await ports.fail(new FlowFailure({ kind: 'write-failed', message: 'full' }));
    expect(connection.flow.problem).toEqual({ kind: 'write-failed', message: 'full' });
    connection.dispatch({ type: 'retry' });
    await ports.fail(new TypeError('oops'));
    expect(connection.flow.problem).toEqual({ kind: 'internal', message: 'oops' });
  });

  it('aborts and ignores what an attempt still does when the person starts anew', async () => {
    const { ports, connection } = await toSync();
    const exchange = ports.pending.at(-1);
    const drops = ports.drops;
    connection.dispatch({ type: 'forget' });
    expect(exchange?.signal.aborted).toBe(true);
    expect(ports.drops).toBe(drops + 1);
    exchange?.resolve('home');
    ports.written?.('late.json');
    await new Promise(resolve => setTimeout(resolve));
    expect(connection.flow).toMatchObject({ phase: 'choose', offerFile: null });
  });
});
