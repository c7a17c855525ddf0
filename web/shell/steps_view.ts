// The steps of a connection as a list, with the time each has taken. Updated in place: a screen reader hears a step once.

import { h, setText } from './dom.ts';
import type { Flow, Step } from './flow_types.ts';
import { formatElapsed, formatTook } from './format.ts';
import { stepWords } from './words.ts';

interface Row {
  readonly item: HTMLLIElement;
  readonly title: HTMLElement;
  readonly time: HTMLElement;
  readonly detail: HTMLElement;
  readonly hint: HTMLElement;
}

const kStatusWords = {
  todo: 'to do',
  active: 'under way',
  done: 'done',
  failed: 'failed',
  skipped: 'skipped',
} as const;

export class StepsView {
  readonly element = h('ol', { class: 'steps', 'aria-label': 'Steps of the connection' });
  readonly #rows = new Map<string, Row>();

  update(flow: Flow, now: number, note: string | null): void {
    for (const step of flow.steps) {
      if (step.status === 'skipped') {
        this.#rows.get(step.id)?.item.remove();
        this.#rows.delete(step.id);
        continue;
      }
      this.#updateRow(this.#row(step, flow), step, flow, now, note);
    }
  }

  #row(step: Step, flow: Flow): Row {
    const known = this.#rows.get(step.id);
    if (known) return known;
    const row: Row = {
      item: h('li'),
      title: h('span', { class: 'step-title' }),
      time: h('span', { class: 'step-time' }),
      detail: h('span', { class: 'step-detail' }),
      hint: h('span', { class: 'step-hint' }),
    };
    row.item.append(row.title, row.time, row.detail, row.hint);
    this.#rows.set(step.id, row);
    // In the flow's order, whichever row is made first.
    const order = flow.steps.map(other => other.id);
    const after = order
      .slice(order.indexOf(step.id) + 1)
      .map(id => this.#rows.get(id))
      .find(next => next);
    this.element.insertBefore(row.item, after?.item ?? null);
    return row;
  }

  #updateRow(row: Row, step: Step, flow: Flow, now: number, note: string | null): void {
    const words = stepWords(step, flow, now);
    row.item.dataset.status = step.status;
    row.item.dataset.step = step.id;
    if (step.status === 'active') row.item.setAttribute('aria-current', 'step');
    else row.item.removeAttribute('aria-current');
    row.item.title = kStatusWords[step.status];
    setText(row.title, words.title);
    setText(
      row.detail,
      step.id === 'sync' && step.status === 'active' && note ? `${words.detail} Seen: ${note}.` : words.detail,
    );
    setText(row.hint, words.hint);
    setText(row.time, timeOf(step, now));
  }
}

function timeOf(step: Step, now: number): string {
  if (step.startedAt === null) return '';
  if (step.endedAt !== null) return formatTook(step.endedAt - step.startedAt);
  const elapsed = now - step.startedAt;
  return elapsed < 1000 ? '' : formatElapsed(elapsed);
}
