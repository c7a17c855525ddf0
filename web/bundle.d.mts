import type { BuildOptions } from 'esbuild';

export { knowsItself } from './worker-plugin.mjs';
export function bundle(from: string, more?: BuildOptions): Promise<string>;
export function functionBundle(from: string, name: string, notice: string): Promise<string>;
export function pageWithScript(from: string, script: string): Promise<string>;
