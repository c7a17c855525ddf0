// Everything before the folder is shown: the invitation to choose it, the steps, and what to do when something is in the way.

import { h, icon, replaceChildren, setText } from './dom.ts';
import type { Flow } from './flow_types.ts';
import { formatElapsed } from './format.ts';
import { kIcons } from './icons.ts';
import { ManualView, type ManualHooks } from './manual_view.ts';
import { StepsView } from './steps_view.ts';
import { actionWords, problemWords, type Action, type Place } from './words.ts';

export interface ConnectHooks extends ManualHooks {
  readonly place: Place;
  readonly deviceName: () => string;
  setDeviceName(name: string): void;
  act(action: Action): void;
}

export const kOneSentence =
  'This page opens the folder on your computer at home, directly from device to device, with nothing but the folder’s own sync to introduce the two.';

export class ConnectView {
  readonly element = h('section', { class: 'connect' });
  readonly #hooks: ConnectHooks;
  readonly #steps = new StepsView();
  readonly #manual: ManualView;
  readonly #live = h('p', { class: 'sr-only', role: 'status', 'aria-live': 'polite' });
  readonly #retry = h('p', { class: 'quiet retry' });
  #layout = '';

  constructor(hooks: ConnectHooks) {
    this.#hooks = hooks;
    this.#manual = new ManualView(hooks);
  }

  update(flow: Flow, now: number, note: string | null): void {
    const layout = [flow.phase, flow.mode, JSON.stringify(flow.problem), flow.folder, this.#hooks.pickerRefused()].join(
      ' ',
    );
    if (layout !== this.#layout) {
      this.#layout = layout;
      this.#rebuild(flow);
    }
    if (!flow.looking) this.#steps.update(flow, now, note);
    if (flow.mode === 'manual') this.#manual.update(flow);
    setText(this.#retry, retryWords(flow, now));
    const active = flow.steps.find(step => step.status === 'active');
    const words = active
      ? this.#steps.element.querySelector(`[data-step=${active.id}] .step-title`)?.textContent
      : flow.phase;
    setText(this.#live, words ?? '');
  }

  #rebuild(flow: Flow): void {
    const hadFocus = this.element.contains(focused(this.element));
    replaceChildren(this.element, this.#heading(flow), this.#body(flow), this.#live, this.#foot(flow));
    const first = this.element.querySelector<HTMLElement>('[data-primary]');
    if (hadFocus || document.activeElement === document.body) first?.focus({ preventScroll: true });
  }

  #heading(flow: Flow): HTMLElement {
    const name = flow.folder ?? this.#hooks.place.name;
    return h(
      'div',
      { class: 'lead' },
      h('h1', null, name === null ? 'Your folder at home' : `${name}, at home`),
      h('p', null, kOneSentence),
    );
  }

  #body(flow: Flow): HTMLElement {
    switch (flow.phase) {
      case 'starting':
        return h('div', { class: 'card' }, h('p', { class: 'quiet' }, 'Looking at what this page remembers…'));
      case 'choose':
        return this.#choose();
      case 'renew':
        return h(
          'div',
          { class: 'card' },
          h(
            'p',
            null,
            'The browser asks again after each start whether this page may use the folder. One click brings it back.',
          ),
          this.#actions(['renew', 'choose', 'forget'], flow),
        );
      case 'problem':
        return this.#problem(flow);
      case 'connecting':
      case 'reconnecting':
      case 'connected':
        return h('div', { class: 'card' }, this.#steps.element, flow.mode === 'manual' && this.#manual.element);
    }
  }

  #choose(): HTMLElement {
    const { place } = this.#hooks;
    const refused = this.#hooks.pickerRefused();
    return h(
      'div',
      { class: 'card drop' },
      h(
        'p',
        null,
        'Choose the synced folder once. The page leaves a small file in ',
        h('code', null, '.owndir/.wrtc-proxy'),
        ' there and finds the answer of your computer at home beside it.',
      ),
      place.folder === null ? null : h('p', { class: 'path' }, icon(kIcons.folder), h('code', null, place.folder)),
      h(
        'div',
        { class: 'actions' },
        h(
          'button',
          { class: 'primary', 'data-primary': true, onclick: () => this.#hooks.act('choose') },
          'Choose folder…',
        ),
        h('span', { class: 'quiet' }, 'or drop it anywhere on this page'),
      ),
      h(
        'p',
        { class: refused ? 'notice' : 'quiet small', role: refused ? 'status' : null },
        refused ? 'No folder was chosen. ' : '',
        'Browsers refuse the home folder, Desktop, Documents and Downloads themselves. If yours is one of them, choose ',
        h('code', null, '.owndir/.wrtc-proxy'),
        ' inside it instead, or drop that here. (In the dialog, Ctrl+H or ⌘⇧. shows hidden folders.)',
      ),
    );
  }

  #problem(flow: Flow): HTMLElement {
    if (!flow.problem) return h('div');
    const words = problemWords(flow.problem, flow, this.#hooks.place);
    const started = flow.steps.some(step => step.status !== 'todo');
    const actions = words.actions.filter(action => flow.canPick || (action !== 'choose' && action !== 'manual'));
    return h(
      'div',
      { class: 'card' },
      started ? this.#steps.element : null,
      h(
        'div',
        { class: 'problem', role: 'alert' },
        h('h2', null, words.title),
        words.text.map(text => h('p', null, text)),
        this.#actions(actions, flow),
        this.#retry,
      ),
    );
  }

  #actions(actions: readonly Action[], flow: Flow): HTMLElement {
    const button = (action: Action, index: number) =>
      h(
        'button',
        { class: index === 0 ? 'primary' : null, 'data-primary': index === 0, onclick: () => this.#hooks.act(action) },
        actionWords(action, flow),
      );
    return h('div', { class: 'actions' }, actions.map(button));
  }

  #foot(flow: Flow): HTMLElement | null {
    if (flow.problem?.kind === 'no-webrtc') return null;
    const name = h('input', {
      type: 'text',
      id: 'device-name',
      maxlength: 64,
      autocomplete: 'off',
      spellcheck: 'false',
      value: this.#hooks.deviceName(),
      onchange: event => this.#hooks.setDeviceName((event.currentTarget as HTMLInputElement).value),
    });
    const link = (action: Action) =>
      h('button', { class: 'link', onclick: () => this.#hooks.act(action) }, actionWords(action, flow));
    const offered = flow.problem ? problemWords(flow.problem, flow, this.#hooks.place).actions : [];
    const idle = flow.phase === 'choose' || flow.phase === 'renew' || flow.phase === 'problem';
    return h(
      'div',
      { class: 'foot' },
      h('div', { class: 'field' }, h('label', { for: 'device-name' }, 'This device is called'), name),
      flow.mode === 'folder' && idle && !offered.includes('manual') ? link('manual') : null,
      flow.mode === 'manual' && flow.canPick ? link('automatic') : null,
      flow.mode === 'folder' && flow.phase === 'connecting' ? link('choose') : null,
      flow.mode === 'folder' && flow.phase === 'connecting' ? link('forget') : null,
    );
  }
}

/** The focused element of the tree that the element is in, be it a shadow root's. */
function focused(element: Element): Element | null {
  const root = element.getRootNode();
  return root instanceof ShadowRoot ? root.activeElement : document.activeElement;
}

function retryWords(flow: Flow, now: number): string {
  if (flow.problem?.kind === 'no-server') return 'Looking again every few seconds.';
  if (flow.phase !== 'problem' || flow.wakeAt === null) return '';
  return `Trying again by itself in ${formatElapsed(Math.max(0, flow.wakeAt - now) + 999)}.`;
}
