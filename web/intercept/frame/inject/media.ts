// Audio and video as whole files. What is larger than a blob should be is not played here (docs/limits.md).

import { ask, fieldOf, readAll, type Context } from './context.ts';
import { brokenUrl, native, nativeURL } from './natives.ts';

const largest = 256 * 1024 * 1024;

export function playMedia(context: Context, media: HTMLMediaElement, url: string, isCurrent: () => boolean): void {
  const put = (value: string) => {
    if (!isCurrent()) return;
    native.set(media, 'src', value);
  };
  const run = async () => {
    const answer = await ask(context, { url: new URL(url), dest: media.localName });
    const { status, fields } = answer.head;
    const length = Number(fieldOf(fields, 'content-length') ?? 0);
    if (status < 200 || status > 299 || length > largest || !isCurrent()) {
      await answer.body?.cancel().catch(() => undefined);
      if (length > largest)
        console.warn(`${url} has ${length} bytes: too much to be played from a page on disk. Use "owndir connect".`);
      return put(brokenUrl);
    }
    put(nativeURL.create(await readAll(answer, largest)));
  };
  run().catch(() => put(brokenUrl));
}
