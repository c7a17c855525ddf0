// What owndir-media.js holds (library.ts).

export { attachMedia, mediaLimits } from './attach.ts';
export { MediaError } from './ranges.ts';
