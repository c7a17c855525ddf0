/** @jsxImportSource preact */
// Runs at build time only.
import { renderToString } from 'preact-render-to-string';
import { Clock } from './clock.jsx';

export const staticPages = [
  [
    'index.html',
    o =>
      o.page({
        title: 'Egg clock',
        icon: '🥚',
        // The page does not need the folder, so nothing is said about the way to it.
        head: '<meta name="owndir" content="quiet">',
        body: renderToString(<Clock />),
        hydrate: true,
      }),
  ],
];
