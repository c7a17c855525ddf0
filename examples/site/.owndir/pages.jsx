// Runs at build time only: the pages as html.
import React from 'react';
import { renderToString } from 'react-dom/server';
import { posts } from './posts.js';
import { Site } from './site.jsx';

export function staticPages(site) {
  const page = (at, title, description) => [
    at === '' ? 'index.html' : `${at}/index.html`,
    o =>
      o.page({
        title: title === '' ? site().title : `${title} · ${site().title}`,
        // Quiet: the page does not need the folder, so nothing is said about the way to it.
        head: `<meta name="owndir" content="quiet"><meta name="description" content="${xml(description)}">`,
        icon: '🚲',
        body: renderToString(<Site title={site().title} at={at} />),
        hydrate: true,
      }),
  ];
  return [
    page('', '', 'Journeys by bicycle, written down on the way.'),
    ...posts.map(({ slug, title, summary }) => page(`posts/${slug}`, title, summary)),
    page('about', 'About', 'Who writes here.'),
    ['feed.xml', o => feed(site().title, o)],
  ];
}

const xml = text => text.replace(/[&<>"]/g, char => `&#${char.charCodeAt(0)};`);

function feed(title) {
  const entry = ({ slug, title, date, summary }) =>
    `<entry><id>urn:slow-roads:${slug}</id><title>${xml(title)}</title><updated>${date}T12:00:00Z</updated>` +
    `<link href="posts/${slug}/index.html"/><summary>${xml(summary)}</summary></entry>`;
  return (
    '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">' +
    `<id>urn:slow-roads</id><title>${xml(title)}</title><author><name>${xml(title)}</name></author>` +
    `<updated>${posts[0].date}T12:00:00Z</updated>\n${posts.map(entry).join('\n')}\n</feed>\n`
  );
}
