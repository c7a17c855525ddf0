// One file: shown where a browser can show it and it fits into memory, else offered as a download. Owns the blob addresses and
// the transfer of the file that is shown; `close` ends both.

import { baseName } from './address.ts';
import { h, icon, replaceChildren, setAttribute, setText } from './dom.ts';
import { formatDate, formatDateLong, formatRemaining, formatSize } from './format.ts';
import { kIcons } from './icons.ts';
import { kShowLimit, kindOf, kindWord, mimeOf, type Kind } from './kinds.ts';
import { loadMediaLibrary } from '../intercept/media/library.ts';
import { collect } from './reader.ts';
import type { FileFacts, Source } from './source.ts';
import { htmlContent, imageContent, mediaContent, mediaStage, pdfContent, textContent } from './preview_content.ts';
import type { Preferences } from './preferences.ts';

export interface PreviewHooks {
  readonly preferences: Preferences;
  download(path: string, size: number | null): void;
  /** Neighbours of the same folder, or null. */
  previous: (() => void) | null;
  next: (() => void) | null;
  up(): void;
}

export class PreviewView {
  readonly element = h('section', { class: 'preview' });
  readonly #source: Source;
  readonly #path: string;
  readonly #facts: FileFacts;
  readonly #hooks: PreviewHooks;
  readonly #abort = new AbortController();
  readonly #stage = h('div', { class: 'stage' });
  readonly #tools = h('div', { class: 'tools' });
  readonly #before: HTMLButtonElement;
  readonly #after: HTMLButtonElement;
  #url: string | null = null;

