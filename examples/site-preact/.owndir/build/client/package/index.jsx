/** @jsxImportSource preact */
// In place of the default client, which is React's: takes over what the build has rendered.
import { hydrate } from 'preact';
import { OwnDir } from 'owndir.package';

hydrate(OwnDir('/').view(), document.getElementById('owndir'));
