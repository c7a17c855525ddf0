// Which address an image shows: of its srcset or its picture's sources (HTML, images), decided by the size of the screen.

import { hidden } from './html.ts';
import { native } from './natives.ts';

export interface Candidate {
  readonly url: string;
  /** In pixels; null when it has a density. */
  readonly width: number | null;
  readonly density: number;
}

export function parseSrcset(text: string): Candidate[] {
  const candidates: Candidate[] = [];
  for (const [, address = '', words = ''] of text.matchAll(
    /[\s,]*(\S*[^\s,])(?:\s+([^,(]*(?:\([^)]*\)[^,(]*)*))?\s*(?:,|$)/g,
  )) {
    const width = /(?:^|\s)(\d+)w/.exec(words)?.[1];
    const density = /(?:^|\s)([\d.]+)x/.exec(words)?.[1];
    candidates.push({
      url: address,
      width: width === undefined ? null : Number(width),
      density: density === undefined ? 1 : Number(density),
    });
  }
  return candidates;
}

/** The smallest that is sharp enough, or the largest. */
export function choose(candidates: readonly Candidate[], shownWidth: number, ratio: number): string | null {
  const dense = candidates
    .map(({ url, width, density }) => ({ url, density: width === null ? density : width / Math.max(shownWidth, 1) }))
    .sort((a, b) => a.density - b.density);
  return (dense.find(({ density }) => density >= ratio) ?? dense.at(-1))?.url ?? null;
}

/** The first of `sizes` that applies, in pixels. */
function widthOf(sizes: string | null): number {
  for (const part of (sizes ?? '').split(',')) {
    const [, media = '', length = ''] = /^\s*(.*?)\s*([\d.]+(?:px|vw|em|rem)|calc\(.*\))\s*$/.exec(part) ?? [];
    if (length === '' || (media !== '' && !matchMedia(media).matches)) continue;
    const value = parseFloat(length);
    if (length.endsWith('vw')) return (value / 100) * innerWidth;
    if (length.endsWith('em')) return value * 16;
    if (length.endsWith('px')) return value;
  }
  return innerWidth;
}

const attribute = (element: Element, name: string): string | null =>
  native.get(element, hidden(name)) ?? native.get(element, name);

export function chooseCandidate(image: HTMLImageElement): string | null {
  const of = (element: Element): string | null => {
    const srcset = attribute(element, 'srcset');
    if (srcset === null || srcset.trim() === '') return null;
    return choose(parseSrcset(srcset), widthOf(native.get(element, 'sizes')), devicePixelRatio);
  };
  const picture = image.parentElement?.localName === 'picture' ? image.parentElement : null;
  for (const source of picture?.querySelectorAll('source') ?? []) {
    if (source.media !== '' && !matchMedia(source.media).matches) continue;
    if (source.type !== '' && !/^image\/(?:avif|webp|png|jpeg|gif|svg\+xml|bmp|x-icon|apng)$/.test(source.type))
      continue;
    const found = of(source);
    if (found !== null) return found;
  }
  return of(image) ?? native.get(image, hidden('src'));
}
