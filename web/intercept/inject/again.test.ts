import { beforeEach, describe, expect, it, vi } from 'vitest';
import { answerSynchronousRequests } from './again.ts';

const asked: string[] = [];

/** What a browser's has of it, answering in its own time. */
class FakeXhr extends EventTarget {
  #state = 0;
  #status = 0;
  #text = '';
  #line = '';
  #fields: string[] = [];
  get readyState(): number {
    return this.#state;
  }
  get status(): number {
    return this.#status;
  }
  get statusText(): string {
    return 'said';
  }
  get responseURL(): string {
    return 'http://app/rpc';
  }
  get responseText(): string {
    return this.#text;
  }
  open(method: string, url: string, async = true): void {
    if (!async) throw new Error('opened as a synchronous one');
    this.#line = `${method} ${url}`;
    this.#fields = [];
    this.#state = 1;
  }
  setRequestHeader(name: string, value: string): void {
    this.#fields.push(`${name}=${value}`);
  }
  overrideMimeType(): void {
    // nothing to do
  }
  send(body: string | null): void {
    asked.push([this.#line, ...this.#fields, body].join(' '));
    queueMicrotask(() => {
      this.#status = this.#fields.length > 0 ? 200 : 409;
      this.#text = `answer to ${body}`;
      this.dispatchEvent(new Event('loadend'));
    });
  }
  getAllResponseHeaders(): string {
    return 'content-type: text/plain\r\nx-token: 7\r\n';
  }
  getResponseHeader(): string | null {
    return null;
  }
}

const kept = new Map<string, string>();
const storage = {
  getItem: (key: string) => kept.get(key) ?? null,
  setItem: (key: string, value: string) => void kept.set(key, value),
  removeItem: (key: string) => void kept.delete(key),
} as unknown as Storage;
const page = { readyState: 'loading' };
vi.stubGlobal('document', page);
vi.stubGlobal('addEventListener', () => undefined);
vi.stubGlobal('ProgressEvent', class extends Event {});

/** One more document at that address, with a class of its own; counts how often it wants to be loaded again. */
function load(here = 'http://app/start') {
  const state = { reloads: 0, Xhr: class extends FakeXhr {} as unknown as typeof XMLHttpRequest };
  answerSynchronousRequests(state.Xhr, {
    ...{ storage, base: () => 'http://app/', here: () => here, reload: () => void (state.reloads += 1) },
    isOwn: url => url.host === 'app',
  });
  return state;
}

function post(Xhr: typeof XMLHttpRequest, body: string, token?: string): XMLHttpRequest {
  const request = new Xhr();
  request.open('POST', '/rpc', false);
  if (token) request.setRequestHeader('X-Token', token);
  request.send(body);
  return request;
}

beforeEach(() => {
  asked.length = 0;
  kept.clear();
  page.readyState = 'loading';
});

describe('synchronous requests of a document that loads', () => {
  it('are asked once each, and answered when the document is loaded again', async () => {
    const first = load();
    expect(() => post(first.Xhr, 'a')).toThrow('loaded again');
    expect(() => post(first.Xhr, 'b')).toThrow('being loaded again');
    await vi.waitFor(() => expect(first.reloads).toBe(1));
    const second = load();
    const request = post(second.Xhr, 'a');
    expect([request.readyState, request.status, request.responseText]).toEqual([4, 409, 'answer to a']);
    expect([request.getResponseHeader('X-Token'), request.getResponseHeader('other')]).toEqual(['7', null]);
    expect(() => post(second.Xhr, 'a', '7')).toThrow('loaded again');
    await vi.waitFor(() => expect(second.reloads).toBe(1));
    const third = load();
    expect([post(third.Xhr, 'a').status, post(third.Xhr, 'a', '7').status]).toEqual([409, 200]);
    expect(asked).toEqual(['POST http://app/rpc a', 'POST http://app/rpc x-token=7 a']);
    expect(kept.size).toBe(0);
  });

  it('are told by events before send returns, and the request can be used again', async () => {
    const { Xhr } = load();
    expect(() => post(Xhr, 'a')).toThrow();
    await vi.waitFor(() => expect(kept.size).toBe(1));
    const told: string[] = [];
    const request = new (load().Xhr)();
    for (const type of ['readystatechange', 'load', 'loadend']) request.addEventListener(type, () => told.push(type));
    request.open('POST', '/rpc', false);
    request.send('a');
    expect(told).toEqual(['readystatechange', 'load', 'loadend']);
    request.open('GET', '/other');
    expect([request.readyState, request.status]).toEqual([1, 0]);
  });

  it('are not answered with what another address asked for', async () => {
    const first = load();
    expect(() => post(first.Xhr, 'a')).toThrow();
    await vi.waitFor(() => expect(first.reloads).toBe(1));
    expect(() => post(load('http://app/other').Xhr, 'a')).toThrow('loaded again');
  });

  it('are refused once it has loaded, and after eight in a row', async () => {
    page.readyState = 'complete';
    expect(() => post(load().Xhr, 'a')).toThrow('owndir connect');
    page.readyState = 'loading';
    for (let count = 0; ; count += 1) {
      const { Xhr } = load();
      for (let at = 0; at < count; at += 1) post(Xhr, `${at}`);
      const last = count === 8;
      expect(() => post(Xhr, `${count}`)).toThrow(last ? 'owndir connect' : 'loaded again');
      if (last) break;
      await vi.waitFor(() => expect(kept.size).toBe(1));
    }
    expect(asked.length).toBe(8);
  });

  it('are left to the browser where they lead elsewhere', () => {
    const { Xhr } = load();
    expect(() => new Xhr().open('GET', 'http://elsewhere/', false)).toThrow('opened as a synchronous one');
  });
});
