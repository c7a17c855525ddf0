// The home folder through the tunnel. A request waits for the connection where there is none, so links keep working while the
// page reconnects.

import { TunnelError, type Tunnel, type TunnelResponse } from '../tunnel/index.ts';
import type { AskPart, PartAnswer } from '../intercept/media/ranges.ts';
import { parseListing, type Listing } from './listing_model.ts';
import {
  SourceError,
  errorOfStatus,
  factsOf,
  openedOf,
  rangeFields,
  type FileFacts,
  type Opened,
  type Range,
  type Source,
} from './source.ts';

const kListingBytes = 48 * 1024 * 1024;

/** The connection of the moment; resolves when there is one. */
export type Connected = (signal: AbortSignal) => Promise<Tunnel>;

export class TunnelSource implements Source {
  readonly comesBack = true;
  readonly #connected: Connected;

  constructor(connected: Connected) {
    this.#connected = connected;
  }

  async list(path: string, signal: AbortSignal): Promise<Listing> {
    const response = await this.#fetch('GET', `/@/list${path}`, [['accept', 'application/json']], signal);
    if (response.status !== 200) {
      void response.body?.cancel().catch(() => undefined);
      throw errorOfStatus(response.status);
    }
    return parseListing(path, await response.json(kListingBytes));
  }

  async facts(path: string, signal: AbortSignal): Promise<FileFacts> {
    return factsOf(path, await this.#fetch('HEAD', path, [], signal));
  }

  async open(path: string, range: Range | null, signal: AbortSignal): Promise<Opened> {
    const response = await this.#fetch('GET', path, rangeFields(range), signal);
    return openedOf(response, response.body, range);
  }

  async part(path: string, ...[fields, signal]: Parameters<AskPart>): Promise<PartAnswer> {
    const asked = fields.map(([name, value]): [string, string] => [name, value]);
    const response = await this.#fetch('GET', path, asked, signal);
    return { status: response.status, field: name => response.header(name), body: response.body };
  }

  /** A request that the other end did not answer because the connection broke is asked again over the next one. */
  async #fetch(
    method: string,
    target: string,
    fields: [string, string][],
    signal: AbortSignal,
  ): Promise<TunnelResponse> {
    for (let tries = 1; ; tries += 1) {
      const tunnel = await this.#connected(signal);
      try {
        return await tunnel.fetch({ method, target, fields }, { signal });
      } catch (error) {
        if (signal.aborted) throw error;
        if (!(error instanceof TunnelError)) throw error;
        const again = error.code === 'closed' || error.repeatable;
        if (!again || tries >= 5) throw new SourceError('lost', `The request broke off: ${error.message}`, error);
        // The page learns of the end of a connection a moment later than the request does.
        await Promise.race([tunnel.closed, new Promise(resolve => setTimeout(resolve, 500 * tries))]);
      }
    }
  }
}
