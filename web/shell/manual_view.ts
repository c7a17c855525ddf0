// Where the browser has no file access, or the person wants it so: the person carries the two files, by download and open or by copy and paste.

import { h, icon, replaceChildren, setText } from './dom.ts';
import type { Flow } from './flow_types.ts';
import { kIcons } from './icons.ts';
import { manualWords, type Place } from './words.ts';

export interface ManualHooks {
  readonly place: Place;
  /** The last visit to the picker ended without a folder. */
  pickerRefused(): boolean;
  /** The offer to carry, once it is there. */
  offerText(): { name: string; text: string; client: string; offer: string } | null;
  /** Returns why the text is no server's record, or null. */
  submitServer(text: string | null): string | null;
  /** Returns why the text is not the answer, or null. */
  submitAnswer(text: string): string | null;
}

const kMaxFile = 64 * 1024;

export class ManualView {
  readonly element = h('div', { class: 'manual' });
  readonly #hooks: ManualHooks;
  #shown = '';

  constructor(hooks: ManualHooks) {
    this.#hooks = hooks;
  }

  update(flow: Flow): void {
    const active = flow.steps.find(step => step.status === 'active')?.id ?? '';
    const offer = this.#hooks.offerText();
    const shown = `${active} ${offer?.name ?? ''}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    if (active === 'servers') replaceChildren(this.element, this.#servers(flow.canPick));
    else if (active === 'sync' && offer) replaceChildren(this.element, this.#save(offer), this.#open(offer));
    else replaceChildren(this.element);
  }

  #directory(): string {
    const folder = this.#hooks.place.folder ?? 'FOLDER';
    return `${folder.replace(/\/$/, '')}/.owndir/.wrtc-proxy/`;
  }

  #servers(canPick: boolean): HTMLElement {
    const error = h('p', { class: 'notice', role: 'alert' });
    return h(
      'section',
      { class: 'task' },
      h('h2', null, 'Show this page the server’s record'),
      h('p', null, `${manualWords(canPick)} First, open the newest `, h('code', null, 'server-….json'), ' in'),
      this.#pathRow(this.#directory()),
      h(
        'p',
        { class: 'quiet small' },
        'It names the STUN servers that find a way between two networks. Without it, the page finds the server on the same network only.',
      ),
      this.#input('the server’s record', 'server-….json', text => this.#tell(error, this.#hooks.submitServer(text))),
      error,
      h(
        'div',
        { class: 'actions' },
        h('button', { onclick: () => void this.#hooks.submitServer(null) }, 'Skip: both are on the same network'),
      ),
    );
  }

  #save(offer: { name: string; text: string }): HTMLElement {
    const copied = h('span', { class: 'quiet', role: 'status' });
    const copy = () => {
      copyText(offer.text).then(
        () => setText(copied, 'Copied.'),
        () => setText(copied, 'The browser did not allow copying.'),
      );
    };
    return h(
      'section',
      { class: 'task' },
      h('h2', null, '1. Save this file into the folder'),
      h('p', null, 'It is called ', h('code', null, offer.name), ' and must keep that name. It belongs into'),
      this.#pathRow(this.#directory()),
      h(
        'div',
        { class: 'actions' },
        h(
          'button',
          { class: 'primary', 'data-primary': true, onclick: () => saveText(offer.name, offer.text) },
          icon(kIcons.download),
          'Save the offer file',
        ),
        h('button', { onclick: copy }, icon(kIcons.copy), 'Copy its text'),
        copied,
      ),
    );
  }

  #open(offer: { client: string; offer: string }): HTMLElement {
    const error = h('p', { class: 'notice', role: 'alert' });
    return h(
      'section',
      { class: 'task' },
      h('h2', null, '2. Open the answer'),
      h(
        'p',
        null,
        'When the sync has brought it, a file appears beside it whose name begins with ',
        h('code', null, `answer-${offer.client}-${offer.offer}-`),
        '. Open it here, or drop or paste it. With several, take the one with the largest number at the end.',
      ),
      this.#input('the answer', 'answer-….json', text => this.#tell(error, this.#hooks.submitAnswer(text))),
      error,
    );
  }

  #tell(error: HTMLElement, problem: string | null): void {
    setText(error, problem ?? '');
  }

  #pathRow(path: string): HTMLElement {
    const state = h('span', { class: 'quiet', role: 'status' });
    const copy = () =>
      copyText(path).then(
        () => setText(state, 'Copied.'),
        () => setText(state, 'Not copied.'),
      );
    return h(
      'p',
      { class: 'path' },
      icon(kIcons.folder),
      h('code', null, path),
      h(
        'button',
        { class: 'icon-button', 'aria-label': 'Copy the path', title: 'Copy the path', onclick: () => void copy() },
        icon(kIcons.copy),
      ),
      state,
    );
  }

  #input(what: string, example: string, take: (text: string) => void): HTMLElement {
    const area = h('textarea', {
      rows: 3,
      spellcheck: 'false',
      'aria-label': `Text of ${what}`,
      placeholder: `Paste the text of ${example} here`,
      oninput: event => {
        const { value } = event.currentTarget as HTMLTextAreaElement;
        if (value.trim().endsWith('}')) take(value);
      },
    });
    const readFile = (file: File | undefined) => {
      if (!file) return;
      if (file.size > kMaxFile) return take('');
      void file.text().then(take, () => take(''));
    };
    const chooser = h('input', {
      type: 'file',
      accept: '.json,application/json',
      class: 'sr-only',
      id: `file-${example.slice(0, 6)}`,
      onchange: event => {
        const input = event.currentTarget as HTMLInputElement;
        readFile(input.files?.[0]);
        input.value = '';
      },
    });
    return h(
      'div',
      {
        class: 'carry',
        ondragover: event => event.preventDefault(),
        ondrop: event => {
          event.preventDefault();
          event.stopPropagation();
          readFile(event.dataTransfer?.files[0]);
        },
      },
      chooser,
      h('label', { class: 'button', for: chooser.id }, `Open ${example}`),
      area,
    );
  }
}

async function copyText(text: string): Promise<void> {
  await navigator.clipboard.writeText(text);
}

function saveText(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  const link = h('a', { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
