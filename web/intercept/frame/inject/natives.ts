// The browser's own functions, taken before an app's script can change them, and text that it lets through to its sinks
// (the loader's policy asks for trusted types, which is how all other text comes by us: trusted.ts).

interface Policy {
  createHTML(text: string): string;
  createScript(text: string): string;
  createScriptURL(text: string): string;
}

interface Factory {
  createPolicy(
    name: string,
    rules: {
      createHTML(text: string, type?: string, sink?: string): string;
      createScript(text: string, type?: string, sink?: string): string;
      createScriptURL(text: string, type?: string, sink?: string): string;
    },
  ): Policy;
}

export const trustedTypes = (globalThis as { trustedTypes?: Factory }).trustedTypes ?? null;

const same = (text: string): string => text;
const own = trustedTypes?.createPolicy('owndir', { createHTML: same, createScript: same, createScriptURL: same });

/** Typed as what the DOM library calls it: a string. */
export const trusted: Policy = own ?? { createHTML: same, createScript: same, createScriptURL: same };

const isDocument = typeof Element === 'function';
const { setAttribute, getAttribute, removeAttribute, hasAttribute } = isDocument
  ? Element.prototype
  : ({} as typeof Element.prototype);

export const native = {
  set: (element: Element, name: string, value: string): void => setAttribute.call(element, name, value),
  get: (element: Element, name: string): string | null => getAttribute.call(element, name),
  has: (element: Element, name: string): boolean => hasAttribute.call(element, name),
  remove: (element: Element, name: string): void => removeAttribute.call(element, name),
};

export const nativeURL = {
  create: URL.createObjectURL.bind(URL),
  revoke: URL.revokeObjectURL.bind(URL),
};

/** An address that is asked for and found missing, so that an element tells of its error. */
export const brokenUrl = (() => {
  const url = nativeURL.create(new Blob([]));
  nativeURL.revoke(url);
  return url;
})();
