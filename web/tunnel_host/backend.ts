import { Emitter } from '../base/emitter.ts';
import type { Backend } from '../intercept/session.ts';
import type { Tunnel } from '../tunnel/index.ts';

/** A tunnel as it is, behind a session: the page's own requests, which are no app's. */
export function backendOf(tunnel: Tunnel): Backend {
  return {
    async fetch({ method, target, fields }, body, signal) {
      const asked = { method, target, fields: [...fields], ...(body === null ? {} : { body }) };
      const response = await tunnel.fetch(asked, { signal });
      const { status, reason } = response;
      const plain = { redirected: false, location: null, fragment: '', cookies: null };
      return {
        head: { ...plain, status, reason, fields: response.fields, target, hasBody: response.body !== null },
        body: response.body,
      };
    },
    openSocket: ({ target, protocols, fields }, signal) =>
      tunnel.openSocket(target, { protocols, headers: fields, signal }),
    scriptCookies: [],
    cookiesChanged: new Emitter<void>(),
    setScriptCookie: () => undefined,
  };
}
