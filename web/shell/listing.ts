// Directory pages of the localhost server: the server has rendered a table that works by itself; this makes it the same view
// as on the page from disk.

import { h, icon, replaceChildren } from './dom.ts';
import { Explorer } from './explorer.ts';
import { toggleHelp } from './help.ts';
import { HttpSource } from './http_source.ts';
import { kIcons } from './icons.ts';
import type { Listing } from './listing_model.ts';
import { PagePlace } from './place.ts';
import { mark } from './mark.ts';

/** Whose folder this is: this computer's, or another's that `owndir connect` has brought here. */
function stateOf(server: string | null): HTMLElement {
  if (server === null) return h('span', { class: 'state', 'data-state': 'local' }, 'On this computer');
  return h(
    'span',
    {
      class: 'state',
      'data-state': 'on',
      title: `This is the folder on “${server}”. It comes directly from there, over an encrypted channel.`,
    },
    h('span', { class: 'state-name' }, `On “${server}”`),
    h('span', { class: 'state-to' }, 'over the channel'),
  );
}

async function start(main: HTMLElement): Promise<void> {
  const path = main.dataset.owndirListing ?? '/';
  const source = new HttpSource();
  let first: Listing;
  try {
    first = await source.list(path, new AbortController().signal);
  } catch {
    // The table of the server stays.
    return;
  }
  // The first folder above is the root; at the root the heading has its name.
  const name = (document.querySelector('nav a') ?? document.querySelector('h1'))?.textContent ?? 'Folder';
  const explorer = new Explorer({ source, place: new PagePlace(path), rootName: () => name, first });
  const help = h(
    'button',
    { class: 'icon-button', 'aria-label': 'Keys', title: 'Keys (?)', onclick: toggleHelp },
    icon(kIcons.help),
  );
  const top = h(
    'header',
    { class: 'top' },
    h('a', { class: 'brand', href: '/' }, mark(), h('span', null, name)),
    stateOf(source.server),
    help,
  );
  // The style of the page without script would disturb these views.
  for (const link of document.querySelectorAll<HTMLLinkElement>('link[href*="/directory"]')) link.disabled = true;
  replaceChildren(document.body, top, explorer.element);
  explorer.start();
}

const main = document.querySelector<HTMLElement>('[data-owndir-listing]');
if (main) void start(main);
