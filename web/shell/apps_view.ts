// The apps of the computer at home: the choice, and the one that is open in its frame below a head of its own. Which one it is
// stands in the fragment ("#@notes/a/path"), so that a reload comes back to it.

import { isAppName, type AppFrame, type AppInfo } from '../intercept/apps.ts';
import { h, icon, replaceChildren, setAttribute, setText } from './dom.ts';
import { kIcons } from './icons.ts';

/** What a way of showing an app tells of it. */
export interface AppEvents {
  /** Its documents come; `shares`: it is on this page's own origin and could reach into the page. */
  started(shares: boolean): void;
  at(title: string, path: string): void;
  /** The person wants this path of it in another tab. */
  open(path: string): void;
  failed(message: string): void;
  /** Another tab has taken it over. */
  elsewhere(): void;
}

export interface AppsHooks {
  /** Puts the app into the container; `here`: even if another tab has it. */
  open(container: HTMLElement, app: AppInfo, events: AppEvents, start: string, here: boolean): AppFrame;
  /** The folder as a command line names it. */
  folder(): string;
}

export interface AppPlace {
  readonly name: string;
  readonly path: string;
}

/** "#@notes/x?y" is /x?y of notes; anything else is the choice. */
export function appOfFragment(fragment: string): AppPlace | null {
  const found = /^#@([a-z0-9-]+)(\/.*)?$/s.exec(fragment);
  const [, name, path = '/'] = found ?? [];
  return isAppName(name) ? { name, path } : null;
}

export function fragmentOfApp(name: string, path: string): string {
  return `#@${name}${path === '/' ? '' : path}`;
}

export class AppsView {
  readonly element = h('div', { class: 'apps', hidden: true });
  readonly #hooks: AppsHooks;
  readonly #stage = h('div', { class: 'app-stage' });
  readonly #title = h('h1', { class: 'app-title', dir: 'auto' });
  readonly #where = h('span', { class: 'app-where', dir: 'auto' });
  readonly #advice = h('div', { class: 'app-advice', hidden: true });
  readonly #warning = h('div', { class: 'app-warning', hidden: true });
  readonly #cover = h('div', { class: 'app-cover' });
  #apps: readonly AppInfo[] = [];
  #rootName = '';
  #open: { app: AppInfo; frame: AppFrame; path: string } | null = null;

  constructor(hooks: AppsHooks) {
    this.#hooks = hooks;
    addEventListener('hashchange', () => this.#apps.length > 0 && this.#go());
  }

  /** The name of the app that is open. */
  get app(): string | null {
    return this.#open?.app.name ?? null;
  }

  /** Shows them; an empty list shows nothing. */
  set(apps: readonly AppInfo[], rootName: string): void {
    const same = JSON.stringify(apps) === JSON.stringify(this.#apps) && rootName === this.#rootName;
    this.#apps = apps;
    this.#rootName = rootName;
    setAttribute(this.element, 'hidden', apps.length === 0);
    if (apps.length === 0) this.#close();
    else if (!same || this.element.childElementCount === 0) this.#go();
  }

  /** Nothing of another folder stays. */
  reset(): void {
    this.set([], '');
    replaceChildren(this.element);
  }

  /** The only app needs no choice. */
  #place(): AppPlace | null {
    const place = appOfFragment(location.hash);
    const [only] = this.#apps;
    if (place && this.#apps.some(app => app.name === place.name && app.kind === 'http')) return place;
    return this.#apps.length === 1 && only?.kind === 'http' ? { name: only.name, path: '/' } : null;
  }

  #go(): void {
    const place = this.#place();
    const app = this.#apps.find(({ name }) => name === place?.name);
    if (!place || !app) return this.#showChoice();
    if (this.#open?.app.name === app.name && this.#open.path === place.path) return;
    this.#show(app, place.path, false);
  }

  #close(): void {
    this.#open?.frame.close();
    this.#open = null;
    delete document.documentElement.dataset.view;
  }

  #showChoice(): void {
    this.#close();
    document.title = this.#rootName;
    const heading = h('h1', { tabindex: -1 }, 'Apps at home');
    const list = h(
      'ul',
      { class: 'app-list' },
      this.#apps.map(app => h('li', null, this.#entry(app))),
    );
    const lead = 'They run on the computer at home. What you open here comes directly from there, encrypted.';
    replaceChildren(this.element, h('main', { class: 'app-choice' }, heading, h('p', { class: 'quiet' }, lead), list));
  }

