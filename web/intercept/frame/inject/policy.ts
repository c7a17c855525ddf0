// The app's own Content-Security-Policy (CSP3) as far as it says what a document may ask for. The browser cannot hold it: what it
// sees are blobs. An address leads to the app or nowhere, so a list forbids where nothing in it can mean the app.

/** Each falls back to the next, and all to default-src. */
const fallbacks: Readonly<Record<string, readonly string[]>> = {
  'connect-src': [],
  'img-src': [],
  'media-src': [],
  'font-src': [],
  'style-src': [],
  'script-src': [],
  'frame-src': ['child-src'],
  'worker-src': ['child-src', 'script-src'],
};

const directives: Readonly<Record<string, string>> = {
  ...{ image: 'img-src', audio: 'media-src', video: 'media-src', font: 'font-src', style: 'style-src' },
  ...{ script: 'script-src', iframe: 'frame-src', worker: 'worker-src', document: '' },
};

const maxPolicies = 50;
/** A list with nothing but these has no address of the app in it. */
const noAddress =
  /^(?:'none'|'unsafe-inline'|'unsafe-eval'|'wasm-unsafe-eval'|'unsafe-hashes'|'report-sample'|blob:|data:|about:|filesystem:|mediastream:)$/i;

export class AppPolicy {
  readonly #policies: ReadonlyMap<string, readonly string[]>[] = [];
  #text = '';

  /** All of it, for what inherits it. */
  get text(): string {
    return this.#text;
  }

  /** A field, in which commas separate several, or the content of a meta element. */
  add(text: string | null): void {
    if (text !== null) this.#text += `${text},`;
    for (const one of (text ?? '').split(',')) {
      const lists = new Map<string, readonly string[]>();
      for (const directive of one.split(';')) {
        const [name = '', ...sources] = directive.trim().split(/\s+/);
        if (name !== '' && !lists.has(name.toLowerCase())) lists.set(name.toLowerCase(), sources);
      }
      if (lists.size > 0 && this.#policies.length < maxPolicies) this.#policies.push(lists);
    }
  }

  /** The directive that forbids it to ask for that (`Sec-Fetch-Dest`); null: it may. */
  forbids(dest: string): string | null {
    const directive = directives[dest] ?? 'connect-src';
    if (directive === '') return null;
    const names = [directive, ...(fallbacks[directive] ?? []), 'default-src'];
    const isForbidden = this.#policies.some(lists => {
      const name = names.find(one => lists.has(one));
      return name !== undefined && (lists.get(name) ?? []).every(source => noAddress.test(source));
    });
    return isForbidden ? directive : null;
  }
}

/** As the browser would tell of it. */
export function tellViolation(directive: string, url: string, documentURI: string): void {
  if (typeof document === 'undefined') return;
  const init: SecurityPolicyViolationEventInit = {
    ...{ bubbles: true, composed: true, blockedURI: url, documentURI, disposition: 'enforce', statusCode: 200 },
    ...{ violatedDirective: directive, effectiveDirective: directive, originalPolicy: '' },
  };
  document.dispatchEvent(new SecurityPolicyViolationEvent('securitypolicyviolation', init));
}
