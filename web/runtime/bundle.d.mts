import type { BuildOptions } from 'esbuild';

export function bundleRuntime(entry?: string, more?: BuildOptions): Promise<string>;
