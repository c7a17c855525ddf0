import type { Plugin as EsbuildPlugin } from 'esbuild';
import type { Plugin as VitePlugin } from 'vite';

export const target: string[];
export const esbuildWorkers: EsbuildPlugin;
export const viteWorkers: VitePlugin;
export const knowsItself: { banner: { js: string }; footer: { js: string } };
