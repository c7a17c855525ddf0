// What a person gives an app that asks for a name and a password (HTTP Basic): asked for in a dialog of the page, one at a time, and
// kept in its memory, for that app and that realm, as long as the page lives. The dialog covers the page's own head, where no app can
// draw; what the app says of itself is shown as a quotation.

import type { AppInfo } from '../intercept/apps.ts';
import type { Login } from '../intercept/port.ts';
import type { AskLogin, Challenge } from '../intercept/sign_in.ts';
import { h, icon, setAttribute, setText } from './dom.ts';
import { kIcons } from './icons.ts';

const kMostKept = 200;
const kLongestRealm = 160;

export class SignIn {
  readonly #kept = new Map<string, Login>();
  #last: Promise<unknown> = Promise.resolve();

  /** Asks for an app of that home. */
  askerFor(home: () => string, app: AppInfo): AskLogin {
    return async (challenge, signal) => {
      const key = JSON.stringify([home(), app.name, challenge.realm]);
      const kept = this.#kept.get(key);
      if (kept && !challenge.refused) return kept;
      this.#kept.delete(key);
      const login = await this.#inTurn(() => ask(app, challenge, kept?.name ?? '', signal));
      if (!login) return null;
      this.#kept.set(key, login);
      for (const oldest of this.#kept.keys()) if (this.#kept.size > kMostKept) this.#kept.delete(oldest);
      return login;
    };
  }

  /** Nothing of another folder stays. */
  reset(): void {
    this.#kept.clear();
  }

  #inTurn(next: () => Promise<Login | null>): Promise<Login | null> {
    const turn = this.#last.then(next);
    this.#last = turn;
    return turn;
  }
}

/** Nothing in it can look like words of the page. */
function quoted(realm: string): string {
  const text = realm.replace(/[\p{C}\p{Z}]+/gu, ' ').trim();
  return text.length > kLongestRealm ? `${text.slice(0, kLongestRealm)}…` : text;
}

function ask(app: AppInfo, challenge: Challenge, before: string, signal: AbortSignal): Promise<Login | null> {
  if (signal.aborted) return Promise.resolve(null);
  const realm = quoted(challenge.realm);
  const name = h('input', { type: 'text', id: 'sign-in-name', name: 'username', autocomplete: 'username' });
  for (const [attribute, value] of Object.entries({ autocapitalize: 'none', spellcheck: 'false', maxlength: 1024 }))
    setAttribute(name, attribute, value);
  name.value = before;
  const password = h('input', { type: 'password', id: 'sign-in-password', name: 'password', maxlength: 1024 });
  setAttribute(password, 'autocomplete', 'current-password');
  const problem = h('p', { class: 'sign-in-problem', role: 'alert', hidden: !challenge.refused });
  setText(problem, challenge.refused ? 'The app did not take that name and password. Try again.' : '');
  const cancel = h('button', { type: 'button' }, 'Cancel');
  const form = h(
    'form',
    { method: 'dialog' },
    h(
      'div',
      { class: 'sign-in-head' },
      icon(kIcons.key),
      h('h2', { id: 'sign-in-title' }, 'Sign in to ', h('bdi', null, app.title)),
    ),
    h(
      'p',
      { id: 'sign-in-words' },
      'The app ',
      h('b', { dir: 'auto' }, app.name),
      ' at home asks for a name and a password',
      realm === '' ? '.' : ' for:',
    ),
    realm !== '' && h('blockquote', { class: 'sign-in-realm' }, h('bdi', null, realm)),
    problem,
    h('label', { for: 'sign-in-name' }, 'Name'),
    name,
    h('label', { for: 'sign-in-password' }, 'Password'),
    password,
    h(
      'p',
      { class: 'quiet small' },
      'They go to this app only, encrypted, and this page forgets them when it is closed or reloaded.',
    ),
    h('div', { class: 'actions' }, cancel, h('button', { class: 'primary', type: 'submit' }, 'Sign in')),
  );
  const dialog = h(
    'dialog',
    { class: 'sign-in', 'aria-labelledby': 'sign-in-title', 'aria-describedby': 'sign-in-words' },
    form,
  );
  return new Promise(resolve => {
    let login: Login | null = null;
    const close = () => dialog.close();
    cancel.addEventListener('click', close);
    form.addEventListener('submit', event => {
      event.preventDefault();
      if (name.value.includes(':')) {
        setText(problem, 'A name for this kind of sign-in has no colon (:).');
        setAttribute(problem, 'hidden', false);
        return name.focus();
      }
      login = { name: name.value, password: password.value };
      close();
    });
    dialog.addEventListener(
      'close',
      () => {
        signal.removeEventListener('abort', close);
        dialog.remove();
        resolve(login);
      },
      { once: true },
    );
    signal.addEventListener('abort', close, { once: true });
    document.body.append(dialog);
    // An app that fills the screen would lie around it.
    if (document.fullscreenElement) void document.exitFullscreen().catch(() => undefined);
    dialog.showModal();
    (before === '' ? name : password).focus();
  });
}