  #entry(app: AppInfo): HTMLElement {
    const letter = h('span', { class: 'app-letter', 'aria-hidden': 'true' }, [...app.title][0]?.toUpperCase() ?? '?');
    const name = h('span', { class: 'app-name', dir: 'auto' }, app.title);
    if (app.kind === 'http') {
      const kind = h('span', { class: 'quiet small' }, app.title === app.name ? 'Web app' : app.name);
      return h('a', { class: 'app-card', href: fragmentOfApp(app.name, '/') }, letter, name, kind, icon(kIcons.right));
    }
    const command = `owndir connect ${this.#hooks.folder()} --tcp ${app.name}`;
    const words = h('span', { class: 'quiet small' }, 'No web app but a port. To have it on this device, run');
    return h('div', { class: 'app-card' }, letter, name, words, h('code', null, command));
  }

  #show(app: AppInfo, path: string, here: boolean): void {
    this.#close();
    document.documentElement.dataset.view = 'app';
    document.title = `${app.title} · ${this.#rootName}`;
    setText(this.#title, app.title);
    setText(this.#where, '');
    setAttribute(this.#warning, 'hidden', true);
    setAttribute(this.#advice, 'hidden', true);
    replaceChildren(this.#stage, this.#cover);
    this.#coverWith(h('p', { class: 'app-opening', role: 'status' }, `Opening ${app.title}…`));
    replaceChildren(this.element, this.#head(app), this.#warning, this.#advice, this.#stage);
    const events: AppEvents = {
      started: shares => this.#warn(shares),
      at: (title, at) => this.#onAt(app, title, at),
      open: at => void window.open(new URL(fragmentOfApp(app.name, at), location.href), '_blank', 'noopener'),
      failed: message => this.#onFailed(app, message),
      elsewhere: () => this.#onElsewhere(app),
    };
    this.#open = { app, frame: this.#hooks.open(this.#stage, app, events, path, here), path };
  }

  #head(app: AppInfo): HTMLElement {
    const back = h('a', { class: 'app-back', href: '#/' }, icon(kIcons.left), 'Apps');
    const reload = h(
      'button',
      { class: 'icon-button', 'aria-label': 'Reload the app', title: 'Reload', onclick: () => this.#reload(app) },
      icon(kIcons.reload),
    );
    const advice = h(
      'button',
      {
        ...{ class: 'icon-button', 'aria-label': 'Open it in a tab of its own', title: 'In a tab of its own' },
        'aria-expanded': 'false',
        onclick: () => {
          const isOpen = this.#advice.hidden;
          setAttribute(this.#advice, 'hidden', !isOpen);
          setAttribute(advice, 'aria-expanded', String(isOpen));
        },
      },
      icon(kIcons.window),
    );
    replaceChildren(
      this.#advice,
      this.#connectWords(
        app,
        'To have it in a tab of its own, with everything that a browser can do, run on this device',
      ),
    );
    return h('div', { class: 'app-head' }, this.#apps.length > 1 && back, this.#title, this.#where, reload, advice);
  }

  #connectWords(app: AppInfo, lead: string): HTMLElement {
    return h(
      'p',
      null,
      `${lead} `,
      h('code', null, `owndir connect ${this.#hooks.folder()}`),
      ' and open the address that it prints for ',
      h('b', { dir: 'auto' }, app.name),
      '.',
    );
  }

  #reload(app: AppInfo): void {
    if (this.#stage.querySelector('.app-problem')) this.#show(app, this.#open?.path ?? '/', false);
    else this.#open?.frame.reload();
  }

  #coverWith(...content: HTMLElement[]): void {
    replaceChildren(this.#cover, ...content);
    setAttribute(this.#cover, 'hidden', content.length === 0);
  }

  #onAt(app: AppInfo, title: string, path: string): void {
    if (this.#open?.app !== app) return;
    this.#coverWith();
    this.#open.path = path;
    setText(this.#where, title === app.title ? '' : title);
    document.title = `${title === '' ? app.title : title} · ${this.#rootName}`;
    history.replaceState(history.state, '', fragmentOfApp(app.name, path));
  }

  /** Where a name of its own would be one word away, that is said too. */
  #warn(shares: boolean): void {
    setAttribute(this.#warning, 'hidden', !shares);
    if (!shares) return;
    const { protocol, hostname, port, pathname, hash } = location;
    const better = `${protocol}//owndir.localhost${port === '' ? '' : `:${port}`}${pathname}${hash}`;
    const isLocal = hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]';
    const way = isLocal
      ? h('span', null, ' Open ', h('a', { href: better }, 'this page under another name'), ' to keep them apart.')
      : null;
    const close = h(
      'button',
      {
        class: 'icon-button',
        'aria-label': 'Close this note',
        onclick: () => setAttribute(this.#warning, 'hidden', true),
      },
      icon(kIcons.close),
    );
    const words =
      'Here the app shares the origin of this page: it could use the folder that you opened. Trust it as you trust the page.';
    replaceChildren(this.#warning, h('p', null, words, way), close);
  }

  #onFailed(app: AppInfo, message: string): void {
    if (this.#open && this.#open.app !== app) return;
    const again = h(
      'button',
      { class: 'primary', onclick: () => this.#show(app, this.#open?.path ?? '/', false) },
      'Try again',
    );
    this.#problem(
      `${app.title} cannot be shown in this page`,
      h('p', null, message),
      this.#connectWords(app, 'It works with the program: run'),
      h('div', { class: 'actions' }, again),
    );
  }

  #onElsewhere(app: AppInfo): void {
    if (this.#open && this.#open.app !== app) return;
    const here = h(
      'button',
      { class: 'primary', onclick: () => this.#show(app, this.#open?.path ?? '/', true) },
      'Use it here',
    );
    this.#problem(
      `${app.title} is open in another tab`,
      h('p', null, 'An app is signed in and connected in one tab at a time.'),
      h('div', { class: 'actions' }, here),
    );
  }

  #problem(title: string, ...content: HTMLElement[]): void {
    this.#coverWith(h('div', { class: 'card app-problem', role: 'alert' }, h('h2', null, title), ...content));
  }
}