  constructor(source: Source, path: string, facts: FileFacts, hooks: PreviewHooks) {
    this.#source = source;
    this.#path = path;
    this.#facts = facts;
    this.#hooks = hooks;
    const name = baseName(path);
    this.#before = this.#step('Previous file', 'left', () => hooks.previous?.());
    this.#after = this.#step('Next file', 'right', () => hooks.next?.());
    this.element.setAttribute('aria-label', name);
    replaceChildren(
      this.element,
      h(
        'div',
        { class: 'preview-head' },
        h(
          'div',
          { class: 'preview-title' },
          h('h1', { tabindex: -1, dir: 'auto' }, name),
          h('p', { class: 'quiet' }, this.#factsLine()),
        ),
        this.#tools,
        h('div', { class: 'tools' }, this.#before, this.#after, this.#downloadButton()),
      ),
      this.#stage,
    );
    this.updateNeighbours();
    void this.#show();
  }

  close(): void {
    this.#abort.abort(new DOMException('closed', 'AbortError'));
    for (const media of this.#stage.querySelectorAll('video, audio')) {
      (media as HTMLMediaElement).pause();
      media.removeAttribute('src');
    }
    if (this.#url !== null) URL.revokeObjectURL(this.#url);
    this.#url = null;
  }

  updateNeighbours(): void {
    setAttribute(this.#before, 'disabled', this.#hooks.previous === null);
    setAttribute(this.#after, 'disabled', this.#hooks.next === null);
  }

  focus(): void {
    this.element.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
  }

  key(event: KeyboardEvent): boolean {
    switch (event.key) {
      case 'ArrowLeft':
        this.#hooks.previous?.();
        return this.#hooks.previous !== null;
      case 'ArrowRight':
        this.#hooks.next?.();
        return this.#hooks.next !== null;
      case 'Backspace':
      case 'Escape':
        this.#hooks.up();
        return true;
      case 'd':
        this.#hooks.download(this.#path, this.#facts.size);
        return true;
      default:
        return false;
    }
  }

  get #kind(): Kind {
    return kindOf(this.#facts.mime, baseName(this.#path));
  }

  #factsLine(): HTMLElement {
    const { size, mtime } = this.#facts;
    const date = mtime === null ? null : h('span', { title: formatDateLong(mtime) }, formatDate(mtime, Date.now()));
    return h(
      'span',
      { class: 'facts' },
      h('span', null, kindWord(this.#kind)),
      size === null ? null : h('span', null, formatSize(size)),
      date,
    );
  }

  #step(title: string, name: 'left' | 'right', act: () => void): HTMLButtonElement {
    return h('button', { class: 'icon-button', 'aria-label': title, title, onclick: act }, icon(kIcons[name]));
  }

  #downloadButton(): HTMLButtonElement {
    const start = () => this.#hooks.download(this.#path, this.#facts.size);
    return h('button', { onclick: start, class: 'download' }, icon(kIcons.download), 'Download');
  }

  async #show(): Promise<void> {
    const kind = this.#kind;
    const { size } = this.#facts;
    const limit = kShowLimit[kind];
    const direct =
      kind === 'image' || kind === 'audio' || kind === 'video' ? this.#source.url?.(this.#path) : undefined;
    const { part } = this.#source;
    if ((kind === 'audio' || kind === 'video') && direct === undefined && part)
      return this.#stream(kind, part.bind(this.#source));
    if (kind === 'none') return this.#offer('This kind of file is not shown here.');
    if (kind === 'pdf' && navigator.pdfViewerEnabled === false)
      return this.#offer('This browser shows no PDF inside a page.');
    if (direct === undefined && kind !== 'text' && size !== null && size > limit)
      return this.#offer(
        `${kindWord(kind)} files up to ${formatSize(limit)} are shown here; this one is ${formatSize(size)}.`,
      );
    try {
      if (direct !== undefined) this.#put(kind, direct);
      else await this.#fetchAndPut(kind, limit);
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      this.#failed(error instanceof Error ? error.message : String(error));
    }
  }

  /** A film or sound in parts, while it plays. */
  async #stream(kind: 'audio' | 'video', part: NonNullable<Source['part']>): Promise<void> {
    const { signal } = this.#abort;
    const name = baseName(this.#path);
    let why = `The browser cannot show this ${kindWord(kind).toLowerCase()} file: its format is unknown to it, or the file is damaged.`;
    const { content, media } = mediaStage(kind, name, () => signal.aborted || this.#failed(why));
    replaceChildren(this.#stage, content);
    try {
      const { attachMedia } = await loadMediaLibrary();
      await attachMedia(media, {
        ask: (fields, asked) => part(this.#path, fields, asked),
        place: (_media, source) => (media.src = this.#url = URL.createObjectURL(source)),
        report: error => (why = error.message),
        signal,
      });
    } catch (error) {
      if (signal.aborted) return;
      const { message, kind: reason } = error as Error & { kind?: string };
      if (reason === 'tooLarge') this.#offer(message);
      else this.#failed(message);
    }
  }

  async #fetchAndPut(kind: Kind, limit: number): Promise<void> {
    const cancel = new AbortController();
    const onProgress = this.#progress(() => cancel.abort(new DOMException('cancelled', 'AbortError')));
    const name = baseName(this.#path);
    const mime = mimeOf(this.#facts.mime, name);
    const cut = kind === 'text' && this.#facts.size !== 0;
    const stop = () => cancel.abort(this.#abort.signal.reason);
    this.#abort.signal.addEventListener('abort', stop, { once: true });
    if (this.#abort.signal.aborted) stop();
    let got;
    try {
      got = await collect(this.#source, this.#path, { limit, cut, mime, signal: cancel.signal, onProgress });
    } catch (error) {
      if (cancel.signal.aborted && !this.#abort.signal.aborted) return this.#offer('Cancelled.', true);
      throw error;
    }
    if (kind === 'text' || kind === 'html') {
      const text = await decodeText(got.blob);
      this.#abort.signal.throwIfAborted();
      const shown =
        kind === 'html' ? htmlContent(text, this.#hooks.preferences) : textContent(text, this.#hooks.preferences);
      const note = got.complete
        ? null
        : `Shown: the first ${formatSize(got.blob.size)}${got.size === null ? '' : ` of ${formatSize(got.size)}`}. Download the file for the rest.`;
      replaceChildren(this.#stage, note === null ? null : h('p', { class: 'notice' }, note), shown.content);
      replaceChildren(this.#tools, shown.tools);
      return;
    }
    this.#abort.signal.throwIfAborted();
    this.#url = URL.createObjectURL(got.blob);
    this.#put(kind, this.#url);
  }

  #put(kind: Kind, url: string): void {
    const name = baseName(this.#path);
    const broken = () =>
      this.#failed(
        `The browser cannot show this ${kindWord(kind).toLowerCase()} file: its format is unknown to it, or the file is damaged.`,
      );
    if (kind === 'image') replaceChildren(this.#stage, imageContent(url, name, broken));
    else if (kind === 'pdf') replaceChildren(this.#stage, pdfContent(url, name));
    else replaceChildren(this.#stage, mediaContent(kind === 'video' ? 'video' : 'audio', url, name, broken));
  }

  #progress(cancel: () => void): (progress: { done: number; total: number | null }) => void {
    const bar = h('progress', { 'aria-label': 'Transfer' });
    const text = h('p', { class: 'quiet', role: 'status' });
    const box = h('div', { class: 'loading', hidden: true }, bar, text, h('button', { onclick: cancel }, 'Cancel'));
    replaceChildren(this.#stage, box);
    const started = performance.now();
    // Small files are there before anything would have to be said.
    const timer = setTimeout(() => box.removeAttribute('hidden'), 250);
    this.#abort.signal.addEventListener('abort', () => clearTimeout(timer));
    return ({ done, total }) => {
      if (total !== null) {
        bar.max = Math.max(1, total);
        bar.value = done;
      }
      const left = total === null ? '' : formatRemaining(done, total, performance.now() - started);
      setText(
        text,
        `${formatSize(done)}${total === null ? '' : ` of ${formatSize(total)}`}${left === '' ? '' : `, ${left}`}`,
      );
    };
  }

  #offer(reason: string, again = false): void {
    replaceChildren(
      this.#stage,
      h(
        'div',
        { class: 'instead' },
        icon(kIcons.file, 'icon large'),
        h('p', null, reason),
        h(
          'div',
          { class: 'actions' },
          this.#downloadButton(),
          again ? h('button', { onclick: () => void this.#show() }, 'Show it after all') : null,
        ),
      ),
    );
  }

  #failed(message: string): void {
    replaceChildren(
      this.#stage,
      h(
        'div',
        { class: 'instead', role: 'alert' },
        h('p', null, message),
        h(
          'div',
          { class: 'actions' },
          h('button', { onclick: () => void this.#show() }, 'Try again'),
          this.#downloadButton(),
        ),
      ),
    );
  }
}

/** UTF-8, or UTF-16 where a byte order mark says so. */
async function decodeText(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const mark = bytes.length >= 2 ? ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0) : 0;
  const label = mark === 0xfffe ? 'utf-16le' : mark === 0xfeff ? 'utf-16be' : 'utf-8';
  return new TextDecoder(label).decode(bytes);
}
