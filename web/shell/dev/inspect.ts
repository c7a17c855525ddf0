// What a person with weak eyes, a small screen or a screen reader would stumble over, measured in the page itself.

interface Colour {
  readonly r: number;
  readonly g: number;
  readonly b: number;
  readonly a: number;
}

function parse(text: string): Colour {
  const [r = 0, g = 0, b = 0, a = 1] = (text.match(/[\d.]+/g) ?? []).map(Number);
  return { r, g, b, a };
}

function over(top: Colour, under: Colour): Colour {
  const mix = (x: number, y: number) => x * top.a + y * (1 - top.a);
  return { r: mix(top.r, under.r), g: mix(top.g, under.g), b: mix(top.b, under.b), a: 1 };
}

/** Relative luminance (WCAG 2.2). */
function luminance({ r, g, b }: Colour): number {
  const part = (value: number) => {
    const c = value / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
}

function contrast(a: Colour, b: Colour): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function background(element: Element): Colour {
  const layers: Colour[] = [];
  for (let at: Element | null = element; at; at = at.parentElement)
    layers.unshift(parse(getComputedStyle(at).backgroundColor));
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  return layers.reduce((under, layer) => over(layer, under), parse(dark ? 'rgb(0,0,0)' : 'rgb(255,255,255)'));
}

function isSeen(element: Element): boolean {
  if (element.closest('.sr-only, :disabled, [hidden]')) return false;
  const box = element.getBoundingClientRect();
  return box.width > 0 && box.height > 0;
}

function faint(root: Node): string[] {
  const found: string[] = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent?.trim() ?? '';
    if (!element || text === '' || /^(?:SCRIPT|STYLE)$/.test(element.tagName) || !isSeen(element)) continue;
    const under = background(element);
    const ink = parse(getComputedStyle(element).color);
    const ratio = contrast(over({ ...ink, a: ink.a * Number(getComputedStyle(element).opacity) }, under), under);
    if (ratio < 4.5) found.push(`contrast ${ratio.toFixed(2)}: ${text.slice(0, 40)}`);
  }
  return found;
}

function nameless(root: ParentNode): string[] {
  const controls = root.querySelectorAll<HTMLElement>('button, a[href], input, textarea, iframe, img, video, audio');
  return [...controls]
    .filter(control => isSeen(control))
    .filter(control => {
      const labels =
        control instanceof HTMLInputElement || control instanceof HTMLTextAreaElement
          ? (control.labels?.length ?? 0)
          : 0;
      const named = control.getAttribute('aria-label') ?? control.title ?? '';
      return (
        labels === 0 && named === '' && (control.getAttribute('alt') ?? '') === '' && control.textContent?.trim() === ''
      );
    })
    .map(control => `no name: ${control.outerHTML.slice(0, 80)}`);
}

/** Sentences about what is wrong in that element or shadow root. */
export function inspectIn(root: Node & ParentNode): string[] {
  return [...faint(root), ...nameless(root)];
}

/** Sentences about what is wrong in the page; empty when nothing is. */
export function inspect(): string[] {
  const wide = document.documentElement.scrollWidth > innerWidth ? [`wider than ${innerWidth} px`] : [];
  const headings = document.querySelector('h1, h2, .crumbs [aria-current]') ? [] : ['no heading'];
  return [...inspectIn(document.body), ...wide, ...headings];
}
