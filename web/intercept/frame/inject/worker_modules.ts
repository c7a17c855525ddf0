// Module workers know no import maps: each module is put in as a blob, what it imports first. Modules that import each other in a
// circle cannot be made so.

import { ask, decoderFor, limits, readAll, type Context } from './context.ts';
import { scriptBlob } from './modules.ts';
import { moduleText } from './script_text.ts';

export async function moduleBlob(text: string, context: Context): Promise<string> {
  return make(text, context.url, context, new Map(), []);
}

async function make(
  text: string,
  url: string,
  context: Context,
  made: Map<string, Promise<string>>,
  above: readonly string[],
): Promise<string> {
  const absolute = (specifier: string): string | null =>
    /^(?:\.{0,2}\/|https?:)/.test(specifier) ? new URL(specifier, url).href : null;
  const { imports } = moduleText(text, url, absolute);
  const blobs = new Map<string, string>();
  for (const one of imports) {
    if (one === url || above.includes(one))
      throw new TypeError(`${url} and ${one} import each other, which a worker in a page on disk cannot do.`);
    let blob = made.get(one);
    if (!blob) {
      blob = fetchText(one, context).then(inner => make(inner, one, context, made, [...above, url]));
      made.set(one, blob);
    }
    blobs.set(one, await blob);
  }
  const linked = moduleText(text, url, specifier => {
    const to = absolute(specifier);
    return to === null ? null : (blobs.get(to) ?? to);
  });
  return scriptBlob(`${linked.text}\n//# sourceURL=${url}`);
}

async function fetchText(url: string, context: Context): Promise<string> {
  const answer = await ask(context, { url: new URL(url), dest: 'script' });
  if (answer.head.status < 200 || answer.head.status > 299)
    throw new TypeError(`${url} answered ${answer.head.status}.`);
  return decoderFor(null).decode(await (await readAll(answer, limits.text)).arrayBuffer());
}
