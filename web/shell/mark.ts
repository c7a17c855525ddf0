// The mark: a folder whose door stands open.

export function mark(): SVGSVGElement {
  const namespace = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(namespace, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'mark');
  svg.setAttribute('aria-hidden', 'true');
  for (const [name, d] of [
    [
      'mark-folder',
      'M3 6.2A1.7 1.7 0 0 1 4.7 4.5h4.1l2.2 2.5h8.3A1.7 1.7 0 0 1 21 8.7v9.1a1.7 1.7 0 0 1-1.7 1.7H4.7A1.7 1.7 0 0 1 3 17.8z',
    ],
    ['mark-door', 'M8.5 19.5v-6.2a3.5 3.5 0 0 1 7 0v6.2'],
  ] as const) {
    const path = document.createElementNS(namespace, 'path');
    path.setAttribute('class', name);
    path.setAttribute('d', d);
    svg.appendChild(path);
  }
  return svg;
}
