// The elements that show a file's content. A web page of the folder is shown in a sandbox without scripts and without our
// origin, so it can reach neither this page nor the folder.

import { h, replaceChildren, setAttribute } from './dom.ts';
import type { Preferences } from './preferences.ts';

export interface Shown {
  readonly content: HTMLElement;
  readonly tools: readonly HTMLElement[];
}

export function imageContent(url: string, name: string, broken: () => void): HTMLElement {
  const image = h('img', { src: url, alt: name, decoding: 'async', onerror: broken });
  const frame = h(
    'button',
    { class: 'picture', 'aria-label': 'Switch between fitted and full size', 'aria-pressed': 'false' },
    image,
  );
  frame.addEventListener('click', () => {
    const full = frame.classList.toggle('full');
    frame.setAttribute('aria-pressed', String(full));
  });
  return frame;
}

export function mediaContent(tag: 'audio' | 'video', url: string, name: string, broken: () => void): HTMLElement {
  const { content, media } = mediaStage(tag, name, broken);
  media.src = url;
  return content;
}

/** For one that gets its source later. */
export function mediaStage(
  tag: 'audio' | 'video',
  name: string,
  broken: () => void,
): { content: HTMLElement; media: HTMLMediaElement } {
  const media = h(tag, { controls: true, preload: 'metadata', 'aria-label': name, onerror: broken });
  return { content: h('div', { class: `media ${tag}` }, media), media };
}

export function pdfContent(url: string, name: string): HTMLElement {
  return h('iframe', { class: 'document', src: `${url}#view=FitH`, title: name });
}

/** A text of many lines is cut into blocks, so that the browser lays out only those that are in view. */
const kBlockLines = 400;

export function textContent(text: string, preferences: Preferences): Shown {
  const pre = h('pre', { tabindex: 0, 'aria-label': 'Content of the file' });
  if (text === '') return { content: h('p', { class: 'empty' }, 'The file is empty.'), tools: [] };
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  for (let at = 0; at < lines.length; at += kBlockLines)
    pre.append(h('span', { class: 'block' }, lines.slice(at, at + kBlockLines).join('')));
  const apply = () => pre.classList.toggle('wrap', preferences.wrap);
  const box = h('input', { type: 'checkbox', id: 'wrap-lines' });
  box.checked = preferences.wrap;
  box.addEventListener('change', () => {
    preferences.wrap = box.checked;
    apply();
  });
  apply();
  return {
    content: pre,
    tools: [h('label', { class: 'toggle', for: 'wrap-lines' }, box, h('span', null, 'Wrap lines'))],
  };
}

export function htmlContent(text: string, preferences: Preferences): Shown {
  const frame = h('iframe', {
    class: 'document paper',
    sandbox: '',
    referrerpolicy: 'no-referrer',
    title: 'The web page, without its scripts',
  });
  frame.srcdoc = text;
  const page = h(
    'div',
    { class: 'html' },
    h('p', { class: 'quiet small' }, 'Shown without its scripts and without the files it refers to.'),
    frame,
  );
  const source = textContent(text, preferences);
  const content = h('div', null, page);
  const show = (asSource: boolean) => {
    replaceChildren(content, asSource ? source.content : page);
    setAttribute(pageButton, 'aria-pressed', asSource ? 'false' : 'true');
    setAttribute(sourceButton, 'aria-pressed', asSource ? 'true' : 'false');
    for (const tool of source.tools) setAttribute(tool, 'hidden', !asSource);
  };
  const pageButton = h('button', { onclick: () => show(false) }, 'Page');
  const sourceButton = h('button', { onclick: () => show(true) }, 'Source');
  show(false);
  return {
    content,
    tools: [
      ...source.tools,
      h('div', { class: 'switch', role: 'group', 'aria-label': 'Show as' }, pageButton, sourceButton),
    ],
  };
}
