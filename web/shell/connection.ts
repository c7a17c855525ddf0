// Drives the machine of flow.ts: runs its effects against the ports and feeds back what they report. Owns the running
// attempt; `stop` and a new attempt abort it.

import { Emitter, reportFault } from '../base/emitter.ts';
import { advance, initialFlow } from './flow.ts';
import type { Flow, FlowEffect, FlowEvent, Problem, Server, StepId } from './flow_types.ts';

/** A failure that the person can be told about. */
export class FlowFailure extends Error {
  override readonly name = 'FlowFailure';
  readonly problem: Problem;

  constructor(problem: Problem, cause?: unknown) {
    super(problem.kind, cause === undefined ? undefined : { cause });
    this.problem = problem;
  }
}

/** The offer's validity has passed. */
export class OfferExpired extends Error {
  override readonly name = 'OfferExpired';
}

export interface Ports {
  now(): number;
  /** Makes sure that the folder can be used and has a handshake directory. */
  open(signal: AbortSignal): Promise<void>;
  presence(signal: AbortSignal): Promise<readonly Server[]>;
  /** Makes a new peer and its offer; returns the types of its candidates. */
  offer(iceServers: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
  /** Delivers the offer and waits for the answer; returns the server's name. */
  exchange(mode: Flow['mode'], signal: AbortSignal, onWritten: (file: string) => void): Promise<string>;
  /** Returns when requests can be made; `closed` tells why the connection ended, later. */
  connect(signal: AbortSignal): Promise<{ server: string | null; closed: Promise<string> }>;
  /** Drops the peer of the attempt, connected or not. */
  drop(): void;
  forget(): Promise<void>;
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

const kStepOf = { open: 'folder', presence: 'servers', offer: 'offer', exchange: 'sync', connect: 'connect' } as const;

export class Connection {
  readonly #ports: Ports;
  #flow: Flow = initialFlow();
  #abort = new AbortController();
  readonly changed = new Emitter<Flow>();

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  get flow(): Flow {
    return this.#flow;
  }

  dispatch(event: FlowEvent): void {
    const { state, effects } = advance(this.#flow, event, this.#ports.now());
    const changed = state !== this.#flow;
    this.#flow = state;
    for (const effect of effects) this.#run(effect);
    if (changed) this.changed.emit(state);
  }

  #run(effect: FlowEffect): void {
    switch (effect.do) {
      case 'stop':
        this.#abort.abort(new DOMException('a newer attempt', 'AbortError'));
        this.#abort = new AbortController();
        this.#ports.drop();
        return;
      case 'forget':
        void this.#ports.forget().catch(reportFault);
        return;
      default:
        void this.#attempt(effect, this.#abort.signal);
    }
  }

  async #attempt(effect: Exclude<FlowEffect, { do: 'stop' } | { do: 'forget' }>, signal: AbortSignal): Promise<void> {
    const { attempt } = effect;
    try {
      const event = await this.#perform(effect, signal);
      if (!signal.aborted) this.dispatch(event);
    } catch (error) {
      if (signal.aborted) return;
      if (effect.do === 'wake') return this.dispatch({ type: 'wake', attempt });
      if (error instanceof OfferExpired) return this.dispatch({ type: 'expired', attempt });
      this.dispatch({ type: 'failed', attempt, step: kStepOf[effect.do] satisfies StepId, problem: problemOf(error) });
    }
  }

  async #perform(
    effect: Exclude<FlowEffect, { do: 'stop' } | { do: 'forget' }>,
    signal: AbortSignal,
  ): Promise<FlowEvent> {
    const { attempt } = effect;
    switch (effect.do) {
      case 'open':
        await this.#ports.open(signal);
        return { type: 'opened', attempt };
      case 'presence':
        return { type: 'servers', attempt, servers: await this.#ports.presence(signal) };
      case 'offer':
        return { type: 'offered', attempt, candidates: await this.#ports.offer(effect.iceServers, signal) };
      case 'exchange': {
        const written = (file: string) => {
          if (!signal.aborted) this.dispatch({ type: 'written', attempt, file });
        };
        return { type: 'answered', attempt, server: await this.#ports.exchange(this.#flow.mode, signal, written) };
      }
      case 'connect': {
        const { server, closed } = await this.#ports.connect(signal);
        const lost = (reason: string) => {
          if (!signal.aborted) this.dispatch({ type: 'lost', attempt, reason });
        };
        void closed.then(lost, error => lost(String(error)));
        return server === null ? { type: 'connected', attempt } : { type: 'connected', attempt, server };
      }
      case 'wake':
        await this.#ports.wait(effect.afterMs, signal);
        return { type: 'wake', attempt };
    }
  }
}

function problemOf(error: unknown): Problem {
  if (error instanceof FlowFailure) return error.problem;
  return { kind: 'internal', message: error instanceof Error ? error.message : String(error) };
}
