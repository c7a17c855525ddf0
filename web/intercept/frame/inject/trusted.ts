// All markup and script text that an app gives to the browser passes here: the document's policy asks for trusted types, and the
// default policy is ours. Taken away from the app afterwards, so that its own policies do not pass by.

import { rewriteFragment } from './html.ts';
import { trustedTypes } from './natives.ts';
import { classicText, fragmentText, importsStatically, kInline } from './script_text.ts';

/** What a module of a script element imports has to be there first: its text becomes a call that sees to it. */
function scriptText(text: string, sink: string, base: string): string {
  if (!sink.startsWith('HTMLScriptElement') || !importsStatically(text)) return classicText(text, base);
  return `${kInline}(${JSON.stringify(text)},${JSON.stringify(base)})`;
}

export function installTrustedTypes(base: () => string): void {
  if (!trustedTypes) return;
  const rewriting = { script: fragmentText };
  trustedTypes.createPolicy('default', {
    createHTML: (text, _type, sink) =>
      // Nothing is loaded in a parsed document before it is put into this one.
      sink?.startsWith('DOMParser') ? text : rewriteFragment(text, rewriting),
    // eval and new Function take only what they were given.
    createScript: (text, _type, sink) =>
      sink === 'eval' || sink === 'Function' ? text : scriptText(text, sink ?? '', base()),
    createScriptURL: text => text,
  });
  Reflect.deleteProperty(globalThis, 'trustedTypes');
}
