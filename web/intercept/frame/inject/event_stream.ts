// The text/event-stream format (HTML, server-sent events), in pieces as they come.

export interface StreamEvent {
  readonly type: string;
  readonly data: string;
  readonly lastEventId: string;
}

/** Characters that one event may gather. */
const maxEvent = 16 * 1024 * 1024;

export class EventStreamParser {
  #rest = '';
  #data: string[] = [];
  #size = 0;
  #type = '';
  #id: string;
  /** What the stream asks for, in milliseconds. */
  retry: number | null = null;
  #first = true;

  constructor(lastEventId: string) {
    this.#id = lastEventId;
  }

  get lastEventId(): string {
    return this.#id;
  }

  push(text: string): StreamEvent[] {
    let all = this.#rest + text;
    if (this.#first && all.length > 0) {
      this.#first = false;
      if (all.startsWith('\ufeff')) all = all.slice(1);
    }
    const events: StreamEvent[] = [];
    let at = 0;
    const end = /\r\n|\n|\r/g;
    for (let match = end.exec(all); match; match = end.exec(all)) {
      // A CR at the end may be half of a CRLF.
      if (match[0] === '\r' && end.lastIndex === all.length) break;
      this.#line(all.slice(at, match.index), events);
      at = end.lastIndex;
    }
    this.#rest = all.slice(at);
    if (this.#rest.length + this.#size > maxEvent) throw new RangeError('The event is too large.');
    return events;
  }

  #line(line: string, events: StreamEvent[]): void {
    if (line === '') return this.#dispatch(events);
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line.startsWith(' ', colon + 1) ? colon + 2 : colon + 1);
    if (name === 'data') {
      this.#data.push(value);
      this.#size += value.length;
    } else if (name === 'event') this.#type = value;
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) this.retry = Number(value);
  }

  #dispatch(events: StreamEvent[]): void {
    const data = this.#data;
    const type = this.#type === '' ? 'message' : this.#type;
    this.#data = [];
    this.#size = 0;
    this.#type = '';
    if (data.length > 0) events.push({ type, data: data.join('\n'), lastEventId: this.#id });
  }
}
