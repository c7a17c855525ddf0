// The keys, in a dialog.

import { h } from './dom.ts';

const kKeys: readonly (readonly [readonly string[], string])[] = [
  [['↑', '↓'], 'Move through the list'],
  [['Enter'], 'Open'],
  [['Backspace'], 'One folder up'],
  [['/'], 'Filter by name; Esc clears'],
  [['Home', 'End'], 'First and last entry'],
  [['←', '→'], 'Previous and next file, when one is shown'],
  [['d'], 'Download the file that is shown'],
  [['?'], 'These keys'],
];

let dialog: HTMLDialogElement | null = null;

export function toggleHelp(): void {
  dialog ??= build();
  if (dialog.open) dialog.close();
  else dialog.showModal();
}

function build(): HTMLDialogElement {
  const rows = kKeys.map(([keys, what]) => [
    h(
      'dt',
      null,
      keys.map(key => h('kbd', null, key)),
    ),
    h('dd', null, what),
  ]);
  const close = h('button', { class: 'primary', onclick: () => dialog?.close() }, 'Close');
  const made = h(
    'dialog',
    { class: 'help', 'aria-labelledby': 'help-title' },
    h('h2', { id: 'help-title' }, 'Keys'),
    h('dl', null, rows),
    h('div', { class: 'actions' }, close),
  );
  made.addEventListener('click', event => {
    if (event.target === made) made.close();
  });
  document.body.append(made);
  return made;
}
