// The localhost origin: the browser fetches by itself.

import { decodeName } from './address.ts';
import { parseListing, type Listing } from './listing_model.ts';
import {
  SourceError,
  errorOfStatus,
  factsOf,
  openedOf,
  rangeFields,
  type FileFacts,
  type Head,
  type Opened,
  type Range,
  type Source,
} from './source.ts';

const kMaxName = 80;

function headOf(response: Response): Head {
  return { status: response.status, header: name => response.headers.get(name) };
}

/** The name of the other computer whose folder this is, when the answer came from `owndir connect`; else null. */
export function serverOf(response: Response): string | null {
  const name = response.headers.get('owndir-server');
  return name ? decodeName(name).slice(0, kMaxName) : null;
}

export class HttpSource implements Source {
  readonly comesBack = false;
  /** Whose folder the last listing was: see serverOf. */
  server: string | null = null;

  async list(path: string, signal: AbortSignal): Promise<Listing> {
    const response = await this.#fetch('GET', `/@/list${path}`, [], signal);
    this.server = serverOf(response);
    if (response.status !== 200) throw errorOfStatus(response.status);
    return parseListing(path, await response.json());
  }

  async facts(path: string, signal: AbortSignal): Promise<FileFacts> {
    const response = await this.#fetch('HEAD', path, [], signal);
    const led = new URL(response.url, location.href).pathname;
    if (response.redirected && led === `${path}/`) return { mime: '', size: null, mtime: null, directory: led };
    return factsOf(path, headOf(response));
  }

  async open(path: string, range: Range | null, signal: AbortSignal): Promise<Opened> {
    const response = await this.#fetch('GET', path, rangeFields(range), signal);
    return openedOf(headOf(response), response.body, range);
  }

  url(path: string): string {
    return path;
  }

  async #fetch(method: string, path: string, headers: [string, string][], signal: AbortSignal): Promise<Response> {
    try {
      return await fetch(path, { method, headers, signal, cache: 'no-cache' });
    } catch (error) {
      if (signal.aborted) throw error;
      throw new SourceError('lost', 'The server does not answer. Is owndir still running?', error);
    }
  }
}
