// Fonts that scripts make with an address: loaded through the broker when they are asked for.

import { replaceGlobal } from './events.ts';
import type { Resources } from './resources.ts';

const address = /url\(\s*(?:"([^"]*)"|'([^']*)'|([^)"']*))\s*\)/i;

export function installFontFace(base: () => string, resources: Resources): void {
  const Native = globalThis.FontFace;
  if (!Native) return;
  const Shim = class extends Native {
    readonly #url: string | null = null;
    readonly #given: ConstructorParameters<typeof FontFace>;
    #loading: Promise<FontFace> | null = null;
    #state: FontFaceLoadStatus = 'unloaded';

    constructor(...given: ConstructorParameters<typeof FontFace>) {
      const [family, source, descriptors] = given;
      const match = typeof source === 'string' ? address.exec(source) : null;
      const found = match?.[1] ?? match?.[2] ?? match?.[3];
      const isOurs = found !== undefined && !/^(?:data|blob):/i.test(found);
      super(family, isOurs ? 'local("owndir: not loaded")' : source, descriptors);
      this.#given = given;
      if (isOurs) this.#url = new URL(found, base()).href;
    }

    override get status(): FontFaceLoadStatus {
      return this.#url === null ? super.status : this.#state;
    }

    override load(): Promise<FontFace> {
      const url = this.#url;
      if (url === null) return super.load();
      this.#loading ??= this.#load(url);
      return this.#loading;
    }

    async #load(url: string): Promise<FontFace> {
      this.#state = 'loading';
      try {
        const blob = await resources.blobUrl(url, 'font');
        const [family, , descriptors] = this.#given;
        const real = await new Native(family, `url("${blob}")`, descriptors).load();
        if (document.fonts.has(this)) document.fonts.add(real);
        this.#state = 'loaded';
        return this;
      } catch {
        this.#state = 'error';
        throw new DOMException(`The font ${url} could not be loaded.`, 'NetworkError');
      }
    }
  };
  replaceGlobal('FontFace', Shim);
  const { add } = FontFaceSet.prototype;
  FontFaceSet.prototype.add = function (this: FontFaceSet, font: FontFace) {
    if (font instanceof Shim) void font.load().catch(() => undefined);
    return add.call(this, font);
  };
}
