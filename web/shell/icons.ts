// Line icons on a 20 × 20 grid, one path each.

import type { Kind } from './kinds.ts';

export const kIcons = {
  folder: 'M2.5 5.5a1 1 0 0 1 1-1h4l2 2h7a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1h-13a1 1 0 0 1-1-1z',
  file: 'M5.5 2.5h6l3.5 3.5v11.5h-9.5zM11.5 2.5v3.5h3.5',
  image: 'M3 4.5h14v11h-14zM3 13l4-4 3.5 3.5 2.5-2.5 4 4M13 7.6a.6.6 0 1 0 .01 0',
  text: 'M5.5 2.5h6l3.5 3.5v11.5h-9.5zM8 9h4.5M8 11.5h4.5M8 14h3',
  html: 'M3 4.5h14v11h-14zM3 7.5h14M8 10l-1.8 1.8L8 13.5M12 10l1.8 1.8L12 13.5',
  pdf: 'M5.5 2.5h6l3.5 3.5v11.5h-9.5zM8 14.5c2-2 2.5-4.5 2-6-1.5 0 0 4.5 3 4.5-2-.5-4 0-5 1.5',
  audio: 'M7.5 14.5v-9.5l8-1.5v9.5M7.5 14.5a2 2 0 1 1-4 0 2 2 0 0 1 4 0zM15.5 13a2 2 0 1 1-4 0 2 2 0 0 1 4 0z',
  video: 'M3 4.5h14v11h-14zM8.5 7.5v5l4-2.5z',
  other: 'M10 3.5a6.5 6.5 0 1 0 .01 0M10 9.5v4M10 6.8v.2',
  up: 'M10 16v-11M5.5 9.5l4.5-4.5 4.5 4.5',
  left: 'M12 4.5l-5.5 5.5 5.5 5.5',
  right: 'M8 4.5l5.5 5.5-5.5 5.5',
  download: 'M10 3.5v9M6 9l4 4 4-4M4 16.5h12',
  close: 'M5 5l10 10M15 5l-10 10',
  help: 'M7.5 7.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .7-1 1.7M10 14.3v.2M10 2.5a7.5 7.5 0 1 0 .01 0',
  search: 'M9 3.5a5.5 5.5 0 1 0 .01 0M13 13l4 4',
  reload: 'M16 10a6 6 0 1 1-1.8-4.3M16 3v3.5h-3.5',
  window: 'M8 4.5h-4.5v12h12v-4.5M11 3.5h5.5v5.5M16.5 3.5l-7 7',
  key: 'M12.5 3a4.5 4.5 0 1 1-3 7.9l-5 5v1.6h-2v-3l5.6-5.6A4.5 4.5 0 0 1 12.5 3M14 6.2v.2',
  copy: 'M7 7h9.5v9.5h-9.5zM4 13h-.5v-9.5h9.5v.5',
} as const;

export type IconName = keyof typeof kIcons;

export function iconOfKind(kind: Kind): IconName {
  return kind === 'none' ? 'file' : kind;
}
