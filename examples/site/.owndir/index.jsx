// A small web site: every page is rendered when the site is built, can be read without any script, and is taken over by React
// where there is one.
import React from 'react';
import { staticPages } from './pages.jsx'; // nothing of it is in the browser: see package.json
import { Site } from './site.jsx';
import './style.css';

const site = {
  title: 'Slow Roads',
  /** The same elements as pages.jsx has rendered, so that the page is taken over and not built anew. */
  frame() {
    return <Site title={site.title} at={this.O.path.slice(site.O.path.length).replace(/^\//, '')} />;
  },
  O: { static: staticPages?.(() => site) },
};

export default site;
