// What the runtime shows over an app when it must: the connection's steps in a dialog, the invitation to open the folder, and
// notices about the built site.

import { h, icon, replaceChildren, setText } from '../shell/dom.ts';
import { kIcons } from '../shell/icons.ts';
import type { Action } from '../shell/words.ts';
import type { Notice } from './live.ts';
import { fillShadow } from './shadow.ts';
import type { Invitation, Status } from './status.ts';

export interface PanelHooks {
  act(action: Action): void;
  reload(): void;
}

/** What fills the dialog. */
export interface PanelContent {
  readonly element: HTMLElement;
  /** Called about twice a second while the dialog is open. */
  update(): void;
}

export class Panel {
  readonly #hooks: PanelHooks;
  readonly #host = document.createElement('owndir-panel');
  readonly #invitation = h('section', { hidden: true, role: 'status', 'aria-label': 'Open the folder' });
  readonly #notice = h('section', { hidden: true, role: 'status' });
  readonly #title = h('span', null);
  readonly #dialog = h('dialog', { 'aria-label': 'Connection' });
  #content: PanelContent | null = null;
  #shownInvitation = '';
  #dismissed = '';
  #shownNotice = '';

  constructor(hooks: PanelHooks) {
    this.#hooks = hooks;
  }

  mount(content: PanelContent): void {
    this.#content = content;
    const close = h(
      'button',
      { class: 'icon-button', 'aria-label': 'Close', title: 'Close (Esc)', onclick: () => this.close() },
      icon(kIcons.close),
    );
    this.#dialog.append(h('div', { class: 'panel-head' }, this.#title, close), content.element);
    this.#dialog.addEventListener('click', event => {
      if (event.target === this.#dialog) this.close();
    });
    fillShadow(this.#host, h('div', { class: 'cards' }, this.#notice, this.#invitation), this.#dialog);
    document.documentElement.append(this.#host);
  }

  get isOpen(): boolean {
    return this.#dialog.open;
  }

  open(): void {
    if (this.#dialog.open) return;
    this.#content?.update();
    this.#dialog.showModal();
  }

  close(): void {
    this.#dialog.close();
  }

  update(status: Status): void {
    if (!this.#dialog.open) return;
    setText(this.#title, status.text);
    this.#content?.update();
  }

  invite(invitation: Invitation | null): void {
    const layout = invitation ? `${invitation.button?.label ?? ''} ${invitation.text}` : '';
    if (layout === this.#shownInvitation) return;
    this.#shownInvitation = layout;
    this.#invitation.hidden = !invitation || this.#dismissed === layout;
    if (!invitation) return;
    const { button, text } = invitation;
    const dismiss = () => {
      this.#dismissed = layout;
      this.#invitation.hidden = true;
    };
    replaceChildren(
      this.#invitation,
      h('p', null, text),
      button && h('button', { class: 'primary', onclick: () => this.#hooks.act(button.action) }, button.label),
      button && h('button', { class: 'link', onclick: () => this.open() }, 'More…'),
      h(
        'button',
        { class: 'icon-button', 'aria-label': 'Not now', title: 'Not now', onclick: dismiss },
        icon(kIcons.close),
      ),
    );
  }

  notify(notice: Notice | null): void {
    const layout = notice ? `${notice.kind} ${notice.title} ${notice.text}` : '';
    if (layout === this.#shownNotice) return;
    this.#shownNotice = layout;
    this.#notice.hidden = !notice;
    if (!notice) return;
    this.#notice.dataset.kind = notice.kind;
    const hide = () => (this.#notice.hidden = true);
    replaceChildren(
      this.#notice,
      h('p', null, notice.title),
      notice.kind === 'newer' ? h('button', { onclick: () => this.#hooks.reload() }, 'Reload') : null,
      h('button', { class: 'icon-button', 'aria-label': 'Hide', title: 'Hide', onclick: hide }, icon(kIcons.close)),
      notice.text === '' ? null : h('div', { class: 'text' }, notice.text),
    );
  }
}
