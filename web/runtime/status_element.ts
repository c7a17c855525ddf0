// <owndir-status>: a dot and a few words, and a button that leads to the connection. An app may place it in its own layout;
// without one the runtime shows it in the corner.

import { Emitter } from '../base/emitter.ts';
import { h, setAttribute, setText } from '../shell/dom.ts';
import { fillShadow } from './shadow.ts';
import type { Status } from './status.ts';

/** What all of them show, and where their clicks go. */
export class StatusModel {
  #status: Status | null = null;
  readonly changed = new Emitter<Status>();
  readonly clicked = new Emitter<Status>();
  /** Elements that the app has placed. */
  #placed = 0;
  readonly placement = new Emitter<number>();

  get status(): Status | null {
    return this.#status;
  }

  set(status: Status): void {
    const before = this.#status;
    if (before?.text === status.text && before.detail === status.detail && before.action === status.action) return;
    this.#status = status;
    this.changed.emit(status);
  }

  placed(change: 1 | -1): void {
    this.#placed += change;
    this.placement.emit(this.#placed);
  }
}

export function defineStatusElement(model: StatusModel): void {
  class StatusElement extends HTMLElement {
    readonly #words = h('span', { class: 'words' });
    readonly #button = h('button', { class: 'badge', type: 'button', onclick: () => this.#click() }, this.#words);
    /** Told when the state changes, not each second. */
    readonly #told = h('span', { class: 'sr-only', role: 'status' });
    #off: (() => void) | null = null;
    #state = '';

    connectedCallback(): void {
      if (!this.shadowRoot) fillShadow(this, this.#button, this.#told);
      if (!this.hasAttribute('floating')) model.placed(1);
      this.#off = model.changed.on(status => this.#show(status));
      if (model.status) this.#show(model.status);
    }

    disconnectedCallback(): void {
      this.#off?.();
      this.#off = null;
      if (!this.hasAttribute('floating')) model.placed(-1);
    }

    #click(): void {
      if (model.status) model.clicked.emit(model.status);
    }

    #show(status: Status): void {
      setText(this.#words, status.text);
      setAttribute(this.#button, 'data-tone', status.tone);
      setAttribute(this.#button, 'title', status.detail);
      setAttribute(this.#button, 'aria-haspopup', status.action === 'panel' ? 'dialog' : null);
      const state = `${status.tone} ${status.text.replace(/ \d.*/, '')}`;
      if (this.#state !== state) setText(this.#told, status.text);
      this.#state = state;
    }
  }
  if (!customElements.get('owndir-status')) customElements.define('owndir-status', StatusElement);
}
