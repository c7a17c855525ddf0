// What fills the panel behind the status: the steps of the way home, or a few sentences on the server's own origin.

import { h, replaceChildren, setText } from '../shell/dom.ts';
import { ConnectView } from '../shell/connect_view.ts';
import { newest } from '../shell/flow.ts';
import type { Uplink } from '../shell/uplink.ts';
import { actionWords, stunNames } from '../shell/words.ts';
import type { PanelContent } from './panel.ts';
import type { Status } from './status.ts';

export class UplinkContent implements PanelContent {
  readonly element: HTMLElement;
  readonly #uplink: Uplink;
  readonly #connect: ConnectView;
  readonly #foot = h('div', { class: 'about quiet small' });
  #layout = '';

  constructor(uplink: Uplink) {
    this.#uplink = uplink;
    this.#connect = new ConnectView(uplink);
    this.element = h('div', null, this.#connect.element, this.#foot);
  }

  update(): void {
    const { flow } = this.#uplink;
    this.#connect.update(flow, Date.now(), this.#uplink.note);
    const names = stunNames(newest(flow.servers)?.iceServers ?? []);
    const connected = flow.phase === 'connected';
    const layout = `${connected} ${flow.mode} ${names}`;
    if (layout === this.#layout) return;
    this.#layout = layout;
    if (!connected) return replaceChildren(this.#foot);
    const forget = h(
      'button',
      { class: 'link', onclick: () => this.#uplink.act('forget') },
      actionWords('forget', flow),
    );
    replaceChildren(
      this.#foot,
      h(
        'p',
        null,
        'Directly from device to device, encrypted. ',
        names === '' ? 'No STUN server is used.' : `STUN servers: ${names}`,
      ),
      flow.mode === 'folder' ? h('p', null, forget) : null,
    );
  }
}

export class HostedContent implements PanelContent {
  readonly element = h('div', { class: 'about' });
  readonly #status: () => Status;
  readonly #detail = h('p', null);
  readonly #more = h(
    'p',
    { class: 'quiet small' },
    'This page comes from there, and reads and writes the folder there.',
  );

  constructor(status: () => Status) {
    this.#status = status;
    this.element.append(this.#detail, this.#more);
  }

  update(): void {
    const { detail, tone } = this.#status();
    setText(this.#detail, detail);
    this.#more.hidden = tone !== 'live';
  }
}
