import { defineConfig } from 'vitest/config';
import { viteWorkers } from './worker-plugin.mjs';

export default defineConfig({
  plugins: [viteWorkers],
  test: {
    include: ['**/*.test.ts'],
    exclude: ['node_modules/**', 'build/**'],
    environment: 'node',
    setupFiles: ['testing/setup.ts'],
    // The browser tests start Chromium, which is slow on a loaded machine.
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
