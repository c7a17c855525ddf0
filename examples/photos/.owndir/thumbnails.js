// Small pictures, made here and only for what is on the screen: first the one that the camera left in the file, then one from
// the file itself. A few at a time, the latest wish first. Kept in memory; on a server's own origin in the browser too (pages
// from disk all share one storage, which is no place for pictures).
import { kHeadBytes, readExif } from './exif.js';

const kSize = 480;
const kAtOnce = 3;
const kMaxPicture = 60e6;
const kMaxVideo = 300e6;
const kKept = 600;

export class Thumbnails {
  #library;
  #made = new Map();
  #wishes = [];
  #busy = 0;
  #cache = location.protocol.startsWith('http') && globalThis.caches ? caches.open('photos.thumbnails').catch(() => null) : null;

  constructor(library) {
    this.#library = library;
  }

  /** Calls `show(url)` with a first and then with a better picture; `show(null)` when there is none. Returns the end of it. */
  want(item, show) {
    const known = this.#made.get(item.version);
    if (known !== undefined) {
      show(known);
      return () => {};
    }
    const wish = { item, show, over: false };
    this.#wishes.push(wish);
    this.#next();
    return () => {
      wish.over = true;
      this.#wishes = this.#wishes.filter(other => other !== wish);
    };
  }

  #next() {
    while (this.#busy < kAtOnce && this.#wishes.length > 0) {
      const wish = this.#wishes.pop();
      this.#busy += 1;
      this.#make(wish)
        .catch(() => wish.over || wish.show(null))
        .finally(() => {
          this.#busy -= 1;
          this.#next();
        });
    }
  }

  async #make(wish) {
    const { item, show } = wish;
    const kept = await this.#kept(item);
    if (kept) return this.#done(wish, kept);
    if (item.kind === 'video') return this.#done(wish, await this.#frame(item), true);
    if (/\.svg$/i.test(item.name) || item.size < 30_000) return this.#done(wish, await this.#blob(item));
    if (/\.jpe?g$/i.test(item.name)) {
      const head = await this.#library.node(item.path).readAll(0, Math.min(item.size, kHeadBytes) - 1);
      const exif = readExif(head);
      // Turned pictures would need turning by hand: they wait for the whole file.
      if (exif?.thumbnail && exif.orientation === 1 && !wish.over) {
        show(URL.createObjectURL(new Blob([exif.thumbnail], { type: 'image/jpeg' })));
      }
    }
    if (wish.over || item.size > kMaxPicture) return;
    this.#done(wish, await shrink(await this.#blob(item)), true);
  }

  async #blob(item) {
    const bytes = await this.#library.node(item.path).readAll();
    return new Blob([bytes], { type: item.mime ?? '' });
  }

  #done({ item, show, over }, blob, keep = false) {
    if (!blob) return over || show(null);
    const url = URL.createObjectURL(blob);
    this.#made.set(item.version, url);
    if (this.#made.size > kKept) {
      const [oldest, unused] = this.#made.entries().next().value;
      this.#made.delete(oldest);
      URL.revokeObjectURL(unused);
    }
    if (!over) show(url);
    if (keep) void this.#keep(item, blob);
  }

  #key(item) {
    return `/photos.thumbnails/${encodeURIComponent(item.version)}`;
  }

  async #kept(item) {
    try {
      return (await (await this.#cache)?.match(this.#key(item)))?.blob();
    } catch {
      return null;
    }
  }

  async #keep(item, blob) {
    try {
      await (await this.#cache)?.put(this.#key(item), new Response(blob));
    } catch {
      // No room, or a private window.
    }
  }

  /** A picture of the first second of a video. */
  async #frame(item) {
    const url = this.#library.url(item.path);
    if (!url && item.size > kMaxVideo) return null;
    const own = url ?? URL.createObjectURL(await this.#blob(item));
    const video = document.createElement('video');
    try {
      video.muted = true;
      video.preload = 'auto';
      video.src = own;
      await happens(video, 'loadeddata');
      video.currentTime = Math.min(1, (video.duration || 0) / 3);
      await happens(video, 'seeked');
      return await draw(video, video.videoWidth, video.videoHeight);
    } finally {
      video.removeAttribute('src');
      video.load();
      if (!url) URL.revokeObjectURL(own);
    }
  }
}

function happens(video, event) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('too slow')), 15_000);
    const end = action => () => {
      clearTimeout(late);
      action();
    };
    video.addEventListener(event, end(resolve), { once: true });
    video.addEventListener('error', end(() => reject(new Error('cannot be shown'))), { once: true });
  });
}

async function shrink(blob) {
  const bitmap = await createImageBitmap(blob);
  try {
    if (Math.max(bitmap.width, bitmap.height) <= kSize * 1.5 && blob.size < 200_000) return blob;
    return await draw(bitmap, bitmap.width, bitmap.height);
  } finally {
    bitmap.close();
  }
}

async function draw(source, width, height) {
  if (!width || !height) return null;
  const scale = Math.min(1, kSize / Math.min(width, height), (kSize * 3) / Math.max(width, height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return new Promise(resolve => canvas.toBlob(resolve, 'image/webp', 0.8));
}
