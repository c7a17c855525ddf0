// How a file is shown, from the server's content type and, where that says nothing, from the name. Pure.

export type Kind = 'image' | 'text' | 'html' | 'pdf' | 'audio' | 'video' | 'none';

const kTextTypes =
  /^(?:text\/|application\/(?:json|ld\+json|xml|javascript|x-javascript|ecmascript|x-sh|toml|yaml|x-yaml|sql|x-httpd-php|rtf)\b|message\/rfc822)|\+(?:json|xml)\b/;
const kTextNames =
  /\.(?:txt|md|markdown|rst|adoc|org|tex|bib|log|csv|tsv|json|jsonl|ndjson|json5|xml|ya?ml|toml|ini|cfg|conf|env|properties|sh|bash|zsh|fish|ps1|bat|cmd|py|rb|pl|php|js|mjs|cjs|jsx|ts|tsx|css|scss|less|c|h|cc|cpp|cxx|hpp|hh|m|mm|cs|java|kt|kts|go|rs|swift|scala|lua|r|jl|hs|ml|ex|exs|erl|clj|el|vim|sql|graphql|proto|diff|patch|srt|vtt|ics|vcf|eml|gitignore|gitattributes|editorconfig|stignore|cmake|mk|gradle|dockerfile|nix|tf|service|desktop|m3u8?|gpx|svelte|vue)$/i;
const kTextWhole =
  /^(?:readme|license|licence|copying|changelog|authors|makefile|dockerfile|cmakelists|notice|todo|\.[a-z]+(?:rc|ignore|profile))$/i;

const kByName: ReadonlyArray<readonly [RegExp, string]> = [
  [/\.(?:jpe?g|jfif)$/i, 'image/jpeg'],
  [/\.png$/i, 'image/png'],
  [/\.gif$/i, 'image/gif'],
  [/\.webp$/i, 'image/webp'],
  [/\.avif$/i, 'image/avif'],
  [/\.bmp$/i, 'image/bmp'],
  [/\.ico$/i, 'image/x-icon'],
  [/\.svg$/i, 'image/svg+xml'],
  [/\.pdf$/i, 'application/pdf'],
  [/\.html?$/i, 'text/html'],
  [/\.xhtml$/i, 'application/xhtml+xml'],
  [/\.mp3$/i, 'audio/mpeg'],
  [/\.(?:ogg|oga|opus)$/i, 'audio/ogg'],
  [/\.flac$/i, 'audio/flac'],
  [/\.wav$/i, 'audio/wav'],
  [/\.m4a$/i, 'audio/mp4'],
  [/\.(?:mp4|m4v)$/i, 'video/mp4'],
  [/\.webm$/i, 'video/webm'],
  [/\.mov$/i, 'video/quicktime'],
  [/\.ogv$/i, 'video/ogg'],
];

/** The content type without its parameters, or the best guess from the name where the server knew none. */
export function mimeOf(contentType: string, name: string): string {
  const mime = (contentType.split(';')[0] ?? '').trim().toLowerCase();
  if (mime !== '' && mime !== 'application/octet-stream') return mime;
  return (
    kByName.find(([pattern]) => pattern.test(name))?.[1] ??
    (isTextName(name) ? 'text/plain' : 'application/octet-stream')
  );
}

function isTextName(name: string): boolean {
  return kTextNames.test(name) || kTextWhole.test(name);
}

export function kindOf(contentType: string, name: string): Kind {
  const mime = mimeOf(contentType, name);
  if (/^image\/(?:jpeg|png|gif|webp|avif|bmp|svg\+xml|x-icon|vnd\.microsoft\.icon|apng)$/.test(mime)) return 'image';
  if (mime === 'text/html' || mime === 'application/xhtml+xml') return 'html';
  if (mime === 'application/pdf') return 'pdf';
  if (mime.startsWith('audio/')) return 'audio';
  if (mime === 'video/mp2t' && isTextName(name)) return 'text';
  if (mime.startsWith('video/')) return 'video';
  return kTextTypes.test(mime) || isTextName(name) ? 'text' : 'none';
}

const kMiB = 1024 * 1024;

/** The most that is brought into memory to be shown, bytes. Text beyond it is cut and says so; the others are downloads then. */
export const kShowLimit: Readonly<Record<Kind, number>> = {
  image: 64 * kMiB,
  text: 2 * kMiB,
  html: 8 * kMiB,
  pdf: 256 * kMiB,
  audio: 256 * kMiB,
  video: 256 * kMiB,
  none: 0,
};

/** The most that is collected in memory for a download where the browser cannot stream to disk. */
export const kBlobDownloadLimit = 1024 * kMiB;

/** A word for the column and for screen readers. */
export function kindWord(kind: Kind): string {
  switch (kind) {
    case 'image':
      return 'Image';
    case 'text':
      return 'Text';
    case 'html':
      return 'Web page';
    case 'pdf':
      return 'PDF';
    case 'audio':
      return 'Audio';
    case 'video':
      return 'Video';
    case 'none':
      return 'File';
  }
}
