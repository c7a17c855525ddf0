// Downloads of whole files, streamed to disk where the browser can, else collected in memory up to a limit. Each has its row
// with progress and a way to cancel; a transfer that breaks off is taken up again where it was.

import { baseName } from './address.ts';
import { h, icon, setText } from './dom.ts';
import { formatRemaining, formatSize } from './format.ts';
import { kIcons } from './icons.ts';
import { kBlobDownloadLimit } from './kinds.ts';
import { SourceReader, inPieces } from './reader.ts';
import { SourceError, type Source } from './source.ts';

const kDiskPiece = 1024 * 1024;

interface Row {
  readonly element: HTMLElement;
  progress(done: number, total: number | null): void;
  end(text: string, failed: boolean): void;
}

export class Downloads {
  readonly element = h('aside', { class: 'transfers', 'aria-label': 'Downloads' });
  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
  }

  /** Call from a click: the browser's save dialog wants one. */
  async start(path: string, size: number | null): Promise<void> {
    const name = baseName(path);
    const direct = this.#source.url?.(path);
    if (direct !== undefined) return saveUrl(name, direct);
    const abort = new AbortController();
    let file: FileSystemFileHandle | null = null;
    if (window.showSaveFilePicker) {
      try {
        file = await window.showSaveFilePicker({ suggestedName: name });
      } catch (error) {
        if (error instanceof DOMException && error.name === 'AbortError') return;
      }
    }
    const row = this.#row(name, abort);
    try {
      const reader = new SourceReader(this.#source, path, abort.signal);
      if (file) await toDisk(reader, file, row);
      else await toBlob(reader, name, size, row);
      row.end(`Saved, ${formatSize(reader.done)}.`, false);
    } catch (error) {
      row.end(
        abort.signal.aborted ? 'Cancelled.' : error instanceof Error ? error.message : String(error),
        !abort.signal.aborted,
      );
    }
  }

  #row(name: string, abort: AbortController): Row {
    const started = performance.now();
    const bar = h('progress', { 'aria-label': `Download of ${name}` });
    const text = h('span', { class: 'quiet', role: 'status' }, 'Waiting for the first bytes…');
    const button = h(
      'button',
      { class: 'icon-button', 'aria-label': `Cancel the download of ${name}`, title: 'Cancel' },
      icon(kIcons.close),
    );
    const element = h('div', { class: 'transfer' }, h('strong', { dir: 'auto' }, name), button, bar, text);
    let over = false;
    button.addEventListener('click', () => (over ? element.remove() : abort.abort()));
    this.element.append(element);
    return {
      element,
      progress: (done, total) => {
        if (total !== null) {
          bar.max = Math.max(1, total);
          bar.value = done;
        }
        const elapsed = performance.now() - started;
        const rate = elapsed > 500 ? `, ${formatSize((done / elapsed) * 1000)}/s` : '';
        const left = total === null ? '' : formatRemaining(done, total, elapsed);
        setText(
          text,
          `${formatSize(done)}${total === null ? '' : ` of ${formatSize(total)}`}${rate}${left === '' ? '' : `, ${left}`}`,
        );
      },
      end: (words, failed) => {
        over = true;
        bar.remove();
        setText(text, words);
        element.classList.toggle('failed', failed);
        button.setAttribute('aria-label', `Dismiss ${name}`);
        button.title = 'Dismiss';
        if (!failed) setTimeout(() => element.remove(), 8_000);
      },
    };
  }
}

async function toDisk(reader: SourceReader, file: FileSystemFileHandle, row: Row): Promise<void> {
  const out = await file.createWritable();
  try {
    for await (const piece of inPieces(reader.pieces(), kDiskPiece)) {
      await out.write(piece);
      row.progress(reader.done, reader.size);
    }
    await out.close();
  } catch (error) {
    // The browser then leaves the file as it was before.
    await out.abort().catch(() => undefined);
    throw error;
  }
}

async function toBlob(reader: SourceReader, name: string, size: number | null, row: Row): Promise<void> {
  const tooLarge = () =>
    new SourceError(
      'unreadable',
      `This browser can save at most ${formatSize(kBlobDownloadLimit)} from here. Use Chrome or Edge, or “owndir connect” in a terminal.`,
    );
  if (size !== null && size > kBlobDownloadLimit) throw tooLarge();
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of reader.pieces()) {
    pieces.push(piece);
    if (reader.done > kBlobDownloadLimit) throw tooLarge();
    row.progress(reader.done, reader.size);
  }
  const url = URL.createObjectURL(new Blob(pieces, { type: reader.mime || 'application/octet-stream' }));
  saveUrl(name, url);
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function saveUrl(name: string, url: string): void {
  const link = h('a', { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}
