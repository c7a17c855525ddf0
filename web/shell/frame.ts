// What stands around the views: the head with the state of the connection, the banner while it is away, and which view is
// shown. Once the folder has been shown it stays, whatever happens to the connection.

import { ConnectView, type ConnectHooks } from './connect_view.ts';
import { h, icon, replaceChildren, setAttribute, setText } from './dom.ts';
import type { Flow } from './flow_types.ts';
import type { Explorer } from './explorer.ts';
import { toggleHelp } from './help.ts';
import { kIcons } from './icons.ts';
import { mark } from './mark.ts';
import { newest } from './flow.ts';
import { actionWords, bannerWords, problemWords, stunNames, type Action } from './words.ts';

export class Frame {
  readonly #hooks: ConnectHooks;
  readonly #explorer: Pick<Explorer, 'element'>;
  readonly #connect: ConnectView;
  readonly #name = h('span', { dir: 'auto' });
  readonly #state = h('span', { class: 'state', role: 'status' });
  readonly #foot = h('footer', { class: 'page-foot', hidden: true });
  #footLayout = '';
  readonly #help = h(
    'button',
    { class: 'icon-button', 'aria-label': 'Keys', title: 'Keys (?)', onclick: toggleHelp },
    icon(kIcons.help),
  );
  readonly #bannerText = h('p', { role: 'status', 'aria-live': 'polite' });
  readonly #bannerActions = h('div', { class: 'actions' });
  readonly #banner = h('div', { class: 'banner', hidden: true }, this.#bannerText, this.#bannerActions);
  #bannerLayout = '';
  #showSteps = false;

  constructor(explorer: Pick<Explorer, 'element'>, hooks: ConnectHooks) {
    this.#explorer = explorer;
    this.#hooks = hooks;
    this.#connect = new ConnectView(hooks);
  }

  mount(name: string): void {
    setText(this.#name, name);
    const top = h(
      'header',
      { class: 'top' },
      h('a', { class: 'brand', href: '#/' }, mark(), this.#name),
      this.#state,
      this.#help,
    );
    replaceChildren(document.body, top, this.#banner, this.#connect.element, this.#explorer.element, this.#foot);
  }

  update(flow: Flow, now: number, note: string | null, name: string): void {
    document.documentElement.dataset.phase = flow.phase;
    document.documentElement.dataset.mode = flow.mode;
    setText(this.#name, name);
    this.#connect.update(flow, now, note);
    const away = flow.everConnected && flow.phase !== 'connected';
    // By hand, reconnecting needs the person: the steps are shown without being asked for.
    const steps = !flow.everConnected || (away && (this.#showSteps || flow.mode === 'manual'));
    setAttribute(this.#connect.element, 'hidden', !steps);
    setAttribute(this.#explorer.element, 'hidden', !flow.everConnected);
    setAttribute(this.#help, 'hidden', !flow.everConnected);
    setAttribute(this.#foot, 'hidden', !flow.everConnected);
    this.#updateFoot(flow);
    this.#updateState(flow);
    this.#updateBanner(flow, now, away);
    if (!flow.everConnected) document.title = titleOf(flow, name);
  }

  #updateFoot(flow: Flow): void {
    const names = stunNames(newest(flow.servers)?.iceServers ?? []);
    const layout = `${flow.mode} ${names}`;
    if (layout === this.#footLayout) return;
    this.#footLayout = layout;
    const forget = h(
      'button',
      { class: 'link', onclick: () => this.#hooks.act('forget') },
      actionWords('forget', flow),
    );
    const stun = names === '' ? 'No STUN server is used.' : `STUN servers: ${names}`;
    replaceChildren(
      this.#foot,
      h('span', null, 'Directly from device to device, encrypted.'),
      h('span', null, stun),
      flow.mode === 'folder' ? forget : null,
    );
  }

  #updateState(flow: Flow): void {
    const connected = flow.phase === 'connected';
    const busy = flow.phase === 'connecting' || flow.phase === 'reconnecting';
    this.#state.dataset.state = connected ? 'on' : busy ? 'busy' : 'off';
    const words = connected
      ? 'Connected'
      : flow.phase === 'reconnecting'
        ? 'Reconnecting'
        : busy
          ? 'Connecting'
          : 'Not connected';
    const to = connected ? ` to ${flow.server ?? 'home'}` : '';
    if (this.#state.textContent === words + to) return;
    replaceChildren(this.#state, words, h('span', { class: 'state-to' }, to));
  }

  #updateBanner(flow: Flow, now: number, away: boolean): void {
    setAttribute(this.#banner, 'hidden', !away);
    if (!away) {
      this.#showSteps = false;
      this.#bannerLayout = '';
      return;
    }
    setText(this.#bannerText, bannerWords(flow, now));
    const layout = `${flow.phase} ${flow.problem?.kind ?? ''} ${flow.wakeAt !== null} ${this.#showSteps}`;
    if (layout === this.#bannerLayout) return;
    this.#bannerLayout = layout;
    replaceChildren(this.#bannerActions, this.#bannerButtons(flow));
  }

  #bannerButtons(flow: Flow): HTMLElement[] {
    const act = (action: Action) => h('button', { onclick: () => this.#hooks.act(action) }, actionWords(action, flow));
    const buttons: HTMLElement[] = [];
    const first = flow.problem
      ? problemWords(flow.problem, flow, this.#hooks.place).actions[0]
      : flow.wakeAt !== null
        ? 'retry'
        : null;
    if (first) buttons.push(act(first));
    if (flow.mode === 'folder') {
      const toggle = () => {
        this.#showSteps = !this.#showSteps;
        setAttribute(this.#connect.element, 'hidden', !this.#showSteps);
        this.#bannerLayout = '';
        replaceChildren(this.#bannerActions, this.#bannerButtons(flow));
      };
      buttons.push(
        h(
          'button',
          { 'aria-expanded': String(this.#showSteps), onclick: toggle },
          this.#showSteps ? 'Hide the steps' : 'Show the steps',
        ),
      );
    }
    return buttons;
  }
}

function titleOf(flow: Flow, name: string): string {
  const waiting = flow.phase === 'connecting' ? 'Connecting… · ' : flow.phase === 'problem' ? 'Needs you · ' : '';
  return `${waiting}${name}`;
}
