import { fileURLToPath } from 'node:url';
import tseslint from 'typescript-eslint';

// The page's code runs in browsers only; tests and build scripts run under Node.
const nodeGlobals = ['process', 'Buffer', 'global', 'require', '__dirname', 'setImmediate'];

// Folders of one row never import each other; each may import what stands in a row below (see README.md).
const forbidden = {
  base: ['tunnel', 'rendezvous', 'fsnode', 'peer', 'intercept', 'shell', 'runtime'],
  tunnel: ['rendezvous', 'fsnode', 'peer', 'intercept', 'shell', 'runtime'],
  rendezvous: ['tunnel', 'fsnode', 'peer', 'intercept', 'shell', 'runtime'],
  fsnode: ['tunnel', 'rendezvous', 'peer', 'intercept', 'shell', 'runtime'],
  peer: ['rendezvous', 'fsnode', 'intercept', 'shell', 'runtime'],
  intercept: ['rendezvous', 'fsnode', 'peer', 'shell', 'runtime'],
  shell: ['runtime'],
  'module-tree': [
    'base',
    'tunnel',
    'rendezvous',
    'peer',
    'shell',
    'fsnode',
    'module-host',
    'runtime',
    'client-default',
  ],
};

export default tseslint.config(
  { ignores: ['node_modules/', 'generated/', 'build/'] },
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: fileURLToPath(new URL('.', import.meta.url)) },
    },
    rules: {
      'no-restricted-globals': ['error', ...nodeGlobals],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/return-await': ['error', 'in-try-catch'],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/unbound-method': 'off',
      eqeqeq: 'error',
    },
  },
  ...Object.entries(forbidden).map(([folder, others]) => ({
    files: [`${folder}/**/*.ts`],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: others.map(other => ({ group: [`**/${other}/**`] })) }],
    },
  })),
  {
    files: ['**/*.test.ts', '**/testing/**', 'module-host/**', 'vitest.config.ts'],
    rules: { 'no-restricted-globals': 'off', '@typescript-eslint/require-await': 'off' },
  },
);
