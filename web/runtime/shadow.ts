// A shadow root with the runtime's style: neither it nor the app's own style disturbs the other.

import { h } from '../shell/dom.ts';
import css from 'style:./runtime.css';

let sheet: CSSStyleSheet | null = null;

export function fillShadow(host: HTMLElement, ...children: readonly Node[]): void {
  const root = host.attachShadow({ mode: 'open' });
  if (typeof root.adoptedStyleSheets === 'object' && typeof CSSStyleSheet.prototype.replaceSync === 'function') {
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
    }
    root.adoptedStyleSheets = [sheet];
  } else {
    const style = document.createElement('style');
    style.textContent = css;
    root.append(style);
  }
  root.append(h('div', { class: 'own' }, children));
}
