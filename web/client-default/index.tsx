// The default client package: React at the root of the page, which shows the module of the address: `module.frame()`.
// A folder that wants something else puts its own package into .owndir/build/client/package.
import { createElement } from 'react';
import { createRoot, hydrateRoot } from 'react-dom/client';
import { OwnDir } from 'owndir.package';
import { App } from './app.tsx';
import { runtime } from './runtime.ts';

function mountPoint(): HTMLElement {
  const there = document.getElementById('owndir');
  if (there) return there;
  const made = document.createElement('div');
  made.id = 'owndir';
  document.body.append(made);
  return made;
}

async function start(): Promise<void> {
  await runtime.ready;
  // Modules of the earlier version reach the folder by this name too.
  Object.assign(globalThis, { directory: runtime.directory, OwnDir });
  OwnDir.injectFsRoot(runtime.directory);
  const place = mountPoint();
  const app = createElement(App, { runtime, tree: OwnDir });
  if (place.hasAttribute('data-owndir-hydrate')) hydrateRoot(place, app);
  else createRoot(place).render(app);
}

void start();
