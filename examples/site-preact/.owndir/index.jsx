/** @jsxImportSource preact */
// A page that is rendered by Preact when the site is built, and taken over by Preact in the browser.
import { staticPages } from './pages.jsx'; // nothing of it is in the browser: see package.json
import { Clock } from './clock.jsx';
import './style.css';

export default {
  /** For build/client/package, which asks for nothing else: the core and the bundler know neither React nor Preact. */
  view: () => <Clock />,
  O: { static: staticPages },
};
