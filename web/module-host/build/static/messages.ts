// What the build and the worker that evaluates modules say to each other.
import type { Inject } from './inject.ts';
import type { ClientAssets } from './page.ts';

export interface StaticJob {
  kind: 'owndir-static';
  /** The server bundle. */
  dist: string;
  source: string;
  folder: string;
  title: string;
  /** Directory of each module's files, absolute: its `.owndir`. */
  homes: Record<string, string>;
  client: ClientAssets;
  /** May be written by generators; removed after the build. */
  temporary: string;
}

/** One entry of O.static, evaluated. */
export type StaticItem = { module: string; to: string; directory: boolean; inject: Inject | null } & (
  | { from: string; generated: boolean }
  | { bytes: Uint8Array }
);

export interface Fault {
  text: string;
  stack: string;
  module: string | null;
}

export type StaticMessage =
  /** What is being run now, for the one who may have to end it. */
  | { current: string; module: string | null; loading?: true }
  | { warning: Fault }
  | { item: StaticItem }
  /** `dynamic`: a function was called, so that the next build has to ask again. */
  | { evaluated: { routes: boolean; dynamic: boolean; own: string[] } }
  | { failed: Fault }
  /** After `failed`, where nothing more can come. */
  | { ended: true };
